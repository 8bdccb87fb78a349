import { AsyncLocalStorage } from "node:async_hooks";
import { realpathSync } from "node:fs";
import type { Client, ResultSet } from "@libsql/client";
import { createClient } from "@libsql/client/sqlite3";
import { drizzle } from "drizzle-orm/libsql/sqlite3";
import type { Platform } from "../core/platform.ts";
import type { Database } from "./database.ts";
import type { Executor, Transaction } from "./executor.ts";
import { mayLockOut, troubleOf } from "./storage-failure.ts";
import { type GroupStatement, type Store, Writer } from "./writer.ts";

/** How long a write waits for a lock of another program, a backup say; the whole process stands still meanwhile. */
const FOREIGN_LOCK_MS = 100;
const GROUP_BYTES = 16 * 1024 * 1024;

/**
 * Opens a libSQL file for this process alone. Throws if another process has it.
 * The lock is a transaction held on an empty database beside it: the system lets go of it when the process dies.
 */
export async function openFile(path: string, { nextTurn, now }: Pick<Platform, "nextTurn" | "now">): Promise<Database> {
  const client = createClient({ url: fileUrl(path), timeout: FOREIGN_LOCK_MS });
  try {
    const lock = await lockFile(realpathSync(path));
    // WAL persists in the file; synchronous=FULL and foreign keys are the build's defaults on every connection.
    await client.execute("PRAGMA journal_mode=WAL");
    const reader = drizzle({ client });
    return {
      reader,
      client,
      writer: new Writer(new FileStore(client, reader, nextTurn), { nextTurn, now, groupBytes: GROUP_BYTES }),
      exclusive: true,
      checkpoint: async () => {
        const { rows } = await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        return rows[0]?.busy === 0;
      },
      close: () => {
        client.close();
        lock.release();
      },
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

class FileStore implements Store {
  readonly #client: Client;
  readonly #database: { transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> };
  readonly #nextTurn: Platform["nextTurn"];
  readonly #inside = new AsyncLocalStorage<true>();

  constructor(client: Client, database: Executor, nextTurn: Platform["nextTurn"]) {
    this.#client = client;
    this.#database = database as unknown as { transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> };
    this.#nextTurn = nextTurn;
  }

  batch(statements: GroupStatement[]): Promise<readonly ResultSet[]> {
    return this.#client.batch(statements, "write").catch((error) => this.#recoverFrom(error));
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#inside.run(true, () => this.#database.transaction(work)).catch((error) => this.#recoverFrom(error));
  }

  isInside(): boolean {
    return this.#inside.getStore() === true;
  }

  async #recoverFrom(error: unknown): Promise<never> {
    if (troubleOf(error) !== undefined) {
      if (mayLockOut(error)) this.#client.reconnect();
      // A refused write has waited for the lock with the whole process: let others have a turn before the next one waits.
      await new Promise<void>((resolve) => this.#nextTurn(resolve));
    }
    throw error;
  }
}

/** Held until released, or until the process is gone. Throws if another process holds it. */
export async function lockFile(path: string): Promise<{ release(): void }> {
  const client = createClient({ url: fileUrl(`${path}-lock`) });
  try {
    const held = await client.transaction("write");
    const release = () => {
      held.close(); // an open transaction would keep the connection, and with it the lock
      client.close();
    };
    return { release };
  } catch (error) {
    client.close();
    if (error instanceof Error && /SQLITE_BUSY|database is locked/.test(error.message)) {
      throw new Error(`another ferry process has ${path} open: stop it first, or give this one its own --data`);
    }
    throw error;
  }
}

/** The path as the client's URL, with what a URL would take for its own (space, percent, question mark) escaped. */
export function fileUrl(path: string): string {
  return `file:${path.split("/").map(encodeURIComponent).join("/")}`;
}
