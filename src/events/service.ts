import type { Principal } from "../auth/principal.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import type { Event, EventPage, EventType, ListEventsQuery } from "./schema.ts";
import { deleteOldEvents, type EventRow, insertEvents, selectEventPage } from "./store.ts";

/** The record of every change: to be read here, followed in feed.ts. */
export class Events {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Events of the caller's account, a page at a time. */
  async listEvents(principal: Principal, query: ListEventsQuery): Promise<EventPage> {
    const { rows, next_cursor } = await selectEventPage(this.#database.reader, principal.account_seq, query);
    return { items: rows.map(toEvent), next_cursor };
  }

  /** Deletes at most `limit` events older than `before`; answers how many. */
  deleteOld(before: number, limit: number): Promise<number> {
    return this.#database.writer.transaction((tx) => deleteOldEvents(tx, before, limit));
  }
}

/** A change as it is recorded; `data` is small and holds no secrets. That of a command is told with its command_name. */
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

/** What a row leaves out, as it is so nearly always. */
const usualData: { [Type in EventType]?: Record<string, unknown> } = {
  "command.reported": { result: "success", kind: "matched" },
};

export function toEvent({ seq, type: stored, data, command_name, ...rest }: EventRow): Event {
  const type = stored as EventType;
  const told = data === null ? usualData[type] : JSON.parse(data);
  return { id: seq, type, ...rest, data: { ...(command_name !== null && { command_name }), ...told } };
}
