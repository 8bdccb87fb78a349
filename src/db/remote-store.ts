import type { Client, InStatement, Transaction as LibsqlTransaction, ResultSet } from "@libsql/client";
import { LibsqlError } from "@libsql/client/web";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql/web";
import type { Platform } from "../core/platform.ts";
import type { Executor, Transaction } from "./executor.ts";
import type { GroupStatement } from "./group-job.ts";
import { patience, type Waiting } from "./patience.ts";
import { failureOf, NoAnswer, troubleOf } from "./storage-failure.ts";
import type { Store } from "./writer.ts";

/** Marks are kept for so long; calls are given up, and transactions ended by the server, much earlier. */
const KEPT_MS = 10 * 60_000;

/** Readings are tried again for so long: a server is back from a restart by then. */
const READ_PATIENCE_MS = 5_000;
/** Writes for longer: a transaction whose connection was lost keeps the others out until the server ends it, after 5 s. */
const WRITE_PATIENCE_MS = 10_000;

type Needs = Waiting & Pick<Platform, "newId">;

/**
 * Writes over a connection that can be lost between a commit and its reply. Each carries a mark, so that it can be
 * asked afterwards whether it was made: then it is not made again, otherwise it is.
 */
export class RemoteStore implements Store {
  readonly #client: Client;
  readonly #platform: Needs;

  constructor(client: Client, platform: Needs) {
    this.#client = client;
    this.#platform = platform;
  }

  async batch(statements: GroupStatement[]): Promise<readonly ResultSet[] | undefined> {
    let results: readonly ResultSet[] | undefined;
    await this.#write(async (mark) => {
      results = undefined;
      const [, ...answered] = await heard(this.#client.batch([mark, ...statements], "write"));
      results = answered;
    });
    return results;
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    let done: { result: T } | undefined;
    await this.#write(async (mark) => {
      const transaction = await this.#client.transaction("write");
      try {
        done = undefined;
        done = { result: await work(marked(transaction, mark)) };
        await heard(transaction.commit());
      } catch (error) {
        // Where the connection is lost, the server rolls back by itself.
        if (troubleOf(error) === undefined) await transaction.rollback().catch(() => {});
        transaction.close();
        throw error;
      }
    });
    return (done as { result: T }).result;
  }

  /** Until one try is made, if need be by asking; throws when it is certain that none was, or not to be found out. */
  async #write(attempt: (mark: InStatement) => Promise<void>): Promise<void> {
    const again = patience(this.#platform, WRITE_PATIENCE_MS);
    for (;;) {
      const id = this.#platform.newId();
      try {
        return await attempt({ sql: "INSERT INTO ferry_writes (id, made) VALUES (?, true)", args: [id] });
      } catch (error) {
        const trouble = troubleOf(error);
        if (trouble !== "busy" && trouble !== "lost") throw error;
        if (trouble === "lost" && (await this.#wasMade(id, error, again))) return;
        if (!(await again())) throw failureOf("busy", error);
      }
    }
  }

  /**
   * Whether the write with that mark was made. From here on it cannot be: one that is still on its way finds its mark
   * taken. Throws if that cannot be found out.
   */
  async #wasMade(id: string, lost: unknown, again: () => Promise<boolean>): Promise<boolean> {
    const ask = [
      { sql: "INSERT INTO ferry_writes (id, made) VALUES (?, false) ON CONFLICT DO NOTHING", args: [id] },
      { sql: "SELECT made FROM ferry_writes WHERE id = ?", args: [id] },
    ];
    try {
      const [, mark] = await tried(again, () => this.#client.batch(ask, "write"));
      return mark?.rows[0]?.made === 1;
    } catch {
      throw failureOf("lost", lost);
    }
  }
}

/** The transaction as a store takes it; its first statement takes the mark along. */
function marked(transaction: LibsqlTransaction, mark: InStatement): Transaction {
  let isMarked = false;
  const execute = async (statement: InStatement) => {
    if (isMarked) return transaction.execute(statement);
    isMarked = true;
    const [, result] = await transaction.batch([mark, statement]);
    return result as ResultSet;
  };
  return drizzle({ client: { execute } as unknown as Client }) as unknown as Transaction;
}

/** Deletes marks that no write on its way can still have, at most `limit`; answers how many. */
export async function deleteOldMarks(tx: Transaction, limit: number): Promise<number> {
  const gone = await tx.all(sql`
    DELETE FROM ferry_writes WHERE id IN (SELECT id FROM ferry_writes ORDER BY id LIMIT ${limit})
    AND at < unixepoch() * 1000 - ${KEPT_MS} RETURNING id`);
  return gone.length;
}

/** The database for reading. */
export function readerOf(client: Client, platform: Waiting): Executor {
  const execute = (statement: InStatement) =>
    tried(patience(platform, READ_PATIENCE_MS), () => client.execute(statement));
  return drizzle({ client: { execute } as unknown as Client });
}

/** For what may happen twice. */
async function tried<T>(again: () => Promise<boolean>, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await heard(call());
    } catch (error) {
      const trouble = troubleOf(error);
      if ((trouble !== "busy" && trouble !== "lost") || !(await again())) throw error;
    }
  }
}

/** An error that is neither the database's answer to the statement nor a known trouble of the way there tells nothing. */
async function heard<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const isAnswer = error instanceof LibsqlError && /^(SQL|RESPONSE_TOO_LARGE)/.test(error.code);
    throw isAnswer || troubleOf(error) !== undefined ? error : new NoAnswer(error);
  }
}
