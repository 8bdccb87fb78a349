import type { Client, InStatement } from "@libsql/client";
import { CliFailure } from "../cli/failure.ts";
import { NO_UNFINISHED_COPY, unfinishedCopyName } from "../db/unfinished-copy.ts";
import { VERSION } from "../version.ts";

/** A mark that is younger belongs to a copy that may still be at work. */
const FRESH_MS = 60_000;
const RENEW_MS = 20_000;
const BUSY_TRIES = 240;
const BUSY_PAUSE_MS = 500;

/** The row for which ferry refuses a database while it is filled; its time tells that the copy is at work. */
export class CopyMark {
  readonly #name = unfinishedCopyName(crypto.randomUUID());
  readonly #to: Client;
  readonly #now: () => number;
  #renewedAt = 0;

  constructor(to: Client, now: () => number) {
    this.#to = to;
    this.#now = now;
  }

  /** For the commit that begins. */
  made(): InStatement {
    this.#renewedAt = this.#now();
    return {
      sql: "INSERT INTO ferry_migrations (name, ferry_version, applied_at) VALUES (?, ?, ?)",
      args: [this.#name, VERSION, this.#renewedAt],
    };
  }

  /** For a commit that adds something. */
  renewed(aheadMs = 0): InStatement {
    this.#renewedAt = this.#now();
    return {
      sql: "UPDATE ferry_migrations SET applied_at = ? WHERE name = ?",
      args: [this.#renewedAt + aheadMs, this.#name],
    };
  }

  /** Before one call that may take so long. */
  async holdFor(ms: number): Promise<void> {
    await committed(this.#to, [this.renewed(ms)]);
  }

  /** While nothing is added. */
  async keepFresh(): Promise<void> {
    if (this.#now() - this.#renewedAt > RENEW_MS) await this.holdFor(0);
  }

  async remove(): Promise<void> {
    await committed(this.#to, [{ sql: "DELETE FROM ferry_migrations WHERE name = ?", args: [this.#name] }]);
  }
}

/** Throws if a copy into this database may still be at work. */
export async function refuseCopyAtWork(to: Client, now: number): Promise<void> {
  const { rows } = await to.execute(
    `SELECT max(applied_at) AS at FROM ferry_migrations WHERE NOT (${NO_UNFINISHED_COPY})`,
  );
  const waitMs = Number(rows[0]?.at ?? 0) + FRESH_MS - now;
  if (waitMs <= 0) return;
  throw new CliFailure(
    "refused",
    `another copy into this database was at work a moment ago: if it is none any more, try again in ${Math.ceil(waitMs / 1000)} s`,
  );
}

/**
 * One commit, without looking at references: tables come in any order. A server that empties its log refuses for a
 * while, and has changed nothing then; whatever else goes wrong ends the copy.
 */
export async function committed(to: Client, statements: InStatement[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await to.migrate(statements);
      return;
    } catch (error) {
      const isBusy = error instanceof Error && /SQLITE_BUSY|database is locked/.test(error.message);
      if (!isBusy || tries === BUSY_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }
}
