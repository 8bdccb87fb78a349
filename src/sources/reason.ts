import { parseObject } from "../core/json-object.ts";
import { failedTaskStates, type TaskState } from "../core/words.ts";
import { type Checked, environmentChecks } from "./checks.ts";
import type { SourceState } from "./schema.ts";

/** Why a source is unavailable or in error, or why its task failed; null where none of it is so. */
export function reasonOf(source: {
  state: SourceState;
  /** Undefined where it was not read. */
  checked: Checked | undefined;
  task_state: TaskState | null;
  error_json: string | null;
}): string | null {
  const { state, checked, task_state, error_json } = source;
  if (state === "unavailable") return checked ? whyUnavailable(checked) : null;
  const failed =
    state === "error" || state === "premigfailed" || (task_state !== null && failedTaskStates.includes(task_state));
  if (!failed) return null;
  return errorText(error_json) ?? (state === "error" ? "the agent reported the state error" : null);
}

/** A task's error_json as a person reads it. */
export function errorText(error_json: string | null): string | null {
  const { error_code, error_msg } = parseObject(error_json ?? "") ?? {};
  return error_code === undefined ? null : `${error_code}: ${error_msg}`;
}

function whyUnavailable(checked: Checked): string {
  const failing = environmentChecks(checked).filter(({ result }) => result === "ERROR");
  if (failing.length === 0) return "the agent reported the state unavailable";
  return failing.map(({ name, error_or_warn }) => `${name}: ${error_or_warn}`).join("; ");
}
