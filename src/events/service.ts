import type { Principal } from "../auth/principal.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import { toPage } from "../db/page.ts";
import type { Event, EventPage, EventType, ListEventsQuery } from "./schema.ts";
import { deleteOldEvents, type EventRow, insertEvents, selectEvents } from "./store.ts";

/** The record of every change: audit now, live stream and webhooks later. */
export class Events {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Events of the caller's account, a page at a time. */
  async listEvents(principal: Principal, query: ListEventsQuery): Promise<EventPage> {
    return toPage(await selectEvents(this.#database.reader, principal.account_seq, query), query, toEvent);
  }

  /** Deletes at most `limit` events older than `before`; answers how many. */
  deleteOld(before: number, limit: number): Promise<number> {
    return this.#database.writer.transaction((tx) => deleteOldEvents(tx, before, limit));
  }
}

/** A change as it is recorded; `data` is small and holds no secrets. */
export interface Change {
  type: EventType;
  source_id?: string;
  command_id?: string;
  data?: Record<string, unknown>;
}

/** Who did something, in which account. */
export type Doer = Pick<Principal, "account_seq" | "address"> & { actor: string | null };

/** Nobody asked: ferry does it by itself. */
export function ferryItself(account_seq: number): Doer {
  return { account_seq, actor: null, address: null };
}

/** Writes what somebody did into the change's own transaction, in the caller's account or the one it was done to. */
export async function record(tx: Transaction, by: Doer, at: number, ...changes: Change[]): Promise<void> {
  const { account_seq, actor, address } = by;
  await insertEvents(
    tx,
    changes.map((change) => ({ account_seq, actor, address, at, ...change })),
  );
}

/** Writes what ferry did by itself. */
export async function recordOwn(tx: Transaction, account_seq: number, at: number, ...changes: Change[]): Promise<void> {
  await record(tx, ferryItself(account_seq), at, ...changes);
}

function toEvent(row: EventRow): Event {
  const { seq, data, account_seq: _, type, ...rest } = row;
  return { id: seq, type: type as EventType, data: data === null ? {} : JSON.parse(data), ...rest };
}
