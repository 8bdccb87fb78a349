/* As the service has them; the typed client refuses one it does not know. */

export const commandNames = [
  "START",
  "STOP",
  "SYNC",
  "DELETE",
  "SKIP",
  "PREMIGRATE",
  "UPLOAD_LOG",
  "RSET_LOG_ACL",
] as const;

export const roles = ["viewer", "agent", "operator", "admin"] as const;

export const results = ["success", "fail"] as const;
