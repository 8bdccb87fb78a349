import { type Ferry, register } from "../harness.ts";

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
