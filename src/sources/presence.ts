import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { upsertPresence } from "./store.ts";

/** Rows a job writes: many more in one statement would stop the event loop for seconds. */
const ROWS_PER_JOB = 500;
/** Where processes share a database, what is stored there may be this old before it is written anew. */
const SHARED_STALE_MS = 15_000;

/**
 * When each source's agent was last seen, kept in memory and written now and then, so that a poll writes nothing; a
 * crash forgets at most what came since.
 */
export class Presence {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #connectedMs: number;
  readonly #seen = new Map<number, { at: number; isWritten: boolean }>();

  /** A source counts as connected for `connected_within_s` after its last poll, report or progress. */
  constructor(platform: Platform, database: Database, connected_within_s: number) {
    this.#platform = platform;
    this.#database = database;
    this.#connectedMs = connected_within_s * 1000;
  }

  /** The source's agent is here now; returns when that is. `stored` is what the database says of it, where that was read. */
  touch(source_seq: number, stored: number | null = null): number {
    const now = this.#platform.now();
    const isFresh = stored !== null && Math.abs(now - stored) < Math.min(SHARED_STALE_MS, this.#connectedMs / 4);
    const known = this.#seen.get(source_seq);
    if (known) {
      known.at = now;
      if (!isFresh) known.isWritten = false;
    } else this.#seen.set(source_seq, { at: now, isWritten: isFresh });
    return now;
  }

  /** As memory knows, else as stored; null if it was never seen. Of processes that share a database any may know better. */
  seenAt(source_seq: number, stored: number | null): number | null {
    const seen = this.#seen.get(source_seq)?.at;
    const isLater = seen !== undefined && stored !== null && stored > seen && stored < this.connectedBetween().until;
    return isLater && !this.#database.exclusive ? stored : (seen ?? stored);
  }

  isConnected(seen_at: number | null): boolean {
    const { since, until } = this.connectedBetween();
    return seen_at !== null && seen_at > since && seen_at < until;
  }

  /** When a connected source was seen; a time far ahead is of a clock that has been set back since. */
  connectedBetween(): { since: number; until: number } {
    const now = this.#platform.now();
    return { since: now - this.#connectedMs, until: now + this.#connectedMs };
  }

  /** Connected sources that the database may not know of as such yet. */
  unwrittenConnected(): number[] {
    return this.unwritten().flatMap(([source_seq, at]) => (this.isConnected(at) ? [source_seq] : []));
  }

  /** What the database does not know yet. */
  unwritten(): [source_seq: number, at: number][] {
    const unwritten: [number, number][] = [];
    for (const [source_seq, { at, isWritten }] of this.#seen) if (!isWritten) unwritten.push([source_seq, at]);
    return unwritten;
  }

  forget(source_seq: number): void {
    this.#seen.delete(source_seq);
  }

  /** Writes what is only in memory, a bounded number of rows at a time. */
  async flush(): Promise<void> {
    const waiting = this.unwritten();
    for (let from = 0; from < waiting.length; from += ROWS_PER_JOB) {
      const batch = waiting.slice(from, from + ROWS_PER_JOB);
      await this.#database.writer.transaction((tx) => upsertPresence(tx, batch));
      for (const [source_seq, at] of batch) {
        const known = this.#seen.get(source_seq);
        if (known?.at === at) known.isWritten = true;
      }
    }
  }
}
