import * as v from "valibot";
import { logCollectStatuses, migrationTypes, taskStates } from "../core/words.ts";
import { decimal, INT32, integer, object, queryInteger, text } from "../http/wire.ts";
import { VolumeGroups } from "../sources/disk-schema.ts";
import { CloneServer, shownMigrationCycles, shownSourceStates } from "../sources/schema.ts";
import { ConfigBody, NetworkCheckInfo, osTypes, TargetDisk } from "./schema.ts";

/* What showTask and listTasks take and answer. */

const targetInReplies = {
  id: text(0, 255),
  vm_id: v.optional(text(0, 255)),
  name: v.optional(text(0, 255)),
  ip: v.optional(text(0, 255)),
  os_type: v.picklist(osTypes),
  os_version: v.optional(text(0, 255)),
};

const sourceInReplies = {
  id: text(0, 255),
  ip: v.optional(text(0, 255)),
  name: text(0, 255),
  os_type: v.picklist(osTypes),
  os_version: v.optional(text(0, 255)),
  oem_system: v.optional(v.boolean()),
  state: v.picklist(shownSourceStates),
};

const subTaskInReplies = {
  id: integer(0),
  name: text(0, 255),
  progress: integer(0, 100),
  start_date: integer(0),
  end_date: v.optional(integer(0)),
  process_trace: text(0, 2048),
};

/** What showTask and listTasks both tell of a task. */
const taskInReplies = {
  id: text(0, 255),
  name: text(0, 255),
  type: v.picklist(migrationTypes),
  os_type: v.picklist(osTypes),
  state: v.picklist(taskStates),
  priority: integer(0, 2),
  speed_limit: v.pipe(integer(0, 65535), v.description("Mbit/s; 0 is none.")),
  start_target_server: v.boolean(),
  enterprise_project_id: text(1, 255),
  migration_ip: v.optional(text(0, 255)),
  syncing: v.boolean(),
  need_migration_test: v.boolean(),
  create_date: integer(0),
  estimate_complete_time: v.optional(v.pipe(integer(0), v.description("By remain_seconds; absent once it is done."))),
  error_json: v.optional(v.pipe(text(0, 1024), v.description("JSON: error_code and error_msg."))),
  network_check_info: v.optional(NetworkCheckInfo),
  migrate_speed: v.optional(v.pipe(decimal(0, 10000), v.description("Mbit/s, as last reported."))),
  compress_rate: v.optional(decimal(0, 10000)),
  total_cpu_usage: v.optional(decimal(0, 100)),
  agent_cpu_usage: v.optional(decimal(0, 100)),
  total_mem_usage: v.optional(decimal(0, 1048576)),
  agent_mem_usage: v.optional(decimal(0, 1048576)),
  total_disk_io: v.optional(decimal(0, 10000)),
  agent_disk_io: v.optional(decimal(0, 10000)),
};

export const ShowTaskResponse = object({
  ...taskInReplies,
  use_public_ip: v.boolean(),
  use_ipv6: v.boolean(),
  region_id: text(0, 255),
  region_name: text(0, 255),
  project_name: text(0, 255),
  project_id: text(0, 255),
  vm_template_id: v.optional(text(0, 255)),
  connected: v.pipe(v.boolean(), v.description("The source is; see showServer.")),
  start_date: v.optional(v.pipe(integer(0), v.description("When it first ran; milliseconds since 1970."))),
  finish_date: v.optional(integer(0)),
  remain_seconds: v.optional(integer(0)),
  source_server: object({ ...sourceInReplies, migration_cycle: v.picklist(shownMigrationCycles) }),
  target_server: object({
    ...targetInReplies,
    system_dir: v.optional(text(0, 255)),
    disks: v.array(TargetDisk),
    volume_groups: v.array(VolumeGroups),
    btrfs_list: v.pipe(v.array(text(0, 255)), v.description("Names of the file systems.")),
    image_disk_id: v.optional(text(0, 255)),
    cutovered_snapshot_ids: v.optional(text(0, 1024)),
  }),
  clone_server: v.optional(CloneServer),
  sub_tasks: v.array(object({ ...subTaskInReplies, migrate_speed: v.optional(decimal(0, 10000)) })),
});
export type ShowTaskResponse = v.InferOutput<typeof ShowTaskResponse>;

const TasksResponseBody = object({
  ...taskInReplies,
  source_server: object(sourceInReplies),
  target_server: object(targetInReplies),
  clone_server: v.optional(object({ vm_id: v.optional(text(0, 255)), name: v.optional(text(0, 255)) })),
  log_collect_status: v.picklist(logCollectStatuses),
  special_config: v.array(ConfigBody),
  sub_tasks: v.array(object(subTaskInReplies)),
});
export type TasksResponseBody = v.InferOutput<typeof TasksResponseBody>;

export const ListTasksResponse = object({
  count: v.pipe(integer(0, INT32), v.description("All that match, before paging.")),
  tasks: v.array(TasksResponseBody),
});
export type ListTasksResponse = v.InferOutput<typeof ListTasksResponse>;

export const DEFAULT_TASKS_PER_PAGE = 100;
const MAX_TASKS_PER_PAGE = 200;

export const ListTasksQuery = object({
  state: v.optional(v.picklist(taskStates)),
  name: v.optional(v.pipe(text(0, 255), v.description("Part of the name, taken literally."))),
  id: v.optional(text(1, 36)),
  source_server_id: v.optional(text(1, 36)),
  limit: v.optional(v.pipe(queryInteger(0, MAX_TASKS_PER_PAGE), v.description("0 means 100."))),
  offset: v.optional(queryInteger(0, 65535)),
  enterprise_project_id: v.optional(text(0, 255)),
});
export type ListTasksQuery = v.InferOutput<typeof ListTasksQuery>;
