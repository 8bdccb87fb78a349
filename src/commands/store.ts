import { and, asc, eq, gt, isNotNull, isNull, lte, sql } from "drizzle-orm";
import type { CommandState, ReportKind } from "../core/words.ts";
import { among, amongIds } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { uuidText } from "../db/uuid.ts";
import { sourcePresence, sources } from "../sources/table.ts";
import { tasks } from "../tasks/table.ts";
import { commands, results } from "./table.ts";

const commandColumns = {
  seq: commands.seq,
  id: uuidText("commands.id"),
  account_seq: commands.account_seq,
  source_seq: commands.source_seq,
  source_id: sources.id,
  source_name: sources.name,
  command_name: commands.command_name,
  task_id: commands.task_id,
  bucket: commands.bucket,
  state: commands.state,
  reason: commands.reason,
  attempts: commands.attempts,
  created_at: commands.created_at,
  first_delivered_at: commands.first_delivered_at,
  last_delivered_at: commands.last_delivered_at,
  deliver_by: commands.deliver_by,
  finish_within_s: commands.finish_within_s,
  due_at: commands.due_at,
  ended_at: commands.ended_at,
  idempotency_key: commands.idempotency_key,
  order_digest: commands.order_digest,
};

export function selectCommands(db: Executor) {
  return db.select(commandColumns).from(commands).innerJoin(sources, eq(sources.seq, commands.source_seq)).$dynamic();
}
export type CommandRow = Awaited<ReturnType<typeof selectCommands>>[number];

export type NewCommand = Omit<typeof commands.$inferInsert, "seq" | "attempts">;

/** In the order given. */
export async function insertCommands(tx: Transaction, rows: readonly NewCommand[]): Promise<CommandRow[]> {
  if (rows.length === 0) return [];
  await tx.insert(commands).values([...rows]);
  return selectCommandsById(
    tx,
    rows.map(({ id }) => id),
  );
}

/** Whatever their account, in the order they were made. */
export function selectCommandsById(db: Executor, ids: readonly string[]): Promise<CommandRow[]> {
  return selectCommands(db).where(amongIds(commands.id, ids)).orderBy(asc(commands.seq));
}

/** The open commands of one source, or of all. */
export async function selectOpenCommands(db: Executor, source_seq?: number): Promise<CommandRow[]> {
  // Among millions that have ended: their own index alone knows where they are.
  const all = sql`${commands.seq} IN (SELECT seq FROM commands INDEXED BY commands_open WHERE ended_at IS NULL)`;
  const where = source_seq === undefined ? all : and(isNull(commands.ended_at), eq(commands.source_seq, source_seq));
  return selectCommands(db).where(where).orderBy(asc(commands.seq));
}

/** A live source with its open commands and its task, in one statement: a poll's whole question. */
export async function selectWaiting(db: Executor, server_id: string) {
  const { source_id: _id, source_name: _name, ...columns } = commandColumns;
  const rows = await db
    .select({
      source: { seq: sources.seq, id: sources.id, account_seq: sources.account_seq },
      source_name: sources.name,
      seen_at: sourcePresence.seen_at,
      task: { id: tasks.id, state: tasks.state },
      command: columns,
    })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .leftJoin(tasks, eq(tasks.source_seq, sources.seq))
    .leftJoin(commands, and(eq(commands.source_seq, sources.seq), isNull(commands.ended_at)))
    .where(and(eq(sources.id, server_id), isNull(sources.deleted_at)))
    .orderBy(asc(commands.seq));
  const [first] = rows;
  if (!first) return undefined;
  const open = rows.flatMap(({ source, source_name, command }): CommandRow[] =>
    command ? [{ ...command, source_id: source.id, source_name }] : [],
  );
  return { source: first.source, seen_at: first.seen_at, task: first.task, open };
}

/** Live sources by key, with their tasks, from behind one of them on. */
export async function selectSourcesAfter(db: Executor, source_seq: number, limit: number) {
  return db
    .select({
      source: { seq: sources.seq, id: sources.id, account_seq: sources.account_seq },
      task: { id: tasks.id, state: tasks.state },
    })
    .from(sources)
    .leftJoin(tasks, eq(tasks.source_seq, sources.seq))
    .where(and(gt(sources.seq, source_seq), isNull(sources.deleted_at)))
    .orderBy(asc(sources.seq))
    .limit(limit);
}

/** Which of these sources have commands that are open. */
export async function selectSourcesWithOpen(db: Executor, source_seqs: readonly number[]): Promise<number[]> {
  const rows = await db
    .selectDistinct({ source_seq: commands.source_seq })
    .from(commands)
    .where(and(isNull(commands.ended_at), among(commands.source_seq, source_seqs)));
  return rows.map(({ source_seq }) => source_seq);
}

/** The open commands of many sources. */
export async function selectOpenCommandsOf(db: Executor, source_seqs: readonly number[]): Promise<CommandRow[]> {
  return selectCommands(db)
    .where(and(isNull(commands.ended_at), among(commands.source_seq, source_seqs)))
    .orderBy(asc(commands.seq));
}

/** Whatever its account. */
export async function selectCommandBySeq(db: Executor, seq: number): Promise<CommandRow | undefined> {
  const [row] = await selectCommands(db).where(eq(commands.seq, seq));
  return row;
}

/** Open commands whose deadline has passed, the longest past first. */
export async function selectPastDue(db: Executor, now: number, limit: number): Promise<CommandRow[]> {
  return selectCommands(db)
    .where(and(isNull(commands.ended_at), isNotNull(commands.due_at), lte(commands.due_at, now)))
    .orderBy(asc(commands.due_at))
    .limit(limit);
}

export async function selectByIdempotencyKey(
  db: Executor,
  source_seq: number,
  key: string,
): Promise<CommandRow | undefined> {
  const [row] = await selectCommands(db).where(
    and(eq(commands.source_seq, source_seq), eq(commands.idempotency_key, key)),
  );
  return row;
}

export async function selectCommand(db: Executor, account_seq: number, id: string): Promise<CommandRow | undefined> {
  const [row] = await selectCommands(db).where(and(eq(commands.id, id), eq(commands.account_seq, account_seq)));
  return row;
}

/** Ends commands that are still open, in one statement. */
export async function endCommands(
  tx: Transaction,
  seqs: readonly number[],
  end: { state: CommandState; reason: string | null; ended_at: number },
): Promise<void> {
  await tx
    .update(commands)
    .set(end)
    .where(and(among(commands.seq, seqs), isNull(commands.ended_at)));
}

/** The deadline of delivered, open commands begins anew. */
export async function postponeCommands(tx: Transaction, seqs: readonly number[], now: number): Promise<void> {
  await tx
    .update(commands)
    .set({ due_at: sql`${now} + ${commands.finish_within_s} * 1000` })
    .where(and(among(commands.seq, seqs), isNull(commands.ended_at)));
}

/** Writes how often, and when last, commands were delivered. */
export async function writeDeliveries(
  tx: Transaction,
  counts: readonly { seq: number; attempts: number; last_delivered_at: number }[],
): Promise<void> {
  await tx.run(sql`
    WITH counted AS MATERIALIZED (
      SELECT value ->> 'seq' AS seq, value ->> 'attempts' AS attempts, value ->> 'last_delivered_at' AS at
      FROM json_each(${JSON.stringify(counts)})
    )
    UPDATE commands SET attempts = counted.attempts, last_delivered_at = counted.at
    FROM counted WHERE commands.seq = counted.seq AND counted.attempts > commands.attempts`);
}

/** What became of reports, by id. */
export async function selectOutcomes(
  db: Executor,
  reports: readonly { id: string; source_seq: number }[],
): Promise<Map<string, { kind: ReportKind; command_seq: number | null }>> {
  const rows = await db
    .select({ id: uuidText("results.id"), kind: results.kind, command_seq: results.command_seq })
    .from(results)
    .where(
      and(
        among(
          results.source_seq,
          reports.map(({ source_seq }) => source_seq),
        ),
        amongIds(
          results.id,
          reports.map(({ id }) => id),
        ),
      ),
    );
  return new Map(rows.map(({ id, ...outcome }) => [id, outcome]));
}
