import { and, eq, type SQL, sql } from "drizzle-orm";
import { commands } from "../commands/table.ts";
import { type CommandName, type CommandState, logCommandNames } from "../core/words.ts";
import { among } from "../db/among.ts";
import type { Executor } from "../db/executor.ts";
import { uuidTextInSql } from "../db/uuid.ts";
import { inOrder } from "../db/walk.ts";
import { taskProgress, tasks } from "../tasks/table.ts";
import type { SourcePosition } from "./list-cursor.ts";
import { type Connection, isConnected } from "./list-store.ts";
import { containing } from "./literal.ts";
import type { ListSourcesQuery } from "./operate-schema.ts";
import { sourcePresence, sources } from "./table.ts";

/** What a list of sources is made by. */
export interface SourceFilter {
  account_seq: number;
  query: Pick<ListSourcesQuery, "q" | "state" | "connected" | "task_state" | "ids" | "sort">;
  /** Where `connected` is asked for. */
  connection?: Connection;
  /** Where `os_type` is: the sources of that, among those that match the rest. */
  of_os?: readonly number[];
  /** For last_seen: what the database does not know yet. */
  seen?: readonly (readonly [seq: number, at: number])[];
}

/** Each list has its rows in order by one of these: what the database sorts for it, and what an index has sorted. */
const keys: Record<ListSourcesQuery["sort"], SQL> = {
  added: sql`0`,
  name: sql`sources.name COLLATE NOCASE`,
  state: sql`sources.state`,
  last_seen: sql`max(coalesce(source_presence.seen_at, 0), coalesce(seen.at, 0))`,
};

/** The keys of a page, in order, and of the row after it. */
export async function selectListedKeys(
  db: Executor,
  filter: SourceFilter,
  page: { after?: SourcePosition | undefined; order: "asc" | "desc"; limit: number },
): Promise<SourcePosition[]> {
  const { sort } = filter.query;
  const { after, limit } = page;
  const order = sql.raw(page.order);
  const beyond = sql.raw(page.order === "asc" ? ">" : "<");
  const key = keys[sort];
  // By seq alone an index goes straight there; a constant in front would hide that from it.
  const place = sort === "added" ? [sql`sources.seq`] : [key, sql`sources.seq`];
  const position = after && (sort === "added" ? [sql`${after.seq}`] : [sql`${after.key}`, sql`${after.seq}`]);
  const from = position && sql` AND (${sql.join(place, sql`, `)}) ${beyond} (${sql.join(position, sql`, `)})`;
  const memory =
    sort === "last_seen"
      ? sql`WITH seen AS MATERIALIZED (SELECT CAST(key AS INTEGER) AS seq, value AS at FROM json_each(${JSON.stringify(Object.fromEntries(filter.seen ?? []))})) `
      : sql``;
  return db.all<SourcePosition>(sql`${memory}SELECT ${key} AS key, sources.seq AS seq FROM ${matching(filter, sort)}${from ?? sql``}
    ORDER BY ${sql.join(
      place.map((part) => sql`${part} ${order}`),
      sql`, `,
    )} LIMIT ${limit}`);
}

/** How many match: as counted while they came and went, where that tells. */
export async function countListed(db: Executor, filter: SourceFilter): Promise<number> {
  const { account_seq, query, of_os } = filter;
  const { q, state, connected, task_state, ids } = query;
  const isFree = q !== undefined || connected !== undefined || ids !== undefined || of_os !== undefined;
  const ofState = state === undefined ? sql`` : sql` AND state = ${state}`;
  const statement =
    isFree || (state !== undefined && task_state !== undefined)
      ? sql`SELECT count(*) AS count FROM ${matching(filter, "added")}`
      : task_state !== undefined
        ? // A task has a live source, and a source has one task at the most.
          sql`SELECT coalesce(sum(tasks), 0) AS count FROM task_counts WHERE account_seq = ${account_seq} AND state = ${task_state}`
        : sql`SELECT coalesce(sum(sources), 0) AS count FROM source_counts WHERE account_seq = ${account_seq}${ofState}`;
  const [total] = await db.all<{ count: number }>(statement);
  return total?.count ?? 0;
}

/** How long their registrations are, in bytes. */
export async function selectSizes(db: Executor, seqs: readonly number[]): Promise<Map<number, number>> {
  const rows = await db.all<{ seq: number; bytes: number }>(
    sql`SELECT seq, octet_length(registration) AS bytes FROM sources WHERE seq IN (SELECT value FROM json_each(${JSON.stringify(seqs)}))`,
  );
  return new Map(rows.map(({ seq, bytes }) => [seq, bytes]));
}

/** The next sources that match the rest, with the length of what they registered. */
export async function selectSizesAfter(
  db: Executor,
  filter: SourceFilter,
  after: number,
  limit: number,
): Promise<{ seq: number; bytes: number }[]> {
  const next = sql`SELECT sources.seq FROM ${matching(filter, "added")} AND sources.seq > ${after} ORDER BY sources.seq LIMIT ${limit}`;
  return db.all(sql`SELECT seq, octet_length(registration) AS bytes FROM sources WHERE seq IN (${next}) ORDER BY seq`);
}

/** Which of these sources run that. Reads their registrations: no index tells. */
export async function selectOfOs(db: Executor, seqs: readonly number[], os_type: string): Promise<number[]> {
  const rows = await db.all<{ seq: number }>(
    sql`SELECT seq FROM sources WHERE seq IN (SELECT value FROM json_each(${JSON.stringify(seqs)})) AND registration ->> '$.os_type' = ${os_type}`,
  );
  return rows.map(({ seq }) => seq);
}

/** FROM and WHERE, by an index that has what the filters and the order look at. */
function matching({ account_seq, query, connection, of_os }: SourceFilter, sort: ListSourcesQuery["sort"]): SQL {
  const { q, state, task_state, connected, ids } = query;
  // That index knows no other column.
  const isByState = q === undefined && (sort === "state" || (state !== undefined && sort === "added"));
  const index = ids !== undefined ? "NOT INDEXED" : `INDEXED BY ${isByState ? "sources_by_state" : "sources_listed"}`;
  const needsPresence = sort === "last_seen" || connected !== undefined;
  const like = q === undefined ? undefined : containing(q);
  const conditions = [
    sql`sources.account_seq = ${account_seq} AND sources.deleted_at IS NULL`,
    ids && sql`sources.seq IN (SELECT seq FROM sources WHERE id IN (SELECT value FROM json_each(${idList(ids)})))`,
    state && sql`sources.state = ${state}`,
    like && sql`(${like(sql`sources.name`)} OR ${like(sql`sources.ip`)} OR ${like(sql`sources.ipv6`)})`,
    task_state &&
      sql`sources.seq IN (SELECT source_seq FROM tasks INDEXED BY tasks_by_state WHERE account_seq = ${account_seq} AND state = ${task_state})`,
    connected !== undefined && connection && sql`(${isConnected(connection)}) = ${connected ? 1 : 0}`,
    of_os && sql`sources.seq IN (SELECT value FROM json_each(${JSON.stringify(of_os)}))`,
  ].filter((condition) => condition !== undefined && condition !== false);
  return sql`sources ${sql.raw(index)}${needsPresence ? sql` LEFT JOIN source_presence ON source_seq = sources.seq` : sql``}${
    sort === "last_seen" ? sql` LEFT JOIN seen ON seen.seq = sources.seq` : sql``
  } WHERE ${sql.join(conditions, sql` AND `)}`;
}

function idList(ids: string): string {
  return JSON.stringify(ids.split(","));
}

/** What is shown of a registration, as a JSON array: the database reads it, as it may have megabytes. */
export const described = sql<string>`json_extract(${sources.registration}, '$.hostname', '$.os_type', '$.os_version', '$.has_rsync', '$.has_tc', '$.boot_loader')`;

/** Percent of the subtask an agent is at: the first one that is not done, else the last. */
const progress = sql<number | null>`coalesce(
  (SELECT at_work.progress FROM (SELECT progress, min(seq) FROM subtasks WHERE task_seq = ${tasks.seq} AND progress < 100) AS at_work),
  (SELECT max(progress) FROM subtasks WHERE task_seq = ${tasks.seq}))`;

/** Live sources in the order of the keys, each with its task. */
export async function selectListed(db: Executor, seqs: readonly number[]): Promise<ListedRow[]> {
  return inOrder(seqs, await listedRows(db, seqs));
}

function listedRows(db: Executor, seqs: readonly number[]) {
  return db
    .select({
      seq: sources.seq,
      id: sources.id,
      name: sources.name,
      ip: sources.ip,
      ipv6: sources.ipv6,
      state: sources.state,
      migration_cycle: sources.migration_cycle,
      registered_at: sources.registered_at,
      state_since: sources.state_action_time,
      described,
      seen_at: sourcePresence.seen_at,
      task: {
        id: tasks.id,
        name: tasks.name,
        type: tasks.type,
        state: tasks.state,
        error_json: tasks.error_json,
      },
      progress,
      migrate_speed: taskProgress.migrate_speed,
      remain_seconds: taskProgress.remain_time,
    })
    .from(sources)
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .leftJoin(tasks, eq(tasks.source_seq, sources.seq))
    .leftJoin(taskProgress, eq(taskProgress.task_seq, tasks.seq))
    .where(and(among(sources.seq, seqs), sql`${sources.deleted_at} IS NULL`));
}
export type ListedRow = Awaited<ReturnType<typeof listedRows>>[number];

export interface OpenCommandRow {
  source_seq: number;
  id: string;
  command_name: CommandName;
  state: CommandState;
  created_at: number;
}

/** Of each of these sources the oldest open control command, else the oldest open log command. */
export async function selectFirstOpen(db: Executor, source_seqs: readonly number[]): Promise<OpenCommandRow[]> {
  const logs = sql.raw(logCommandNames.map((name) => `'${name}'`).join(", "));
  return db.all(sql`
    SELECT source_seq, ${sql.raw(uuidTextInSql("id"))} AS id, command_name, state, created_at FROM ${commands}
    WHERE seq IN (
      SELECT coalesce(min(CASE WHEN command_name NOT IN (${logs}) THEN seq END), min(seq)) FROM commands INDEXED BY commands_open
      WHERE ended_at IS NULL AND source_seq IN (SELECT value FROM json_each(${JSON.stringify(source_seqs)}))
      GROUP BY source_seq)`);
}
