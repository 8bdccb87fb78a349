import type { Context, TypedResponse } from "hono";
import { Failure } from "../core/failure.ts";
import type { TaskState } from "../core/words.ts";
import type { CurrentTask } from "../tasks/current.ts";
import type { ResultRow } from "./history-store.ts";
import type { Command, ShowCommandResponse } from "./schema.ts";
import type { CommandRow } from "./store.ts";

/** What a poll gets. */
export interface Offer {
  reply: ShowCommandResponse;
  /** The command behind it, and the number of this delivery; absent from the idle answer. */
  command?: { id: string; attempt: number };
}

/** What a source hears that has nothing to do. Source: docs/decisions.md, "Commands". */
const idleNames: Partial<Record<TaskState, string>> = {
  READY: "TASK_NOT_STARTED",
  ABORT: "TASK_HAS_STOPPED",
  MIGRATE_FAIL: "TASK_HAS_STOPPED",
  SYNC_FAIL: "TASK_HAS_STOPPED",
  MIGRATE_SUCCESS: "TASK_HAS_FINISHED",
  SYNC_SUCCESS: "TASK_HAS_FINISHED",
  SYNC_F_ROLLBACK_SUCCESS: "TASK_HAS_FINISHED",
};

export function idle(task: CurrentTask | null): Offer {
  if (task === null) return { reply: { command_name: "TASK_NOT_STARTED" } };
  const command_name = idleNames[task.state];
  return { reply: command_name === undefined ? {} : { command_name, command_param: { task_id: task.id } } };
}

export function toOffer(command: CommandRow, attempt: number): Offer {
  const { id, command_name } = command;
  const command_param = commandParam(command);
  const hasParam = Object.keys(command_param).length > 0;
  return { reply: { command_name, ...(hasParam && { command_param }) }, command: { id, attempt } };
}

export function toCommand(row: CommandRow): Command {
  const {
    seq: _s,
    account_seq: _a,
    source_seq: _r,
    due_at: _d,
    order_digest: _o,
    task_id: _t,
    bucket: _b,
    ...rest
  } = row;
  return { ...rest, command_param: commandParam(row) };
}

function commandParam({ task_id, bucket }: CommandRow): Command["command_param"] {
  return { ...(task_id !== null && { task_id }), ...(bucket !== null && { bucket }) };
}

export function unknownCommand(id: string): Failure {
  return new Failure("notFound", `command ${id} is unknown`);
}

/*
 * Replies that hold result_detail are put together as text: the JSON value an agent sent goes out as it came in,
 * numbers included.
 */

/** A stored report as JSON text. */
function resultJson({ seq: _, result_detail, ...rest }: ResultRow): string {
  return `${JSON.stringify(rest).slice(0, -1)},"result_detail":${result_detail}}`;
}

/** One JSON object a line: a line break inside, as an agent may have sent it, is white space to JSON. */
export function resultLines(rows: readonly ResultRow[]): string {
  return `${rows.map((row) => resultJson(row).replace(/[\r\n]/g, " ")).join("\n")}\n`;
}

export function resultPageJson(page: { items: readonly ResultRow[]; next_cursor: string | null }): string {
  return `{"items":[${page.items.map(resultJson).join(",")}],"next_cursor":${JSON.stringify(page.next_cursor)}}`;
}

export function commandWithReportsJson(command: Command, reports: readonly ResultRow[]): string {
  return `${JSON.stringify(command).slice(0, -1)},"reports":[${reports.map(resultJson).join(",")}]}`;
}

/** A JSON reply from text, typed as what it holds. */
export function exactJson<Reply>(c: Context, json: string) {
  return c.body(json, 200, { "Content-Type": "application/json" }) as unknown as Response &
    TypedResponse<Reply, 200, "json">;
}
