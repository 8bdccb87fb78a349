import { expect } from "bun:test";
import { type Ferry, makeTask, poll, register, report } from "../harness.ts";

/** Where a task and its source stand, as stored. */
export async function standing(ferry: Ferry, task_id: string): Promise<string> {
  const [row] = await ferry.rows(
    "SELECT tasks.state AS task, sources.state AS source, migration_cycle FROM tasks JOIN sources ON sources.seq = source_seq WHERE tasks.id = ?",
    task_id,
  );
  return row ? `${row.task} ${row.source} ${row.migration_cycle}` : "gone";
}

/** The commands of a source, oldest first: name, state and reason. */
export async function commandsOf(ferry: Ferry, source_id: string): Promise<string[]> {
  const { json } = await ferry.call("viewer", "GET", `/operate/v1/commands?source_id=${source_id}&order=oldest`);
  return json.items.map(({ command_name, state }: Record<string, string>) => `${command_name} ${state}`);
}

export async function act(ferry: Ferry, task_id: string, operation: string): Promise<void> {
  const { status, text } = await ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, { body: { operation } });
  expect([operation, status, text]).toEqual([operation, 200, "{}"]);
}

export async function changestate(ferry: Ferry, source_id: string, copystate: string): Promise<void> {
  const { status, text } = await ferry.call("agent", "PUT", `/v3/sources/${source_id}/changestate`, {
    body: { copystate },
  });
  expect([copystate, status, text]).toEqual([copystate, 200, "{}"]);
}

/** A source with a task, brought to a state the way agents and operators do. */
export async function taskThatIs(
  ferry: Ferry,
  state: "READY" | "RUNNING" | "copying" | "MIGRATE_SUCCESS" | "SYNC_FAIL" | "ABORT",
): Promise<{ source_id: string; task_id: string }> {
  const source_id = await register(ferry);
  const task_id = await makeTask(ferry, source_id);
  const carriesOut = async (name: string, result = "success") => {
    const { json } = await poll(ferry, source_id);
    expect(json.command_name).toBe(name);
    await report(ferry, source_id, name, result);
  };
  if (state !== "READY") await act(ferry, task_id, "start");
  if (state === "RUNNING" || state === "READY") return { source_id, task_id };
  await carriesOut("START");
  if (state === "ABORT") {
    await act(ferry, task_id, "stop");
    await carriesOut("STOP");
  }
  if (state === "MIGRATE_SUCCESS" || state === "SYNC_FAIL") await changestate(ferry, source_id, "finished");
  if (state === "SYNC_FAIL") {
    await act(ferry, task_id, "start");
    await carriesOut("SYNC", "fail");
  }
  return { source_id, task_id };
}
