import { eq, type SQL, sql } from "drizzle-orm";
import { type CommandName, failedTaskStates, type TaskState } from "../core/words.ts";
import { among } from "../db/among.ts";
import type { Executor } from "../db/executor.ts";
import { uuidTextInSql } from "../db/uuid.ts";
import { inOrder } from "../db/walk.ts";
import { isRare } from "../events/table.ts";
import { tasks } from "../tasks/table.ts";
import { type Connection, isConnected } from "./list-store.ts";
import { described } from "./listed-store.ts";
import type { SourceState } from "./schema.ts";
import { sources } from "./table.ts";

/** Rows that one kind looks at, the newest ones. */
const MOST_FAILED = 1_000;
export const MOST_ENDED = 1_000;
const MOST_IN_STATE = 1_000;
/** A source that ended so much meanwhile counts as one that has not had a success. */
const EVENTS_OF_A_SOURCE = 200;
export const SHOWN = 5;

/** What stands behind a longer text in its row is not read to sort by: that would read the text. */
const SHORT_BYTES = 64 * 1024;
const READ_BYTES = 1024 * 1024;

/** What is found of a kind: how many, of so many looked at, and the newest. */
export interface Found<Row> {
  count: number;
  looked: number;
  first: Row[];
}

/** Of the account's sources in a state, of those added last, the ones that came into it last. */
export async function selectNewestInState(db: Executor, account_seq: number, state: SourceState): Promise<number[]> {
  const looked = sql`SELECT seq FROM sources INDEXED BY sources_by_state WHERE account_seq = ${account_seq} AND state = ${state} AND deleted_at IS NULL ORDER BY seq DESC LIMIT ${MOST_IN_STATE}`;
  const rows = await db.all<{ seq: number }>(sql`
    SELECT seq FROM sources WHERE seq IN (${looked})
    ORDER BY CASE WHEN octet_length(registration) <= ${SHORT_BYTES} THEN state_action_time END DESC, seq DESC LIMIT ${SHOWN}`);
  return rows.map(({ seq }) => seq);
}

export async function countFailedTasks(db: Executor, account_seq: number): Promise<number> {
  const [total] = await db.all<{ count: number }>(
    sql`SELECT coalesce(sum(tasks), 0) AS count FROM task_counts WHERE account_seq = ${account_seq} AND state IN (SELECT value FROM json_each(${JSON.stringify(failedTaskStates)}))`,
  );
  return total?.count ?? 0;
}

/** Failed tasks whose source is not in error: that one is told of as such. */
export async function selectFailedTasks(
  db: Executor,
  account_seq: number,
): Promise<Found<{ seq: number; at: number }>> {
  const ofState = (state: TaskState) =>
    sql`SELECT * FROM (SELECT seq, source_seq FROM tasks INDEXED BY tasks_by_state WHERE account_seq = ${account_seq} AND state = ${state} ORDER BY seq DESC LIMIT ${MOST_FAILED})`;
  const rows = await db.all<{ seq: number; at: number; count: number; looked: number }>(sql`
    WITH failed AS MATERIALIZED (${sql.join(failedTaskStates.map(ofState), sql` UNION ALL `)})
    SELECT failed.source_seq AS seq,
      (SELECT coalesce(finish_date, create_date) FROM tasks WHERE tasks.seq = failed.seq) AS at,
      count(*) OVER () AS count, (SELECT count(*) FROM failed) AS looked
    FROM failed CROSS JOIN sources ON sources.seq = failed.source_seq WHERE sources.state <> 'error'
    ORDER BY (SELECT CASE WHEN octet_length(target_layout) <= ${SHORT_BYTES} THEN coalesce(finish_date, create_date) END
      FROM tasks WHERE tasks.seq = failed.seq) DESC, failed.seq DESC LIMIT ${SHOWN}`);
  return found(rows);
}

export interface EndedRow {
  seq: number;
  at: number;
  command_id: string;
  command_name: CommandName;
}

/** Commands that ended so since then, whose source is there and has had no success after that. */
export async function selectEndedInVain(
  db: Executor,
  account_seq: number,
  type: "command.overdue" | "command.undelivered",
  since: number,
): Promise<Found<EndedRow>> {
  const rows = await db.all<EndedRow & { count: number; looked: number }>(sql`
    WITH ended AS MATERIALIZED (
      SELECT seq AS event, at, source_seq, command_seq FROM events INDEXED BY events_by_type
      WHERE account_seq = ${account_seq} AND ${isRare} AND type = ${type} AND at > ${since}
      ORDER BY at DESC, seq DESC LIMIT ${MOST_ENDED}
    ),
    own AS MATERIALIZED (
      SELECT one.source_seq, (
        SELECT max(event) FROM (
          SELECT CASE WHEN type = 'command.reported' AND data IS NULL THEN seq END AS event FROM events INDEXED BY events_by_source
          WHERE source_seq = one.source_seq AND seq > one.event ORDER BY seq DESC LIMIT ${EVENTS_OF_A_SOURCE})
      ) AS success
      FROM (SELECT source_seq, min(event) AS event FROM ended GROUP BY source_seq) AS one
    )
    SELECT ended.source_seq AS seq, ended.at AS at, ${sql.raw(uuidTextInSql("commands.id"))} AS command_id,
      commands.command_name AS command_name, count(*) OVER () AS count, (SELECT count(*) FROM ended) AS looked
    FROM ended CROSS JOIN own ON own.source_seq = ended.source_seq AND ended.event > coalesce(own.success, 0)
      CROSS JOIN sources INDEXED BY sources_listed ON sources.account_seq = ${account_seq} AND sources.seq = ended.source_seq AND sources.deleted_at IS NULL
      CROSS JOIN commands ON commands.seq = ended.command_seq
    ORDER BY ended.at DESC, ended.event DESC LIMIT ${SHOWN}`);
  return found(rows);
}

/** How far behind this key a step of a walk through the account's sources goes; undefined: to the end. */
export async function selectStepEnd(
  db: Executor,
  account_seq: number,
  after: number,
  step: number,
): Promise<number | undefined> {
  const [end] = await db.all<{ seq: number }>(
    sql`SELECT seq FROM sources INDEXED BY sources_listed WHERE account_seq = ${account_seq} AND seq > ${after} AND deleted_at IS NULL ORDER BY seq LIMIT 1 OFFSET ${step - 1}`,
  );
  return end?.seq;
}

/** Of the sources between these keys those that are not connected, though something is awaited of them. */
export async function selectNotSeen(
  db: Executor,
  account_seq: number,
  { after, end }: { after: number; end: number | undefined },
  connection: Connection,
): Promise<Found<{ seq: number; seen_at: number | null }>> {
  const until: SQL = end === undefined ? sql`` : sql` AND sources.seq <= ${end}`;
  const rows = await db.all<{ seq: number; seen_at: number | null; count: number; looked: number }>(sql`
    SELECT sources.seq AS seq, seen_at, count(*) OVER () AS count, 0 AS looked
    FROM sources INDEXED BY sources_listed LEFT JOIN source_presence ON source_seq = sources.seq
    WHERE account_seq = ${account_seq} AND sources.seq > ${after}${until} AND deleted_at IS NULL
      AND state NOT IN ('finished', 'unavailable') AND NOT (${isConnected(connection)})
    ORDER BY seen_at DESC, sources.seq DESC LIMIT ${SHOWN}`);
  return found(rows);
}

/** What is told of sources that need somebody. Very long registrations stay unread. */
export async function selectInNeed(db: Executor, seqs: readonly number[]): Promise<NeedyRow[]> {
  return inOrder(seqs, await needyRows(db, seqs));
}

function needyRows(db: Executor, seqs: readonly number[]) {
  return db
    .select({
      seq: sources.seq,
      id: sources.id,
      name: sources.name,
      state: sources.state,
      state_since: sources.state_action_time,
      registered_at: sources.registered_at,
      described: sql<
        string | null
      >`CASE WHEN ${sources.state} = 'unavailable' AND octet_length(${sources.registration}) <= ${READ_BYTES} THEN ${described} END`,
      task_state: tasks.state,
      error_json: tasks.error_json,
    })
    .from(sources)
    .leftJoin(tasks, eq(tasks.source_seq, sources.seq))
    .where(among(sources.seq, seqs));
}
export type NeedyRow = Awaited<ReturnType<typeof needyRows>>[number];

function found<Row extends { count: number; looked: number }>(
  rows: readonly Row[],
): Found<Omit<Row, "count" | "looked">> {
  const [row] = rows;
  return {
    count: row?.count ?? 0,
    looked: row?.looked ?? 0,
    first: rows.map(({ count: _count, looked: _looked, ...rest }) => rest),
  };
}
