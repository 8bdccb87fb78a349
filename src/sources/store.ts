import { and, asc, eq, isNull, or, type SQL, sql } from "drizzle-orm";
import { among } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { PAGE_BYTES, withinBytes } from "../db/page.ts";
import { consistencyResults, taskProgress, tasks } from "../tasks/table.ts";
import type { ListServersQuery, Place, Registration } from "./schema.ts";
import { sourcePresence, sources } from "./table.ts";

/** What makes a source connected. */
interface Connection {
  since: number;
  until: number;
  /** Connected ones that are not written as such yet. */
  seen: readonly number[];
}

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

const hasConsistencyResult = sql`EXISTS (SELECT 1 FROM ${tasks} AS task JOIN ${consistencyResults} ON ${consistencyResults.task_seq} = task.seq WHERE task.source_seq = ${sources.seq})`;

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

/** The account's live sources by state, and how many of them have no task. */
export async function countByState(db: Executor, account_seq: number) {
  return db
    .select({
      state: sources.state,
      count: sql<number>`count(*)`,
      unconfigured: sql<number>`count(*) FILTER (WHERE ${tasks.seq} IS NULL)`,
    })
    .from(sources)
    .leftJoin(tasks, eq(tasks.source_seq, sources.seq))
    .where(and(eq(sources.account_seq, account_seq), live))
    .groupBy(sources.state);
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

/** A page of the account's live sources, oldest first, and how many match in all. Large ones make a shorter page. */
export async function selectSourcePage(
  db: Executor,
  account_seq: number,
  query: ListServersQuery,
  connection: Connection,
  page: { limit: number; offset: number },
): Promise<{ count: number; rows: ShownSourceRow[] }> {
  const where = and(eq(sources.account_seq, account_seq), live, ...filters(query, connection));
  const sizes = await db
    .select({ seq: sources.seq, bytes: sql<number>`octet_length(${sources.registration})` })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .where(where)
    .orderBy(asc(sources.seq))
    .limit(page.limit)
    .offset(page.offset);
  const seqs = withinBytes(sizes, PAGE_BYTES).map(({ seq }) => seq);
  const shown = among(sources.seq, seqs);
  const rows = await withTask(db, shown).orderBy(asc(sources.seq));
  const [total] = await db
    .select({ count: sql<number>`count(*)` })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .where(where);
  return { count: total?.count ?? 0, rows: rows.map(toShownRow) };
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

function filters(query: ListServersQuery, connection: Connection): (SQL | undefined)[] {
  const equal = <Value extends string>(column: Parameters<typeof eq>[0], value: Value | undefined) =>
    value ? eq(column, value) : undefined;
  return [
    equal(sources.state, query.state),
    equal(sources.migration_cycle, query.migration_cycle),
    equal(sources.id, query.id),
    equal(sources.ip, query.ip),
    equal(sources.ipv6, query.ipv6),
    query.name ? sql`instr(${sources.name}, ${query.name}) > 0` : undefined,
    query.migproject
      ? sql`${sources.migproject_seq} = (SELECT seq FROM migprojects WHERE id = ${query.migproject})`
      : undefined,
    query.connected === undefined ? undefined : sql`(${isConnected(connection)}) = ${query.connected ? 1 : 0}`,
    // "0" is the one enterprise project there is.
    query.enterprise_project_id && query.enterprise_project_id !== "0" ? sql`false` : undefined,
    query.vm_id
      ? sql`${sources.seq} IN (SELECT ${tasks.source_seq} FROM ${tasks} WHERE ${tasks.vm_id} = ${query.vm_id})`
      : undefined,
    query.is_consistency_result_exist === undefined
      ? undefined
      : sql`${hasConsistencyResult} = ${query.is_consistency_result_exist ? 1 : 0}`,
  ];
}

/** Seen in that time: as stored, or in memory only so far. */
function isConnected({ since, until, seen }: Connection): SQL {
  const stored = sql`coalesce(${sourcePresence.seen_at} > ${since} AND ${sourcePresence.seen_at} < ${until}, false)`;
  return or(stored, among(sources.seq, seen)) as SQL;
}
