import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { selectHighestEvent } from "./store.ts";

/** After a write of this process: what comes in that time is one look. */
const LOOK_MS = 100;
/** Where other processes write too, as they tell nobody; and after a look that failed. */
const LOOK_AGAIN_MS = 1_000;

interface Waiting {
  position: number;
  go(): void;
}

/**
 * How far the record of changes goes, for all streams of a process: one look into the database, taken while one of them
 * waits and something may have been written. A stream looks by itself as it begins and with its beats.
 */
export class News {
  readonly #platform: Pick<Platform, "after">;
  readonly #database: Database;
  readonly #waiting = new Set<Waiting>();
  #highest = 0;
  /** Whether something was written here since the last look. */
  #isBehind = true;
  #isLooking = false;
  #isClosed = false;
  /** The look that is due. */
  #due: { ms: number; callOff(): void } | undefined;

  constructor(platform: Pick<Platform, "after">, database: Database) {
    this.#platform = platform;
    this.#database = database;
    database.writer.afterEachWrite(() => {
      this.#isBehind = true;
      if (this.#waiting.size > 0) this.#lookWithin(LOOK_MS);
    });
  }

  /** The highest id there was at the last look. */
  get highest(): number {
    return this.#highest;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Looks now. */
  async look(): Promise<number> {
    this.#isBehind = false;
    try {
      this.#highest = await selectHighestEvent(this.#database.reader);
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
    for (const waiting of [...this.#waiting]) if (waiting.position < this.#highest) waiting.go();
    return this.#highest;
  }

  /** Resolves when there are events behind the position, after `ms`, when the signal says so, or once this is closed. */
  async until(position: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted || ms <= 0 || this.#highest > position) return;
    await new Promise<void>((resolve) => {
      const callOff = this.#platform.after(ms, () => waiting.go());
      const waiting = {
        position,
        go: () => {
          callOff();
          signal.removeEventListener("abort", waiting.go);
          this.#waiting.delete(waiting);
          if (this.#waiting.size === 0) this.#lookNoMore();
          resolve();
        },
      };
      signal.addEventListener("abort", waiting.go);
      this.#waiting.add(waiting);
      this.#lookOn();
    });
  }

  /** Lets everybody who waits go. */
  close(): void {
    this.#isClosed = true;
    for (const waiting of [...this.#waiting]) waiting.go();
  }

  #lookOn(): void {
    if (this.#isBehind) this.#lookWithin(LOOK_MS);
    else if (!this.#database.exclusive) this.#lookWithin(LOOK_AGAIN_MS);
  }

  #lookWithin(ms: number): void {
    if (this.#isLooking || (this.#due && this.#due.ms <= ms)) return;
    this.#due?.callOff();
    const look = () => {
      this.#due = undefined;
      this.#isLooking = true;
      const isDone = (failed: boolean) => {
        this.#isLooking = false;
        if (this.#waiting.size === 0) return;
        // Whoever waits looks for himself before long, and is told then.
        if (failed) this.#lookWithin(LOOK_AGAIN_MS);
        else this.#lookOn();
      };
      this.look().then(
        () => isDone(false),
        () => isDone(true),
      );
    };
    this.#due = { ms, callOff: this.#platform.after(ms, look) };
  }

  #lookNoMore(): void {
    this.#due?.callOff();
    this.#due = undefined;
  }
}
