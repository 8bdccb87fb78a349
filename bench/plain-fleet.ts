import { Database } from "bun:sqlite";
import { join } from "node:path";
import { BUSY, IDLE } from "./fleet.ts";
import { type Sender, signed } from "./requests.ts";
import type { Load, Sent, Work } from "./subject.ts";

/*
 * The same sources and commands as in a fleet of ferry's, in tables as somebody would make them who starts with what
 * the two requests need: ids as keys, and an index for whatever ferry has one for.
 */

const SCHEMA = `
  CREATE TABLE sources (
    id TEXT PRIMARY KEY, account_id TEXT NOT NULL, name TEXT NOT NULL, ip TEXT NOT NULL, registered_at INTEGER NOT NULL
  );
  CREATE INDEX sources_by_account ON sources (account_id);
  CREATE TABLE commands (
    id TEXT PRIMARY KEY, account_id TEXT NOT NULL, source_id TEXT NOT NULL,
    command_name TEXT NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL, first_delivered_at INTEGER,
    due_at INTEGER, ended_at INTEGER, result_digest TEXT
  );
  CREATE INDEX commands_by_account ON commands (account_id);
  CREATE INDEX commands_by_source ON commands (source_id, command_name);
  CREATE INDEX commands_open ON commands (source_id, id) WHERE ended_at IS NULL;
  CREATE TABLE results (
    id TEXT PRIMARY KEY, account_id TEXT NOT NULL, source_id TEXT NOT NULL,
    command_id TEXT, command_name TEXT NOT NULL, result TEXT NOT NULL,
    result_detail TEXT NOT NULL, kind TEXT NOT NULL, received_at INTEGER NOT NULL
  );
  CREATE INDEX results_by_account ON results (account_id);
  CREATE INDEX results_by_source ON results (source_id);
  CREATE INDEX results_by_command ON results (command_id);
  CREATE INDEX results_by_time ON results (received_at);
  CREATE TABLE events (
    id TEXT PRIMARY KEY, account_id TEXT NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL, actor TEXT NOT NULL,
    source_id TEXT, command_id TEXT, data TEXT NOT NULL
  );
  CREATE INDEX events_by_account ON events (account_id);
  CREATE INDEX events_by_source ON events (source_id);
  CREATE INDEX events_by_command ON events (command_id);
  CREATE INDEX events_by_time ON events (at);`;

/** Whose key the requests are signed with. */
export const ACCOUNT_ID = "0197f3a2-0000-7000-8000-000000000001";
/** Commands that wait for the reports of a round, on each busy source. */
const DEPTH = 8;

export class PlainFleet {
  readonly file: string;
  readonly #db: Database;
  readonly #ids = Array.from({ length: IDLE + BUSY }, () => Bun.randomUUIDv7());
  #made = 0;
  #sent = 0;
  #accepted = 0;

  /** Makes the file in an empty folder. */
  constructor(folder: string) {
    this.file = join(folder, "plain.db");
    this.#db = new Database(this.file);
    this.#db.run("PRAGMA journal_mode = WAL");
    this.#db.run("PRAGMA busy_timeout = 10000");
    this.#db.run(SCHEMA);
    const insert = this.#db.prepare("INSERT INTO sources VALUES (?, ?, 'bench-1', '192.0.2.10', ?)");
    this.#db.transaction(() => {
      for (const id of this.#ids) insert.run(id, ACCOUNT_ID, Date.now());
    })();
  }

  get ids(): string[] {
    return this.#ids.slice(IDLE);
  }

  async load(work: Work, { poll, report }: Sender = signed): Promise<Load> {
    if (work === "poll") return { requests: await Promise.all(this.#ids.slice(0, IDLE).map((id) => poll(id))) };
    this.#replenish();
    const requests = await Promise.all(this.ids.map((id) => report(id)));
    return { requests, first: this.#sent % BUSY, limit: this.#made - this.#sent };
  }

  /** Throws if a report was accepted that left no result, ended no command or made no event. */
  async done(work: Work, { accepted, refused }: Sent): Promise<void> {
    if (work === "poll") return;
    this.#sent += accepted + refused;
    this.#accepted += accepted;
    const counts = this.#db
      .query<Record<string, number>, []>(
        `SELECT (SELECT count(*) FROM results WHERE kind = 'matched') AS results,
          (SELECT count(*) FROM commands WHERE state = 'succeeded') AS ended,
          (SELECT count(*) FROM events WHERE type = 'command.reported') AS events`,
      )
      .get();
    for (const [what, count] of Object.entries(counts ?? {})) {
      if (count < this.#accepted || count > this.#sent)
        throw new Error(`of ${this.#sent} reports ${this.#accepted} were accepted, and there are ${count} ${what}`);
    }
  }

  close(): void {
    this.#db.close();
  }

  /** Delivered commands instead of those that have been reported. */
  #replenish(): void {
    const insert = this.#db.prepare(
      `INSERT INTO commands (id, account_id, source_id, command_name, state, created_at, first_delivered_at)
      VALUES (?, ?, ?, 'START', 'delivered', ?, ?)`,
    );
    const wanted = this.#sent + BUSY * DEPTH;
    this.#db.transaction(() => {
      for (; this.#made < wanted; this.#made += 1) {
        const source_id = this.#ids[IDLE + (this.#made % BUSY)] ?? "";
        insert.run(Bun.randomUUIDv7(), ACCOUNT_ID, source_id, Date.now(), Date.now());
      }
    })();
  }
}
