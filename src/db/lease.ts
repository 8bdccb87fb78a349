import { sql } from "drizzle-orm";
import type { Platform } from "../core/platform.ts";
import type { Database } from "./database.ts";

/** So long a process that died keeps others from its work. */
const LEASE_MS = 6_000;
/** What is left of it when it is taken anew. */
const RENEW_MS = 3_000;

/** By the database's clock: those of the processes may differ. */
const now = sql`CAST(unixepoch('subsec') * 1000 AS INTEGER)`;

/**
 * Work that one process does for all that share a database. It saves work, it is no lock: what is done under it must
 * be right when two do it.
 */
export class Lease {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #name: string;
  readonly #holder: string;
  /** Until then it need not be taken anew, by this process's clock. */
  #heldUntil = 0;

  constructor(platform: Platform, database: Database, name: string) {
    this.#platform = platform;
    this.#database = database;
    this.#name = name;
    this.#holder = platform.newId();
  }

  /** Whether this process is the one, for the next seconds. */
  async isHeld(): Promise<boolean> {
    if (this.#database.exclusive) return true;
    const asked = this.#platform.now();
    if (asked < this.#heldUntil && asked > this.#heldUntil - LEASE_MS) return true;
    if (!(await this.#take())) return false;
    this.#heldUntil = asked + LEASE_MS - RENEW_MS;
    return true;
  }

  /** Lets another process go on at once. */
  async release(): Promise<void> {
    if (this.#database.exclusive || this.#heldUntil === 0) return;
    this.#heldUntil = 0;
    await this.#database.writer.transaction(async (tx) => {
      await tx.run(sql`DELETE FROM ferry_leases WHERE name = ${this.#name} AND holder = ${this.#holder}`);
    });
  }

  async #take(): Promise<boolean> {
    const others = await this.#database.reader.all(
      sql`SELECT name FROM ferry_leases WHERE name = ${this.#name} AND holder <> ${this.#holder} AND until > ${now}`,
    );
    if (others.length > 0) return false;
    const taken = await this.#database.writer.transaction((tx) =>
      tx.all(sql`
        INSERT INTO ferry_leases (name, holder, until) VALUES (${this.#name}, ${this.#holder}, ${now} + ${LEASE_MS})
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
        WHERE holder = excluded.holder OR until <= ${now}
        RETURNING name`),
    );
    return taken.length > 0;
  }
}
