import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Client } from "@libsql/client";
import { createClient } from "@libsql/client/sqlite3";
import { drizzle } from "drizzle-orm/libsql/sqlite3";
import type { Platform } from "../core/platform.ts";
import type { Database } from "./database.ts";
import type { Executor, Transaction } from "./executor.ts";
import type { GroupResult, GroupStatement } from "./group-job.ts";
import { GroupThread } from "./group-thread.ts";
import { mayLockOut, troubleOf } from "./storage-failure.ts";
import { type Store, Writer } from "./writer.ts";

/** How long a write waits for a lock of another program, a backup say; the whole process stands still meanwhile. */
const FOREIGN_LOCK_MS = 100;
const GROUP_BYTES = 16 * 1024 * 1024;
/** A write that has waited longer for its turn is refused: its caller has given up. */
const QUEUE_MS = 20_000;

/**
 * Opens a libSQL file for this process alone, made if there is none. Throws if another process has it.
 * The lock is a transaction held on an empty database beside it: the system lets go of it when the process dies.
 */
export async function openFile(path: string, platform: Pick<Platform, "nextTurn" | "now">): Promise<Database> {
  // Before a file is made: it would stand in the way of a restore that is at work.
  const lock = await lockFile(path);
  try {
    return await openLocked(path, lock, platform);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(
  path: string,
  lock: FileLock,
  { nextTurn, now }: Pick<Platform, "nextTurn" | "now">,
): Promise<Database> {
  const client = createClient({ url: fileUrl(path), timeout: FOREIGN_LOCK_MS });
  try {
    // WAL persists in the file; synchronous=FULL and foreign keys are the build's defaults on every connection.
    await client.execute("PRAGMA journal_mode=WAL");
  } catch (error) {
    client.close();
    throw error;
  }
  const reader = drizzle({ client });
  const thread = new GroupThread(path, FOREIGN_LOCK_MS);
  return {
    reader,
    client,
    reading: client,
    writer: new Writer(new FileStore(thread, client, reader, nextTurn), {
      nextTurn,
      now,
      groupBytes: GROUP_BYTES,
      queueMs: QUEUE_MS,
    }),
    exclusive: true,
    checkpoint: async () => {
      const { rows } = await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
      return rows[0]?.busy === 0;
    },
    close: () => {
      thread.close();
      client.close();
      lock.release();
    },
  };
}

/** Groups on their thread, interactive transactions here: the queue never has both at once. */
class FileStore implements Store {
  readonly #thread: GroupThread;
  readonly #client: Client;
  readonly #database: { transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> };
  readonly #nextTurn: Platform["nextTurn"];
  readonly #inside = new AsyncLocalStorage<true>();

  constructor(thread: GroupThread, client: Client, database: Executor, nextTurn: Platform["nextTurn"]) {
    this.#thread = thread;
    this.#client = client;
    this.#database = database as unknown as { transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> };
    this.#nextTurn = nextTurn;
  }

  batch(statements: GroupStatement[]): Promise<readonly GroupResult[]> {
    return this.#thread.commit(statements);
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

export interface FileLock {
  release(): void;
}

/**
 * Held until released, or until the process is gone. The file itself need not be there, its folder must. Throws if
 * another process holds it.
 */
export async function lockFile(name: string): Promise<FileLock> {
  const path = realPath(name);
  let client: Client | undefined;
  try {
    client = createClient({ url: fileUrl(`${path}-lock`) });
    const opened = client;
    const held = await client.transaction("write");
    const release = () => {
      held.close(); // an open transaction would keep the connection, and with it the lock
      opened.close();
    };
    return { release };
  } catch (error) {
    client?.close();
    const message = error instanceof Error ? error.message : String(error);
    if (/SQLITE_BUSY|database is locked/.test(message))
      throw new Error(`another ferry process has ${path} open: stop it first, or give this one its own --data`);
    throw new Error(`${path}-lock cannot be opened: ${message}${mayBeAnothers(message)}`, { cause: error });
  }
}

/** What to look at where the system refuses a file; nothing for any other error. */
export function mayBeAnothers(message: string): string {
  return /CANTOPEN|READONLY|local database .*: (14|8)\b/.test(message)
    ? ". It and its folder must be writable for the user that runs this"
    : "";
}

/** Where a path leads in the end, also where there is no file yet. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const folder = realpathSync(dirname(path));
  const place = join(folder, basename(path));
  const isLink = lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? realPath(resolve(folder, readlinkSync(place))) : place;
}

/** The path as the client's URL, with what a URL would take for its own (space, percent, question mark) escaped. */
export function fileUrl(path: string): string {
  return `file:${path.split("/").map(encodeURIComponent).join("/")}`;
}
