import type { Principal } from "../auth/principal.ts";
import { after } from "../core/after.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Sources } from "../sources/service.ts";
import type { CurrentTasks } from "../tasks/current.ts";
import type { Mailbox, Waiting, Watch } from "./mailbox.ts";
import { type CommandRow, selectOpenCommands, selectSourcesAfter, writeDeliveries } from "./store.ts";
import { Watchers } from "./watchers.ts";

/** Rows that are read or written in one go, so that nothing is held up. */
const ROWS_PER_JOB = 500;

const NONE: readonly CommandRow[] = [];

/** For a process that alone writes its database. */
export class MemoryMailbox implements Mailbox {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #tasks: CurrentTasks;
  readonly #open = new Map<number, CommandRow[]>();
  readonly #unwritten = new Map<number, CommandRow>();
  readonly #watchers = new Watchers();
  #isClosed = false;

  private constructor(platform: Platform, database: Database, sources: Sources, tasks: CurrentTasks) {
    this.#platform = platform;
    this.#database = database;
    this.#sources = sources;
    this.#tasks = tasks;
  }

  /** With what is open in the file. */
  static async load(
    platform: Platform,
    database: Database,
    sources: Sources,
    tasks: CurrentTasks,
  ): Promise<MemoryMailbox> {
    const mailbox = new MemoryMailbox(platform, database, sources, tasks);
    for (const command of await selectOpenCommands(database.reader)) mailbox.#add(command);
    return mailbox;
  }

  /** Reads what polls ask for before they do: after a start all agents come at once. */
  async warmUp(): Promise<void> {
    for (let after = 0; ; ) {
      const rows = await selectSourcesAfter(this.#database.reader, after, ROWS_PER_JOB);
      const last = rows.at(-1);
      if (last === undefined || this.#isClosed) return;
      for (const { source, task } of rows) {
        this.#sources.remember(source);
        this.#tasks.remember(source.seq, task);
      }
      after = last.source.seq;
      await new Promise<void>((resolve) => this.#platform.nextTurn(resolve));
    }
  }

  look(principal: Principal, server_id: string): Waiting | Promise<Waiting> {
    return after(this.#sources.find(principal, server_id), (source) => {
      const open = this.#open.get(source.seq) ?? NONE;
      return after(this.#tasks.of(source.seq), (task) => ({ source, seen_at: null, open, task }));
    });
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
    return this.#watchers.watch(source_seq);
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
    this.#watchers.wake(source_seq);
  }

  close(): void {
    this.#isClosed = true;
    this.#watchers.close();
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
