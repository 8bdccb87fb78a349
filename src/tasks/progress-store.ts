import { sql } from "drizzle-orm";
import type { Transaction } from "../db/executor.ts";
import { subtasks, taskProgress } from "./table.ts";

type ProgressRow = typeof taskProgress.$inferInsert;

/** What an agent tells at a time. */
export interface ToldProgress extends Optional<Omit<ProgressRow, "task_seq" | "reported_at">> {
  subtask_name: string;
  progress: number;
  process_trace: string;
  replicatesize: number;
  totalsize: number;
}
type Optional<Row> = { [Member in keyof Row]?: Exclude<Row[Member], null> | undefined };

/** The newest progress of a task, in place of the one before. */
export async function upsertProgress(tx: Transaction, row: typeof taskProgress.$inferInsert): Promise<void> {
  await tx.insert(taskProgress).values(row).onConflictDoUpdate({ target: taskProgress.task_seq, set: row });
}

/** A subtask as it stands now: its start stays, and so does its end once it has one. */
export async function upsertSubtask(tx: Transaction, row: typeof subtasks.$inferInsert): Promise<void> {
  const { progress, migrate_speed, process_trace, end_date } = row;
  await tx
    .insert(subtasks)
    .values(row)
    .onConflictDoUpdate({
      target: [subtasks.task_seq, subtasks.name],
      set: {
        progress,
        migrate_speed,
        process_trace,
        end_date: end_date === null ? null : sql`coalesce(${subtasks.end_date}, ${end_date})`,
      },
    });
}
