import { expect } from "bun:test";
import { type Ferry, register } from "../harness.ts";

/** A source with its task, made by the operator. */
export async function makeTask(
  ferry: Ferry,
  name = "web-1",
  { registered = {}, task = {} }: { registered?: object; task?: object } = {},
): Promise<{ source_id: string; task_id: string }> {
  const source_id = await register(ferry, name, { ...registered });
  return { source_id, task_id: await makeTaskOf(ferry, source_id, task) };
}

export async function makeTaskOf(ferry: Ferry, source_id: string, task: object = {}): Promise<string> {
  const { status, json } = await ferry.call("operator", "POST", "/v3/tasks", {
    body: {
      name: "MigrationTask",
      type: "MIGRATE_FILE",
      source_server: { id: source_id },
      target_server: {},
      region_name: "region-1",
      region_id: "region-1",
      project_name: "region-1",
      project_id: "project-1",
      ...task,
    },
  });
  expect(status).toBe(200);
  return json.id;
}

/** Every event about the task beyond its making, oldest first. */
export async function eventsOf(ferry: Ferry, task_id: string) {
  const { json } = await ferry.call("admin", "GET", "/operate/v1/events?order=oldest&limit=1000");
  return json.items
    .filter((event: { type: string; data: { task_id?: string } }) => event.data.task_id === task_id)
    .filter(({ type }: { type: string }) => type !== "task.created")
    .map(({ type, actor, source_id, data }: Record<string, unknown>) => ({ type, actor, source_id, data }));
}

/** An agent's key that is bound to a new source of that name. */
export async function boundKey(ferry: Ferry, name: string) {
  const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
  return { key, source_id: await register(ferry, name, {}, key) };
}
