import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { type CommandRow, countDelivery, selectOpenCommands, writeDeliveries } from "./store.ts";

/**
 * What waits for each source. In a process of its own it is memory, loaded at the start and kept by the writer's
 * commits, so that an empty poll touches no database; processes that share a database read it at each poll.
 */
export interface Mailbox {
  open(source_seq: number): Promise<readonly CommandRow[]>;
  /** Reads the source's open commands anew, where memory turns out to differ from the file. */
  refresh(source_seq: number): Promise<void>;
  /** Counts one more delivery of a command delivered before: its number, or undefined if it has ended meanwhile. */
  redelivered(command: CommandRow): Promise<number | undefined>;
  /**
   * Watches for something new for the source. Watch first and look then, or what comes in between is missed. Undefined
   * once the mailbox is closed: nobody waits any more.
   */
  watch(source_seq: number): Watch | undefined;
  /** The row with deliveries that are counted but not written yet. */
  current(row: CommandRow): CommandRow;
  /** Writes what is only counted so far. */
  flush(): Promise<void>;
  /** Lets the polls that wait for the source look again. */
  wake(source_seq: number): void;
  /** Lets everybody who waits go. */
  close(): void;

  // Called right after the commit that did it.
  queued(command: CommandRow): void;
  delivered(command: { seq: number; source_seq: number }, at: number, due_at: number | null): void;
  postponed(command: { seq: number; source_seq: number }, due_at: number): void;
  ended(command: { seq: number; source_seq: number }): void;
}

export interface Watch {
  /** Resolves when there may be something new, or after `stop`. */
  changed: Promise<void>;
  stop(): void;
}

/** Rows a job writes, so that none holds up the queue. */
const ROWS_PER_JOB = 500;

export class MemoryMailbox implements Mailbox {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #open = new Map<number, CommandRow[]>();
  readonly #unwritten = new Map<number, CommandRow>();
  readonly #waiting = new Map<number, Set<() => void>>();
  #closed = false;

  private constructor(platform: Platform, database: Database) {
    this.#platform = platform;
    this.#database = database;
  }

  /** With what is open in the file. */
  static async load(platform: Platform, database: Database): Promise<MemoryMailbox> {
    const mailbox = new MemoryMailbox(platform, database);
    for (const command of await selectOpenCommands(database.reader)) mailbox.#add(command);
    return mailbox;
  }

  async open(source_seq: number): Promise<readonly CommandRow[]> {
    return this.#open.get(source_seq) ?? [];
  }

  async refresh(source_seq: number): Promise<void> {
    // In the queue of writes, so that no commit comes between reading and knowing.
    await this.#database.writer.transaction(
      (tx) => selectOpenCommands(tx, source_seq),
      (open) => void this.#open.set(source_seq, open),
    );
  }

  async redelivered(command: CommandRow): Promise<number | undefined> {
    const known = this.#find(command);
    if (!known) return undefined;
    known.attempts += 1;
    known.last_delivered_at = this.#platform.now();
    this.#unwritten.set(known.seq, known);
    return known.attempts;
  }

  watch(source_seq: number): Watch | undefined {
    if (this.#closed) return undefined;
    const waiting = this.#waiting.get(source_seq) ?? new Set();
    this.#waiting.set(source_seq, waiting);
    let stop = () => {};
    const changed = new Promise<void>((resolve) => {
      stop = () => {
        waiting.delete(stop);
        if (waiting.size === 0 && this.#waiting.get(source_seq) === waiting) this.#waiting.delete(source_seq);
        resolve();
      };
      waiting.add(stop);
    });
    return { changed, stop };
  }

  current(row: CommandRow): CommandRow {
    const counted = this.#unwritten.get(row.seq);
    return counted ? { ...row, attempts: counted.attempts, last_delivered_at: counted.last_delivered_at } : row;
  }

  async flush(): Promise<void> {
    const waiting = [...this.#unwritten.values()];
    for (let from = 0; from < waiting.length; from += ROWS_PER_JOB) {
      const counts = waiting.slice(from, from + ROWS_PER_JOB).map(({ seq, attempts, last_delivered_at }) => ({
        seq,
        attempts,
        last_delivered_at: last_delivered_at ?? 0,
      }));
      await this.#database.writer.transaction((tx) => writeDeliveries(tx, counts));
      for (const { seq, attempts } of counts) {
        if (this.#unwritten.get(seq)?.attempts === attempts) this.#unwritten.delete(seq);
      }
    }
  }

  wake(source_seq: number): void {
    for (const stop of [...(this.#waiting.get(source_seq) ?? [])]) stop();
  }

  close(): void {
    this.#closed = true;
    for (const source_seq of [...this.#waiting.keys()]) this.wake(source_seq);
  }

  queued(command: CommandRow): void {
    this.#add(command);
    this.wake(command.source_seq);
  }

  delivered(command: { seq: number; source_seq: number }, at: number, due_at: number | null): void {
    const known = this.#find(command);
    if (known)
      Object.assign(known, { state: "delivered", attempts: 1, first_delivered_at: at, last_delivered_at: at, due_at });
  }

  postponed(command: { seq: number; source_seq: number }, due_at: number): void {
    const known = this.#find(command);
    if (known) known.due_at = due_at;
  }

  ended({ seq, source_seq }: { seq: number; source_seq: number }): void {
    const left = (this.#open.get(source_seq) ?? []).filter((command) => command.seq !== seq);
    if (left.length > 0) this.#open.set(source_seq, left);
    else this.#open.delete(source_seq);
  }

  #add(command: CommandRow): void {
    const open = this.#open.get(command.source_seq);
    if (open) open.push(command);
    else this.#open.set(command.source_seq, [command]);
  }

  #find({ seq, source_seq }: { seq: number; source_seq: number }): CommandRow | undefined {
    return this.#open.get(source_seq)?.find((command) => command.seq === seq);
  }
}

/** How often a waiting poll looks where the queue may change in another process. */
const LOOK_EVERY_MS = 1_000;

export class SharedMailbox implements Mailbox {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #watching = new Set<() => void>();
  #closed = false;

  constructor(platform: Platform, database: Database) {
    this.#platform = platform;
    this.#database = database;
  }

  open(source_seq: number): Promise<readonly CommandRow[]> {
    return selectOpenCommands(this.#database.reader, source_seq);
  }

  redelivered(command: CommandRow): Promise<number | undefined> {
    return this.#database.writer.transaction((tx) => countDelivery(tx, command.seq, this.#platform.now()));
  }

  watch(): Watch | undefined {
    if (this.#closed) return undefined;
    let stop = () => {};
    const changed = new Promise<void>((resolve) => {
      const callOff = this.#platform.after(LOOK_EVERY_MS, () => stop());
      stop = () => {
        callOff();
        this.#watching.delete(stop);
        resolve();
      };
      this.#watching.add(stop);
    });
    return { changed, stop };
  }

  close(): void {
    this.#closed = true;
    for (const stop of [...this.#watching]) stop();
  }

  current(row: CommandRow): CommandRow {
    return row;
  }

  async refresh(): Promise<void> {}
  async flush(): Promise<void> {}
  wake(): void {}
  queued(): void {}
  delivered(): void {}
  postponed(): void {}
  ended(): void {}
}
