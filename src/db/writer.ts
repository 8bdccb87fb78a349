import { type SQL, sql } from "drizzle-orm";
import type { Transaction } from "./executor.ts";
import type { GroupResult, GroupStatement } from "./group-job.ts";
import { failureOf, troubleOf } from "./storage-failure.ts";

/** Rows that go out together; a group's statements are set-based, so their number does not grow with the rows. */
export interface GroupPlan<Row, Outcome> {
  /** Statements for all rows at once, run as one transaction. */
  statements(rows: readonly Row[]): GroupStatement[];
  /** One outcome per row, in the order of the rows, read from the results of the statements. */
  outcomes(results: readonly GroupResult[], rows: readonly Row[]): Outcome[];
  /** The same for rows that were committed, though what the statements answered was lost on the way. */
  readBack(rows: readonly Row[]): Promise<Outcome[]>;
  /** Rows of one key never share a group: each sees what the one before it did. */
  key(row: Row): unknown;
  /** Roughly what a row weighs, to bound a group. */
  bytes(row: Row): number;
  /** Runs right after the commit, before the next write: what memory must know of it. */
  committed?(outcomes: readonly Outcome[], rows: readonly Row[]): void;
  /** Whether they were committed is not known: what memory knows of them must be read anew. */
  lost?(rows: readonly Row[]): void;
}

/** What a group would do for one row, within a transaction that does more. */
export async function runAlone<Row, Outcome>(
  tx: Transaction,
  plan: Pick<GroupPlan<Row, Outcome>, "statements" | "outcomes">,
  row: Row,
): Promise<Outcome> {
  const results: GroupResult[] = [];
  for (const statement of plan.statements([row])) results.push(await tx.run(boundStatement(statement)));
  const [outcome] = plan.outcomes(results, [row]);
  return outcome as Outcome;
}

/** Drizzle's form of a statement with its values in a list. */
function boundStatement({ sql: text, args }: GroupStatement): SQL {
  const parts = text.split("?");
  return sql.join(
    parts.flatMap((part, index) => (index === 0 ? [sql.raw(part)] : [sql`${args[index - 1]}`, sql.raw(part)])),
  );
}

export interface Group<Row, Outcome> {
  /** Resolves after the commit of the group that held the row. */
  add(row: Row): Promise<Outcome>;
}

const GROUP_ROWS = 200;
/** Rows of one kind that wait for their commit may weigh so much together, in bytes: memory is not for a disk's backlog. */
const PENDING_BYTES = 256 * 1024 * 1024;

/** How the queue's writes reach the database, one at a time; what may be tried again is known here. */
export interface Store {
  /** One transaction. Undefined where it was made, but its answer was lost on the way. */
  batch(statements: GroupStatement[]): Promise<readonly GroupResult[] | undefined>;
  /** An interactive transaction. `work` begins anew where an earlier run of it came to nothing. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Whether the caller is `work` itself, where the runtime can tell. */
  isInside?(): boolean;
}

export interface WriterOptions {
  /** Runs what it is given after what already waits in the event loop. */
  nextTurn(work: () => void): void;
  /** What a group may weigh together, in bytes; a heavier row goes out alone. */
  groupBytes: number;
  /** Milliseconds since 1970. */
  now(): number;
  /** A write that has waited longer for its turn is refused, in milliseconds: its caller will have given up. */
  queueMs?: number;
}

interface Pending<Row, Outcome> {
  row: Row;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * The one queue for everything that writes. Calls on a libSQL file are synchronous, so two writers in one process
 * can only wait for each other in vain, and one refused BEGIN can lock all later ones; a libSQL server with many
 * writers at once is slower than with one.
 */
export class Writer {
  readonly #store: Store;
  readonly #options: WriterOptions;
  #tail: Promise<unknown> = Promise.resolve();
  #written: (() => void) | undefined;

  constructor(store: Store, options: WriterOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * An interactive transaction, alone, in order of arrival. `work` uses its `tx` only and leaves nothing behind outside
   * it, as it may run again; calling the writer inside throws, as it would wait for itself. `committed` runs right
   * after the commit, before the next write.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, committed?: (result: T) => void): Promise<T> {
    return this.#enqueue(async () => {
      const result = await this.#store.transaction(work);
      committed?.(result);
      return result;
    });
  }

  /** Rows added in one turn of the event loop, and while another write runs, are committed together. */
  group<Row, Outcome>(plan: GroupPlan<Row, Outcome>): Group<Row, Outcome> {
    let pending: Pending<Row, Outcome>[] = [];
    let pendingBytes = 0;
    let scheduled = false;
    const schedule = () => {
      scheduled = true;
      // A microtask would group nothing, a timer would make a lone caller wait.
      this.#options.nextTurn(() => void this.#enqueue(flush).catch(refuse));
    };
    const refuse = (error: unknown) => {
      scheduled = false;
      pendingBytes = 0;
      for (const item of pending.splice(0)) item.reject(error);
    };
    const flush = async () => {
      scheduled = false;
      const { taken, left } = take(pending, plan, this.#options.groupBytes);
      pending = left;
      for (const { row } of taken) pendingBytes -= plan.bytes(row);
      if (left.length > 0) schedule();
      await this.#commitGroup(plan, taken);
    };
    return {
      add: (row) => {
        this.#refuseInsideTransaction();
        const bytes = plan.bytes(row);
        if (pendingBytes + bytes > PENDING_BYTES) {
          return Promise.reject(failureOf("busy", new Error("too much was waiting to be written")));
        }
        pendingBytes += bytes;
        return new Promise((resolve, reject) => {
          pending.push({ row, resolve, reject });
          if (!scheduled) schedule();
        });
      },
    };
  }

  /** Has `work` called after every write, made or not, before the next one: it must cost next to nothing. */
  afterEachWrite(work: () => void): void {
    if (this.#written !== undefined) throw new Error("somebody is told after each write already");
    this.#written = work;
  }

  /** Resolves when everything handed over so far is done, rows that wait for their group included. */
  async drain(): Promise<void> {
    // Rows that no group had room for are handed over after the one before them.
    for (let tail: unknown; tail !== this.#tail; ) {
      tail = this.#tail;
      await tail;
      await new Promise<void>((resolve) => this.#options.nextTurn(resolve));
    }
  }

  async #commitGroup<Row, Outcome>(plan: GroupPlan<Row, Outcome>, taken: Pending<Row, Outcome>[]): Promise<void> {
    const rows = taken.map((item) => item.row);
    let results: readonly GroupResult[] | undefined;
    try {
      results = await this.#store.batch(plan.statements(rows));
    } catch (error) {
      const trouble = troubleOf(error);
      // One bad row must not take the others with it; a full disk refuses them all alike.
      if (taken.length > 1 && (trouble === undefined || trouble === "tooBig")) {
        for (const item of taken) await this.#commitGroup(plan, [item]);
      } else {
        if (trouble === "lost") plan.lost?.(rows);
        for (const item of taken) item.reject(error);
      }
      return;
    }
    // Committed: whatever goes wrong from here on, the rows must not go out again.
    try {
      const outcomes = results ? plan.outcomes(results, rows) : await plan.readBack(rows);
      plan.committed?.(outcomes, rows);
      taken.forEach((item, index) => {
        item.resolve(outcomes[index] as Outcome);
      });
    } catch (error) {
      for (const item of taken) item.reject(error);
    }
  }

  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    this.#refuseInsideTransaction();
    const { now, queueMs = Number.POSITIVE_INFINITY } = this.#options;
    const since = now();
    const done = this.#tail.then(() => {
      const waitedMs = now() - since;
      if (waitedMs > queueMs) throw failureOf("busy", new Error("too many writes were waiting"));
      return job();
    });
    // Of some that failed nobody knows whether they were made.
    const told = () => this.#written?.();
    this.#tail = done.then(told, told);
    return done;
  }

  #refuseInsideTransaction(): void {
    if (this.#store.isInside?.()) throw new Error("the writer was called inside a transaction: use its tx");
  }
}

function take<Row, Outcome>(pending: Pending<Row, Outcome>[], plan: GroupPlan<Row, Outcome>, groupBytes: number) {
  const taken: Pending<Row, Outcome>[] = [];
  const left: Pending<Row, Outcome>[] = [];
  const keys = new Set<unknown>();
  let bytes = 0;
  for (const item of pending) {
    const key = plan.key(item.row);
    const weight = plan.bytes(item.row);
    const fits = taken.length < GROUP_ROWS && (bytes + weight <= groupBytes || taken.length === 0);
    if (fits && !keys.has(key)) {
      taken.push(item);
      bytes += weight;
    } else left.push(item);
    keys.add(key); // a later row of a source never overtakes an earlier one
  }
  return { taken, left };
}
