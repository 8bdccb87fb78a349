import { parentPort, workerData } from "node:worker_threads";
import Libsql from "libsql";
import type { BoundValue, GroupAnswer, GroupResult, GroupStatement } from "./group-job.ts";
import { mayLockOut } from "./storage-failure.ts";

/*
 * A thread of its own, with a connection of its own, that commits groups: however long the disk takes, those who poll
 * need not wait for it. Statements are prepared once, which @libsql/client does anew for each call. The one who sends
 * jobs (group-thread.ts) sends one at a time, and none while another connection writes.
 */

/** Some statements differ with the number of their rows. */
const MOST_PREPARED = 64;

/** A connection with the statements that were prepared on it. */
class Connection {
  readonly #database: Libsql.Database;
  readonly #prepared = new Map<string, Libsql.Statement>();

  constructor(path: string, timeout: number) {
    // WAL persists in the file; synchronous=FULL and foreign keys are the build's defaults on every connection.
    this.#database = new Libsql(path, { timeout });
  }

  commit(statements: readonly GroupStatement[]): GroupResult[] {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const results = statements.map((statement) => this.#run(statement));
      this.#database.exec("COMMIT");
      return results;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Whether it can be used again. */
  isClean(): boolean {
    return !this.#database.inTransaction;
  }

  close(): void {
    this.#database.close();
  }

  #rollBack(): void {
    try {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
    } catch {
      // What went wrong before says more; the connection is not used again.
    }
  }

  #run({ sql, args }: GroupStatement): GroupResult {
    const statement = this.#prepared.get(sql) ?? this.#database.prepare(sql);
    // The one used last stands last: those that are not used any more go first.
    this.#prepared.delete(sql);
    this.#prepared.set(sql, statement);
    for (const oldest of this.#prepared.keys()) {
      if (this.#prepared.size <= MOST_PREPARED) break;
      this.#prepared.delete(oldest);
    }
    const values = args.map(bindable);
    if (statement.reader) return { rows: statement.all(values) as GroupResult["rows"] };
    statement.run(values);
    return { rows: [] };
  }
}

/** The driver ends the whole process over a value of any other kind. */
function bindable(value: BoundValue): string | number | null {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === null || typeof value === "string" || Number.isFinite(value)) return value;
  throw new TypeError(`${typeof value} cannot be bound`);
}

const { path, timeout } = workerData as { path: string; timeout: number };
let connection: Connection | undefined;

parentPort?.on("message", (job: readonly GroupStatement[] | "close") => {
  if (job === "close") {
    connection?.close();
    process.exit();
  }
  parentPort?.postMessage(answer(job));
});

function answer(job: readonly GroupStatement[]): GroupAnswer {
  try {
    connection ??= new Connection(path, timeout);
    return { results: connection.commit(job) };
  } catch (error) {
    if (mayLockOut(error) || !connection?.isClean()) {
      connection?.close();
      connection = undefined;
    }
    const { message, code = "" } = error as Error & { code?: string };
    return { refused: { message, code } };
  }
}
