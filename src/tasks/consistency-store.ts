import { and, asc, desc, eq, gte, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { withinBytes } from "../db/page.ts";
import { sources } from "../sources/table.ts";
import { consistencyResults, tasks } from "./table.ts";

export type UploadRow = typeof consistencyResults.$inferSelect;

export async function insertUpload(tx: Transaction, row: Omit<UploadRow, "seq">): Promise<void> {
  await tx.insert(consistencyResults).values(row);
}

/** The newest uploads of a task, oldest first: at most so many, that weigh at most so much together. */
export async function selectNewestUploads(
  db: Executor,
  task_seq: number,
  most: { uploads: number; bytes: number },
): Promise<UploadRow[]> {
  const ofTask = eq(consistencyResults.task_seq, task_seq);
  const sizes = await db
    .select({
      seq: consistencyResults.seq,
      bytes: sql<number>`octet_length(${consistencyResults.consistency_result})`,
    })
    .from(consistencyResults)
    .where(ofTask)
    .orderBy(desc(consistencyResults.seq))
    .limit(most.uploads);
  const oldest = withinBytes(sizes, most.bytes).at(-1);
  if (!oldest) return [];
  return db
    .select()
    .from(consistencyResults)
    .where(and(ofTask, gte(consistencyResults.seq, oldest.seq)))
    .orderBy(asc(consistencyResults.seq));
}

/** A task with its source, as an export names them. */
export interface ExportedTask {
  seq: number;
  task_id: string;
  source_id: string;
  source_name: string;
}

/** The account's tasks that have one of the ids, or are of one of the sources. */
export async function selectTasksToExport(
  db: Executor,
  account_seq: number,
  { task_ids, source_ids }: { task_ids: readonly string[]; source_ids: readonly string[] },
): Promise<ExportedTask[]> {
  // Apart, as an OR over two tables would read every task of the account.
  const named = sql`SELECT seq FROM tasks WHERE id IN (SELECT value FROM json_each(${JSON.stringify(task_ids)}))`;
  const ofSources = sql`SELECT tasks.seq FROM sources JOIN tasks ON tasks.source_seq = sources.seq WHERE sources.id IN (SELECT value FROM json_each(${JSON.stringify(source_ids)}))`;
  return db
    .select({ seq: tasks.seq, task_id: tasks.id, source_id: sources.id, source_name: sources.name })
    .from(tasks)
    .innerJoin(sources, eq(sources.seq, tasks.source_seq))
    .where(and(eq(tasks.account_seq, account_seq), sql`${tasks.seq} IN (${named} UNION ${ofSources})`));
}

/** Uploads of those tasks behind `after`, a task at a time, oldest first. */
export async function selectUploadPage(
  db: Executor,
  task_seqs: readonly number[],
  after: { task_seq: number; seq: number } | undefined,
  limit: number,
): Promise<UploadRow[]> {
  const { task_seq, seq } = consistencyResults;
  return db
    .select()
    .from(consistencyResults)
    .where(
      and(
        sql`${task_seq} IN (SELECT value FROM json_each(${JSON.stringify(task_seqs)}))`,
        after && sql`(${task_seq}, ${seq}) > (${after.task_seq}, ${after.seq})`,
      ),
    )
    .orderBy(asc(task_seq), asc(seq))
    .limit(limit);
}
