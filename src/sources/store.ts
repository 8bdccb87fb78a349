import { and, asc, eq, isNull, type SQL, sql } from "drizzle-orm";
import { among } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { consistencyResults, taskCounts, taskProgress, tasks } from "../tasks/table.ts";
import type { Place, Registration } from "./schema.ts";
import { sourceCounts, sourcePresence, sources } from "./table.ts";

export type SourceRow = typeof sources.$inferSelect & { seen_at: number | null };

const currentTaskColumns = {
  id: tasks.id,
  name: tasks.name,
  type: tasks.type,
  state: tasks.state,
  definition: tasks.definition,
  start_date: tasks.start_date,
  finish_date: tasks.finish_date,
  log_bucket: tasks.log_bucket,
  log_collect_status: tasks.log_collect_status,
  log_upload_time: tasks.log_upload_time,
};

const live = isNull(sources.deleted_at);

export const hasConsistencyResult = sql`EXISTS (SELECT 1 FROM ${tasks} AS task JOIN ${consistencyResults} ON ${consistencyResults.task_seq} = task.seq WHERE task.source_seq = ${sources.seq})`;

/** Of many sources, by key, with their tasks. */
export async function selectShownSources(db: Executor, seqs: readonly number[]): Promise<ShownSourceRow[]> {
  const shown = sql`${sources.seq} IN (SELECT value FROM json_each(${JSON.stringify(seqs)}))`;
  return (await withTask(db, shown).orderBy(asc(sources.seq))).map(toShownRow);
}

/** A live source with its last sign of life as stored, whatever its account. */
export async function selectSource(db: Executor, id: string): Promise<SourceRow | undefined> {
  const [row] = await withPresence(db, and(eq(sources.id, id), live));
  return row && toSourceRow(row);
}

/** The same with its task. */
export async function selectShownSource(db: Executor, id: string): Promise<ShownSourceRow | undefined> {
  const [row] = await withTask(db, and(eq(sources.id, id), live));
  return row && toShownRow(row);
}

export async function hasTask(db: Executor, source_seq: number): Promise<boolean> {
  const found = await db.select({ seq: tasks.seq }).from(tasks).where(eq(tasks.source_seq, source_seq));
  return found.length > 0;
}

/** The account's live sources by state, and how many of all have no task: as counted while they came and went. */
export async function countByState(db: Executor, account_seq: number) {
  // A task has a live source, and a source has one task at the most.
  const tasksOfAll = sql<number>`(SELECT coalesce(sum(tasks), 0) FROM ${taskCounts} WHERE account_seq = ${account_seq})`;
  const states = await db
    .select({ state: sourceCounts.state, count: sql<number>`sum(${sourceCounts.sources})`, tasksOfAll })
    .from(sourceCounts)
    .where(eq(sourceCounts.account_seq, account_seq))
    .groupBy(sourceCounts.state);
  const all = states.reduce((sum, { count }) => sum + count, 0);
  return { states, unconfigured: all - (states[0]?.tasksOfAll ?? 0) };
}

/** Read out of the registration, which may have 12 MiB. */
export async function selectOsType(db: Executor, seq: number): Promise<Registration["os_type"] | undefined> {
  const [row] = await db
    .select({ os_type: sql<Registration["os_type"]>`${sources.registration} ->> '$.os_type'` })
    .from(sources)
    .where(and(eq(sources.seq, seq), live));
  return row?.os_type;
}

/** What a live source has registered, as JSON text; none that is longer than `longest` bytes. */
export async function selectRegistration(
  db: Executor,
  id: string,
  longest: number,
): Promise<{ seq: number; account_seq: number; registration: string } | undefined> {
  const { seq, account_seq, registration } = sources;
  const [row] = await db
    .select({ seq, account_seq, registration: sql<string>`${registration}` })
    .from(sources)
    .where(and(eq(sources.id, id), live, sql`octet_length(${registration}) <= ${longest}`));
  return row;
}

/** Where a live source stands, without its registration: that may have 12 MiB. */
export type BriefSource = Pick<
  SourceRow,
  "seq" | "id" | "account_seq" | "name" | "state" | "migration_cycle" | "seen_at"
>;

/** Live sources in the order they were made. */
export async function selectSources(
  db: Executor,
  by: { ids: readonly string[] } | { seqs: readonly number[] },
): Promise<BriefSource[]> {
  const { seq, id, account_seq, name, state, migration_cycle } = sources;
  return db
    .select({ seq, id, account_seq, name, state, migration_cycle, seen_at: sourcePresence.seen_at })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .where(and("ids" in by ? among(id, by.ids) : among(seq, by.seqs), live))
    .orderBy(asc(seq));
}

/** Where sources stand from now on; the times tell when that last changed. */
export async function placeSources(
  tx: Transaction,
  seqs: readonly number[],
  { state, migration_cycle }: Place,
  now: number,
): Promise<void> {
  await tx
    .update(sources)
    .set({
      state,
      migration_cycle,
      state_action_time: sql`CASE WHEN state = ${state} THEN state_action_time ELSE ${now} END`,
      stage_action_time: sql`CASE WHEN migration_cycle = ${migration_cycle} THEN stage_action_time ELSE ${now} END`,
    })
    .where(among(sources.seq, seqs));
}

/** Takes sources out of sight; what is left of a registration names the source in its history. */
export async function removeSources(tx: Transaction, seqs: readonly number[], now: number): Promise<void> {
  const member = (name: string) => sql`${sources.registration} ->> ${name}`;
  await tx
    .update(sources)
    .set({
      deleted_at: now,
      registration: sql`json_object('name', ${member("name")}, 'os_type', ${member("os_type")}, 'os_version', ${member("os_version")}, 'agent_version', ${member("agent_version")}, 'networks', json('[]'))`,
    })
    .where(among(sources.seq, seqs));
  await tx.delete(sourcePresence).where(among(sourcePresence.source_seq, seqs));
}

export async function insertSource(tx: Transaction, row: Omit<typeof sources.$inferInsert, "seq">): Promise<void> {
  await tx.insert(sources).values(row);
}

export async function updateSource(
  tx: Transaction,
  seq: number,
  change: Partial<typeof sources.$inferInsert>,
): Promise<void> {
  await tx.update(sources).set(change).where(eq(sources.seq, seq));
}

/** Writes the last sign of life of many sources at once. */
export async function upsertPresence(
  tx: Transaction,
  seen: readonly (readonly [source_seq: number, seen_at: number])[],
): Promise<void> {
  await tx.run(
    // One that another process has deleted since leaves nothing behind.
    sql`
      INSERT INTO source_presence (source_seq, seen_at)
      SELECT value ->> 0, value ->> 1 FROM json_each(${JSON.stringify(seen)})
      WHERE EXISTS (SELECT 1 FROM sources WHERE seq = value ->> 0 AND deleted_at IS NULL)
      ON CONFLICT (source_seq) DO UPDATE SET seen_at = excluded.seen_at`,
  );
}

function withPresence(db: Executor, where: SQL | undefined) {
  return db
    .select({ source: sources, seen_at: sourcePresence.seen_at })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .where(where)
    .$dynamic();
}

function withTask(db: Executor, where: SQL | undefined) {
  return db
    .select({
      source: sources,
      seen_at: sourcePresence.seen_at,
      task: currentTaskColumns,
      progress: taskProgress,
      is_consistency_result_exist: sql`${hasConsistencyResult}`.mapWith(Boolean),
    })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .leftJoin(tasks, eq(tasks.source_seq, sources.seq))
    .leftJoin(taskProgress, eq(taskProgress.task_seq, tasks.seq))
    .where(where)
    .$dynamic();
}

/** A source with its task and how far that has come. */
export type ShownSourceRow = ReturnType<typeof toShownRow>;

function toShownRow({ source, ...row }: Awaited<ReturnType<typeof withTask>>[number]) {
  return { ...source, ...row };
}

function toSourceRow({ source, seen_at }: { source: typeof sources.$inferSelect; seen_at: number | null }): SourceRow {
  return { ...source, seen_at };
}
