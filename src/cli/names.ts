/** As the service has them; the typed client refuses one it does not know. */
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
