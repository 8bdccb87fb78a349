import { valued } from "../http/wire.ts";
import { estimateCompleteTime } from "../sources/current-task.ts";
import type { TargetLayout } from "./schema.ts";
import type { ShowTaskResponse, TasksResponseBody } from "./shown-schema.ts";
import type { ShownTaskRow, SubtaskRow } from "./shown-store.ts";

/** The greatest there is in replies; createTask takes more. */
const HIGHEST_PRIORITY = 2;

/** A task, as showTask tells of it. */
export function toShowTask(
  row: ShownTaskRow & { target_layout: TargetLayout },
  subtasks: readonly SubtaskRow[],
  connected: boolean,
): ShowTaskResponse {
  const { definition, start_date, finish_date } = row.task;
  const { disks, volume_groups, btrfs_list } = row.target_layout;
  const { region_id, region_name, project_name, project_id, vm_template_id, clone_server, target_server } = definition;
  const { system_dir, image_disk_id, cutovered_snapshot_ids } = { ...definition, ...valued(target_server) };
  return {
    ...taskInReplies(row),
    use_public_ip: definition.use_public_ip ?? true,
    use_ipv6: definition.use_ipv6 ?? false,
    region_id,
    region_name,
    project_name,
    project_id,
    connected,
    source_server: { ...sourceInReplies(row), migration_cycle: row.source.migration_cycle },
    target_server: {
      ...targetInReplies(row),
      disks,
      volume_groups,
      btrfs_list: btrfs_list.flatMap(({ name }) => name ?? []),
      ...valued({ system_dir, image_disk_id, cutovered_snapshot_ids }),
    },
    sub_tasks: subtasks.map((subtask, index) => ({
      ...subTaskInReplies(subtask, index),
      ...valued({ migrate_speed: subtask.migrate_speed }),
    })),
    ...valued({ vm_template_id, start_date, finish_date, clone_server, remain_seconds: row.progress?.remain_time }),
  };
}

/** A task, as listTasks tells of it. */
export function toListedTask(row: ShownTaskRow, subtasks: readonly SubtaskRow[]): TasksResponseBody {
  const { definition, log_collect_status, configurations } = row.task;
  const { clone_server } = definition;
  return {
    ...taskInReplies(row),
    source_server: sourceInReplies(row),
    target_server: targetInReplies(row),
    ...(clone_server && { clone_server: valued({ vm_id: clone_server.vm_id, name: clone_server.name }) }),
    log_collect_status,
    special_config: configurations,
    sub_tasks: subtasks.map(subTaskInReplies),
  };
}

function taskInReplies({ task, progress }: ShownTaskRow) {
  const { id, name, type, os_type, state, create_date, definition, error_json, network_check_info } = task;
  return {
    id,
    name,
    type,
    os_type,
    state,
    priority: Math.min(definition.priority ?? 1, HIGHEST_PRIORITY),
    speed_limit: definition.speed_limit ?? 0,
    start_target_server: definition.start_target_server ?? true,
    // The one enterprise project there is.
    enterprise_project_id: "0",
    syncing: definition.syncing ?? false,
    need_migration_test: definition.need_migration_test ?? progress?.need_migration_test ?? false,
    create_date,
    ...valued({
      migration_ip: definition.migration_ip,
      estimate_complete_time: estimateCompleteTime(task.finish_date, progress),
      error_json,
      network_check_info,
      migrate_speed: progress?.migrate_speed,
      compress_rate: progress?.compress_rate,
      total_cpu_usage: progress?.total_cpu_usage,
      agent_cpu_usage: progress?.agent_cpu_usage,
      total_mem_usage: progress?.total_mem_usage,
      agent_mem_usage: progress?.agent_mem_usage,
      total_disk_io: progress?.total_disk_io,
      agent_disk_io: progress?.agent_disk_io,
    }),
  };
}

type Described = [os_type?: "WINDOWS" | "LINUX", os_version?: string, oem_system?: boolean | null];

function sourceInReplies({ source_id: id, task, source }: ShownTaskRow) {
  const { ip, name, state } = source;
  const [os_type, os_version, oem_system] = JSON.parse(source.description ?? "[]") as Described;
  return { id, name, os_type: os_type ?? task.os_type, state, ...valued({ ip, os_version, oem_system }) };
}

function targetInReplies({ task }: ShownTaskRow) {
  const { id, vm_id, name, ip, os_type, os_version } = task.definition.target_server;
  return { id, os_type: os_type ?? task.os_type, ...valued({ vm_id, name, ip, os_version }) };
}

function subTaskInReplies({ name, progress, start_date, end_date, process_trace }: SubtaskRow, index: number) {
  return { id: index + 1, name, progress, start_date, process_trace, ...valued({ end_date }) };
}
