import { and, asc, eq, inArray, isNull, or, type SQL, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { withinBytes } from "../db/page.ts";
import type { ListServersQuery, Place } from "./schema.ts";
import { sourcePresence, sources } from "./table.ts";

/** What makes a source connected. */
interface Connection {
  since: number;
  until: number;
  /** Connected ones that are not written as such yet. */
  seen: readonly number[];
}

export type SourceRow = typeof sources.$inferSelect & { seen_at: number | null };

/** A page of sources holds about this much at the most: one registration may have 12 MiB. */
const PAGE_BYTES = 16 * 1024 * 1024;

const live = isNull(sources.deleted_at);

/** A live source with its last sign of life as stored, whatever its account. */
export async function selectSource(db: Executor, id: string): Promise<SourceRow | undefined> {
  const [row] = await withPresence(db, and(eq(sources.id, id), live));
  return row && toSourceRow(row);
}

/** Live sources with their last sign of life, in the order they were made. */
export async function selectSources(db: Executor, by: { ids: readonly string[] } | { seqs: readonly number[] }) {
  const which = "ids" in by ? inArray(sources.id, [...by.ids]) : inArray(sources.seq, [...by.seqs]);
  const rows = await withPresence(db, and(which, live)).orderBy(asc(sources.seq));
  return rows.map(toSourceRow);
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
    .where(inArray(sources.seq, [...seqs]));
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
    .where(inArray(sources.seq, [...seqs]));
  await tx.delete(sourcePresence).where(inArray(sourcePresence.source_seq, [...seqs]));
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
): Promise<{ count: number; rows: SourceRow[] }> {
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
  const shown = sql`${sources.seq} IN (SELECT value FROM json_each(${JSON.stringify(seqs)}))`;
  const rows = await withPresence(db, shown).orderBy(asc(sources.seq));
  const [total] = await db
    .select({ count: sql<number>`count(*)` })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .where(where);
  return { count: total?.count ?? 0, rows: rows.map(toSourceRow) };
}

/** Writes the last sign of life of many sources at once. */
export async function upsertPresence(
  tx: Transaction,
  seen: readonly (readonly [source_seq: number, seen_at: number])[],
): Promise<void> {
  await tx.run(
    sql`INSERT INTO source_presence (source_seq, seen_at) SELECT value ->> 0, value ->> 1 FROM json_each(${JSON.stringify(seen)}) WHERE true ON CONFLICT (source_seq) DO UPDATE SET seen_at = excluded.seen_at`,
  );
}

export async function selectSeenAt(db: Executor, source_seq: number): Promise<number | undefined> {
  const [row] = await db.select().from(sourcePresence).where(eq(sourcePresence.source_seq, source_seq));
  return row?.seen_at;
}

function withPresence(db: Executor, where: SQL | undefined) {
  return db
    .select({ source: sources, seen_at: sourcePresence.seen_at })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .where(where)
    .$dynamic();
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
    // No source has a task yet, so none has a target machine or a consistency result.
    query.vm_id ? sql`false` : undefined,
    query.is_consistency_result_exist === true ? sql`false` : undefined,
  ];
}

/** Seen in that time: as stored, or in memory only so far. */
function isConnected({ since, until, seen }: Connection): SQL {
  const stored = sql`coalesce(${sourcePresence.seen_at} > ${since} AND ${sourcePresence.seen_at} < ${until}, false)`;
  return or(stored, sql`${sources.seq} IN (SELECT value FROM json_each(${JSON.stringify(seen)}))`) as SQL;
}
