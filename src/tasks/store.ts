import { eq, getTableColumns } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { sources } from "../sources/table.ts";
import type { TargetLayout } from "./schema.ts";
import { tasks } from "./table.ts";

const { target_layout: _, ...shortColumns } = getTableColumns(tasks);
/** What of a task is always short. */
export const taskColumns = shortColumns;

const rowColumns = {
  task: taskColumns,
  source_id: sources.id,
  source_state: sources.state,
  migration_cycle: sources.migration_cycle,
};

/** A task with where its source stands. */
export type TaskRow = Omit<typeof tasks.$inferSelect, "target_layout"> & {
  source_id: string;
  source_state: (typeof sources.$inferSelect)["state"];
  migration_cycle: (typeof sources.$inferSelect)["migration_cycle"];
};

export function selectTasks(db: Executor) {
  return db.select(rowColumns).from(tasks).innerJoin(sources, eq(sources.seq, tasks.source_seq)).$dynamic();
}

export function toTaskRow({ task, ...source }: Awaited<ReturnType<typeof selectTasks>>[number]): TaskRow {
  return { ...task, ...source };
}

/** Whatever its account. */
export async function selectTask(db: Executor, id: string): Promise<TaskRow | undefined> {
  const [row] = await selectTasks(db).where(eq(tasks.id, id));
  return row && toTaskRow(row);
}

/** What names a task and its source. */
export type TaskRef = Pick<TaskRow, "seq" | "id" | "account_seq" | "source_seq" | "source_id">;

export async function selectTaskRef(db: Executor, id: string): Promise<TaskRef | undefined> {
  const { seq, account_seq, source_seq } = tasks;
  const [row] = await db
    .select({ seq, id: tasks.id, account_seq, source_seq, source_id: sources.id })
    .from(tasks)
    .innerJoin(sources, eq(sources.seq, tasks.source_seq))
    .where(eq(tasks.id, id));
  return row;
}

export async function selectTaskOfSource(db: Executor, source_seq: number): Promise<TaskRow | undefined> {
  const [row] = await selectTasks(db).where(eq(tasks.source_seq, source_seq));
  return row && toTaskRow(row);
}

export async function selectTargetLayout(db: Executor, seq: number): Promise<TargetLayout | undefined> {
  const [row] = await db.select({ target_layout: tasks.target_layout }).from(tasks).where(eq(tasks.seq, seq));
  return row?.target_layout;
}

export async function insertTask(tx: Transaction, row: Omit<typeof tasks.$inferInsert, "seq">): Promise<void> {
  await tx.insert(tasks).values(row);
}

export async function updateTask(
  tx: Transaction,
  seq: number,
  change: Partial<typeof tasks.$inferInsert>,
): Promise<void> {
  await tx.update(tasks).set(change).where(eq(tasks.seq, seq));
}
