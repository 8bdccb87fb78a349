import { valued } from "../http/wire.ts";
import type { TaskByServerSource, TaskByServerSources } from "./schema.ts";
import type { ShownSourceRow } from "./store.ts";

type Task = NonNullable<ShownSourceRow["task"]>;
type Progress = ShownSourceRow["progress"];

/** A source's task, as showServer tells of it. */
export function toCurrentTask({ definition, ...task }: Task, progress: Progress): TaskByServerSource {
  const { id, name, type, state, start_date, log_collect_status } = task;
  const { region_id, project_name, project_id, vm_template_id, exist_server, target_server } = definition;
  return {
    id,
    name,
    type,
    state,
    speed_limit: definition.speed_limit ?? 0,
    start_target_server: definition.start_target_server ?? true,
    region_id,
    project_name,
    project_id,
    target_server: valued({ vm_id: target_server.vm_id, name: target_server.name }),
    log_collect_status,
    use_public_ip: definition.use_public_ip ?? true,
    ...valued({ start_date, vm_template_id, exist_server, migrate_speed: progress?.migrate_speed }),
  };
}

/** The same, as listServers tells of it. */
export function toListedCurrentTask(task: Task, progress: Progress): TaskByServerSources {
  const { finish_date, log_bucket, log_upload_time, definition } = task;
  return {
    ...toCurrentTask(task, progress),
    clone_server: definition.clone_server ?? {},
    ...valued({
      estimate_complete_time: estimateCompleteTime(finish_date, progress),
      compress_rate: progress?.compress_rate,
      remain_seconds: progress?.remain_time,
      log_bucket,
      log_upload_time,
    }),
  };
}

/** When a task will be done by what its agent said last; nothing once it is. */
export function estimateCompleteTime(
  finish_date: number | null,
  progress: Pick<NonNullable<Progress>, "reported_at" | "remain_time"> | null,
): number | undefined {
  if (finish_date !== null || progress?.remain_time == null) return undefined;
  return progress.reported_at + progress.remain_time * 1000;
}
