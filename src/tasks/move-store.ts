import { and, asc, eq, isNotNull, lte } from "drizzle-orm";
import { among } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { selectTasks, type TaskRow, toTaskRow } from "./store.ts";
import { consistencyResults, subtasks, taskProgress, taskSecrets, tasks } from "./table.ts";

export async function selectCurrentTask(db: Executor, source_seq: number) {
  const [row] = await db
    .select({ id: tasks.id, state: tasks.state })
    .from(tasks)
    .where(eq(tasks.source_seq, source_seq));
  return row;
}

/** Tasks whose passing state is over by then, the longest over first. */
export async function selectReturning(db: Executor, now: number, limit: number): Promise<{ id: string }[]> {
  return db
    .select({ id: tasks.id })
    .from(tasks)
    .where(and(isNotNull(tasks.return_at), lte(tasks.return_at, now)))
    .orderBy(asc(tasks.return_at))
    .limit(limit);
}

export async function selectTasksById(db: Executor, ids: readonly string[]): Promise<TaskRow[]> {
  const rows = await selectTasks(db).where(among(tasks.id, ids));
  return rows.map(toTaskRow);
}

export async function selectTasksOfSources(db: Executor, source_seqs: readonly number[]): Promise<TaskRow[]> {
  const rows = await selectTasks(db).where(among(tasks.source_seq, source_seqs));
  return rows.map(toTaskRow);
}

/** With everything that hangs on them. */
export async function deleteTasks(tx: Transaction, seqs: readonly number[]): Promise<void> {
  for (const table of [taskProgress, subtasks, taskSecrets, consistencyResults]) {
    await tx.delete(table).where(among(table.task_seq, seqs));
  }
  await tx.delete(tasks).where(among(tasks.seq, seqs));
}
