/* Closed lists of words that the service, its command line and its agent share. */

/** What a user or a key may do. Source: docs/decisions.md, "Roles". */
export const roles = ["viewer", "agent", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** What a poll may hand out and a report may name. Source: docs/decisions.md, "Commands". */
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
export type CommandName = (typeof commandNames)[number];

export const commandStates = [
  "queued",
  "delivered",
  "succeeded",
  "failed",
  "cancelled",
  "superseded",
  "undelivered",
  "overdue",
] as const;
export type CommandState = (typeof commandStates)[number];

export const reportResults = ["success", "fail"] as const;
export type ReportResult = (typeof reportResults)[number];

export const reportKinds = ["matched", "repeat", "late", "unsolicited"] as const;
export type ReportKind = (typeof reportKinds)[number];
