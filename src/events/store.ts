import { eq, type SQL, sql } from "drizzle-orm";
import { commands } from "../commands/table.ts";
import { among } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { uuidBytes, uuidBytesInSql, uuidText } from "../db/uuid.ts";
import { along, inOrder, type Walk, walkPage } from "../db/walk.ts";
import { sources } from "../sources/table.ts";
import { commonTypes, type EventType, type ListEventsQuery } from "./schema.ts";
import { events, isRare } from "./table.ts";

export interface NewEvent {
  account_seq: number;
  at: number;
  type: EventType;
  actor: string | null;
  address: string | null;
  source_id?: string;
  command_id?: string;
  data?: Record<string, unknown>;
}

/** In the order given, as one statement. Rows of sources and commands are never deleted: theirs are found by their ids. */
export async function insertEvents(tx: Transaction, rows: readonly NewEvent[]): Promise<void> {
  if (rows.length === 0) return;
  const told = rows.map(({ data, ...row }) => ({ ...row, data: data === undefined ? null : JSON.stringify(data) }));
  const commandId = sql.raw(uuidBytesInSql("value ->> 'command_id'"));
  await tx.run(sql`
    INSERT INTO events (account_seq, at, type, actor, address, source_seq, command_seq, data)
    SELECT value ->> 'account_seq', value ->> 'at', value ->> 'type', value ->> 'actor', value ->> 'address',
      (SELECT seq FROM sources WHERE id = value ->> 'source_id'), (SELECT seq FROM commands WHERE id = ${commandId}),
      value ->> 'data'
    FROM json_each(${JSON.stringify(told)}) ORDER BY key`);
}

/** The highest id that was ever given to an event, of whichever account, those deleted since included. */
export async function selectHighestEvent(db: Executor): Promise<number> {
  const [last] = await db.all<{ seq: number }>(sql`SELECT seq FROM sqlite_sequence WHERE name = 'events'`);
  return last?.seq ?? 0;
}

/** A page of the account's events, and its cursor. */
export async function selectEventPage(db: Executor, account_seq: number, query: ListEventsQuery) {
  const { steps, next_cursor } = await walkPage(db, walkOf(account_seq, query), query);
  const seqs = steps.map(({ seq }) => seq);
  const rows = await selectEvents(db, seqs);
  return { rows: inOrder(seqs, rows), next_cursor };
}

async function selectEvents(db: Executor, seqs: readonly number[]) {
  const { seq, at, type, actor, address, data } = events;
  const columns = {
    seq,
    at,
    type,
    actor,
    address,
    source_id: sources.id,
    source_name: sources.name,
    command_id: uuidText("commands.id") as SQL<string | null>,
    data,
  };
  return db
    .select({ ...columns, command_name: commands.command_name })
    .from(events)
    .leftJoin(sources, eq(sources.seq, events.source_seq))
    .leftJoin(commands, eq(commands.seq, events.command_seq))
    .where(among(seq, seqs));
}
export type EventRow = Awaited<ReturnType<typeof selectEvents>>[number];

/** By the narrowest index there is for the filters. */
function walkOf(account_seq: number, { type, source_id, command_id, since, until, cursor }: ListEventsQuery): Walk {
  const ofSource = sql`source_seq = (SELECT seq FROM sources WHERE id = ${source_id ?? ""} AND account_seq = ${account_seq})`;
  const ofAccount = sql`account_seq = ${account_seq}`;
  const ofType = type && sql`type = ${type}`;
  const inTime = [
    since === undefined ? undefined : sql`at >= ${since}`,
    until === undefined ? undefined : sql`at < ${until}`,
  ];
  if (command_id !== undefined) {
    const id = uuidBytes(command_id);
    const ofCommand = sql`command_seq = (SELECT seq FROM commands WHERE id = ${id} AND account_seq = ${account_seq})`;
    const filter = [source_id === undefined ? undefined : ofSource, ofType, ...inTime];
    return { from: along("events", "events_by_command"), within: [ofCommand], filter };
  }
  if (source_id !== undefined) {
    return { from: along("events", "events_by_source"), within: [ofSource], filter: [ofType, ...inTime] };
  }
  // Behind an id there is what was written after it, whatever a clock said then: along the table itself.
  if (cursor !== undefined && !cursor.includes("-")) {
    return { from: sql`events NOT INDEXED`, within: [sql`true`], filter: [ofAccount, ofType, ...inTime] };
  }
  const timed = { time: sql`at`, since, until };
  if (type !== undefined && !commonTypes.has(type)) {
    const within = [sql`${ofAccount} AND ${isRare} AND ${ofType as SQL}`];
    return { from: along("events", "events_by_type"), within, ...timed, filter: [] };
  }
  return { from: along("events", "events_by_time"), within: [ofAccount], ...timed, filter: [ofType] };
}

/** Deletes rows that are older than `before`, at most `limit`; answers how many. */
export async function deleteOldEvents(tx: Transaction, before: number, limit: number): Promise<number> {
  const gone = await tx.all<{ seq: number }>(sql`
    DELETE FROM events WHERE seq IN (
      SELECT old.seq FROM accounts CROSS JOIN events AS old INDEXED BY events_by_time
      WHERE old.account_seq = accounts.seq AND old.at < ${before} LIMIT ${limit})
    RETURNING seq`);
  return gone.length;
}
