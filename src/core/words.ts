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

/** They run beside the others, which steer the migration. */
export const logCommandNames = ["UPLOAD_LOG", "RSET_LOG_ACL"] as const satisfies readonly CommandName[];

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

/** Where a migration task stands: the union of what the wire's queries and replies list. Source: docs/decisions.md, "States". */
export const taskStates = [
  "READY",
  "RUNNING",
  "SYNCING",
  "MIGRATE_SUCCESS",
  "SYNC_SUCCESS",
  "MIGRATE_FAIL",
  "SYNC_FAIL",
  "ABORTING",
  "ABORT",
  "SKIPPING",
  "DELETING",
  "RESETING",
  "SYNC_F_ROLLBACKING",
  "SYNC_F_ROLLBACK_SUCCESS",
] as const;
export type TaskState = (typeof taskStates)[number];

/** Of those the ones in which a task has failed. */
export const failedTaskStates: readonly TaskState[] = ["MIGRATE_FAIL", "SYNC_FAIL"];

/** What updateTaskStatus takes as `operation`. */
export const taskActions = [
  "start",
  "stop",
  "restart",
  "skip",
  "migration_test",
  "test",
  "cutover",
  "clone_test",
  "clear",
  "sync_failed_rollback",
  "network_check",
  "collect_log",
  "error_for_overspeed",
] as const;
export type TaskAction = (typeof taskActions)[number];

/** How a migration copies. */
export const migrationTypes = ["MIGRATE_FILE", "MIGRATE_BLOCK"] as const;

/** What showConfig tells of the cloud that targets are in: once, */
export const cloudMembers = ["disktype", "mainRegion", "obs_domain"] as const;
/** and for each of its regions. Source: docs/decisions.md, "Versions and configuration". */
export const cloudRegionMembers = [
  "cloud_type",
  "desc",
  "project_name",
  "region_name",
  "kms_address",
  "dns_domain",
  "ecs_domain",
  "evs_domain",
  "iam_domain",
  "ims_domain",
  "obs_domain",
  "sms_domain",
  "vpc_domain",
  "linux_image_id",
  "linux_uefi_image_id",
  "create_linux_image_id",
  "windows_image_id",
  "windows_ssh_image_id",
  "windows_uefi_image_id",
] as const;

export const logCollectStatuses = ["INIT", "UPLOADING", "UPLOAD_FAIL", "UPLOADED"] as const;
export type LogCollectStatus = (typeof logCollectStatuses)[number];
