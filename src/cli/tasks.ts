import type { Client } from "../client/client.ts";
import { findSource } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { answer } from "./verb.ts";

/* What the verbs of tasks share. */

/** A task named by its id, or by its source: a source has one. */
export async function findTask(client: Client, named: string): Promise<string> {
  const tasksOf = async (query: Record<string, string>) => (await answer(client.v3.tasks.$get({ query }))).tasks;
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(named);
  const [byId] = isId ? await tasksOf({ id: named }) : [];
  if (byId?.id) return byId.id;
  const [ofSource] = await tasksOf({ source_server_id: await findSource(client, named) });
  if (!ofSource?.id) throw new CliFailure("notFound", isId ? `there is no task ${named}` : `${named} has no task`);
  return ofSource.id;
}

interface Advancing {
  sub_tasks?: readonly { name?: string; progress?: number }[];
}

/** What the agent is at: the subtask that is not done, else the last one. */
export function currentSubtask({ sub_tasks = [] }: Advancing) {
  return sub_tasks.find(({ progress = 0 }) => progress < 100) ?? sub_tasks.at(-1);
}

export function progressOf(task: Advancing): string | undefined {
  const current = currentSubtask(task);
  return current && `${current.name} ${current.progress} %`;
}
