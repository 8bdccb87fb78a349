import { eq, gte, lt, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { pageClause } from "../db/page.ts";
import type { EventType, ListEventsQuery } from "./schema.ts";
import { events } from "./table.ts";

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

export async function insertEvents(tx: Transaction, rows: readonly NewEvent[]): Promise<void> {
  if (rows.length === 0) return;
  await tx
    .insert(events)
    .values(rows.map(({ data, ...row }) => ({ ...row, data: data === undefined ? null : JSON.stringify(data) })));
}

export async function selectEvents(db: Executor, account_seq: number, query: ListEventsQuery) {
  const { where, orderBy } = pageClause(events.seq, query, [
    // The plus sign keeps the account's index out of it where a narrower one serves.
    (query.source_id ?? query.command_id)
      ? sql`+${events.account_seq} = ${account_seq}`
      : eq(events.account_seq, account_seq),
    query.type === undefined ? undefined : eq(events.type, query.type),
    query.source_id === undefined ? undefined : eq(events.source_id, query.source_id),
    query.command_id === undefined ? undefined : eq(events.command_id, query.command_id),
    query.since === undefined ? undefined : gte(events.at, query.since),
    query.until === undefined ? undefined : lt(events.at, query.until),
  ]);
  return db
    .select()
    .from(events)
    .where(where)
    .orderBy(orderBy)
    .limit(query.limit + 1);
}
export type EventRow = Awaited<ReturnType<typeof selectEvents>>[number];

/** Deletes the oldest rows that are older than `before`, at most `limit`; answers how many. */
export async function deleteOldEvents(tx: Transaction, before: number, limit: number): Promise<number> {
  const gone = await tx.all<{ seq: number }>(
    sql`DELETE FROM events WHERE seq IN (SELECT seq FROM events INDEXED BY events_by_time WHERE at < ${before} ORDER BY at LIMIT ${limit}) RETURNING seq`,
  );
  return gone.length;
}
