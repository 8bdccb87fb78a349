import * as v from "valibot";
import { type Role, taskActions, taskStates } from "../core/words.ts";
import { decimal, integer, object, objectId, text } from "../http/wire.ts";
import { migrationCycles, sourceStates } from "../sources/schema.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

/** Who may act on tasks and sources: what is listed as allowed goes by it too. */
export const actors = ["operator", "admin"] as const satisfies readonly Role[];

export const UpdateTaskStatusReq = object({
  operation: v.picklist(taskActions),
  template_id: v.optional(text(0, 255)),
  switch_hce: v.optional(v.boolean()),
  is_need_consistency_check: v.optional(v.boolean()),
});
export type UpdateTaskStatusReq = v.InferOutput<typeof UpdateTaskStatusReq>;

export const UploadLogRequestBody = object({ log_bucket: text(0, 255) });

/** What a batch deletes: all of them or none. */
export const DeleteIds = object({
  ids: v.pipe(v.array(objectId()), v.minLength(1), v.maxLength(50)),
});

/** changestate spells initialize differently, and knows a drill under way. */
const copystates = [...sourceStates.filter((state) => state !== "initialize"), "init", "premiging"] as const;
const migrationcycles = [...migrationCycles, "no_ready", "ready_for_test", "testing", "tested"] as const;

export const PutCopyStateReq = v.pipe(
  object({
    copystate: v.optional(v.picklist(copystates)),
    migrationcycle: v.optional(v.picklist(migrationcycles)),
  }),
  v.check(
    ({ copystate, migrationcycle }) => copystate !== undefined || migrationcycle !== undefined,
    "takes copystate, migrationcycle or both",
  ),
);
export type PutCopyStateReq = v.InferOutput<typeof PutCopyStateReq>;

const subtaskNames = [
  "CREATE_CLOUD_SERVER",
  "SSL_CONFIG",
  "ATTACH_AGENT_IMAGE",
  "DETTACH_AGENT_IMAGE",
  "FORMAT_DISK_LINUX",
  "FORMAT_DISK_LINUX_FILE",
  "FORMAT_DISK_LINUX_BLOCK",
  "FORMAT_DISK_WINDOWS",
  "MIGRATE_LINUX_FILE",
  "MIGRATE_LINUX_BLOCK",
  "MIGRATE_WINDOWS_BLOCK",
  "CLONE_VM",
  "SYNC_LINUX_FILE",
  "SYNC_LINUX_BLOCK",
  "SYNC_WINDOWS_BLOCK",
  "CONFIGURE_LINUX",
  "CONFIGURE_LINUX_BLOCK",
  "CONFIGURE_LINUX_FILE",
  "CONFIGURE_WINDOWS",
] as const;

export const UpdateTaskSpeedReq = object({
  subtask_name: v.picklist(subtaskNames),
  progress: v.pipe(integer(0, 100), v.description("Percent.")),
  replicatesize: v.pipe(integer(0), v.description("Bytes copied.")),
  totalsize: v.pipe(integer(0), v.description("Bytes to copy.")),
  process_trace: text(0, 2048),
  migrate_speed: v.optional(v.pipe(decimal(0, 10000), v.description("Mbit/s."))),
  compress_rate: v.optional(decimal(0, 10000)),
  remain_time: v.optional(v.pipe(integer(0, 2147483647), v.description("Seconds."))),
  total_cpu_usage: v.optional(v.pipe(decimal(0, 100), v.description("Percent."))),
  agent_cpu_usage: v.optional(v.pipe(decimal(0, 100), v.description("Percent."))),
  total_mem_usage: v.optional(decimal(0, 1048576)),
  agent_mem_usage: v.optional(decimal(0, 1048576)),
  total_disk_io: v.optional(decimal(0, 10000)),
  agent_disk_io: v.optional(decimal(0, 10000)),
  need_migration_test: v.optional(v.boolean()),
  agent_time: v.optional(text(0, 30)),
});
export type UpdateTaskSpeedReq = v.InferOutput<typeof UpdateTaskSpeedReq>;

// The operator's side.

export const ReturnedTask = object({ id: v.string(), state: v.picklist(taskStates) });
export type ReturnedTask = v.InferOutput<typeof ReturnedTask>;

export const sourceActions = ["create_task", ...taskActions, "delete_task", "delete_source"] as const;
export type SourceAction = (typeof sourceActions)[number];

export const ListSourceActionsResponse = object({
  items: v.array(
    object({
      action: v.picklist(sourceActions),
      allowed: v.boolean(),
      reason: v.pipe(v.nullable(v.string()), v.description("In the words of the refusal; null where it is allowed.")),
    }),
  ),
});
export type ListSourceActionsResponse = v.InferOutput<typeof ListSourceActionsResponse>;
