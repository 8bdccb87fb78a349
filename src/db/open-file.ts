import { realpathSync } from "node:fs";
import { createClient } from "@libsql/client/sqlite3";
import { drizzle } from "drizzle-orm/libsql/sqlite3";
import type { Database } from "./database.ts";
import { Writer } from "./writer.ts";

/** How long a write waits for a lock of another program, a backup say; the whole process stands still meanwhile. */
const FOREIGN_LOCK_MS = 100;
const GROUP_BYTES = 16 * 1024 * 1024;

/**
 * Opens a libSQL file for this process alone. Throws if another process has it.
 * The lock is a transaction held on an empty database beside it: the system lets go of it when the process dies.
 */
export async function openFile(path: string, nextTurn: (work: () => void) => void): Promise<Database> {
  const client = createClient({ url: fileUrl(path), timeout: FOREIGN_LOCK_MS });
  try {
    const lock = await lockFile(realpathSync(path));
    // WAL persists in the file; synchronous=FULL and foreign keys are the build's defaults on every connection.
    await client.execute("PRAGMA journal_mode=WAL");
    const orm = drizzle({ client });
    return {
      reader: orm,
      client,
      writer: new Writer(client, orm, {
        nextTurn,
        groupBytes: GROUP_BYTES,
        renew: () => client.reconnect(),
      }),
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

async function lockFile(path: string): Promise<{ release(): void }> {
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
function fileUrl(path: string): string {
  return `file:${path.split("/").map(encodeURIComponent).join("/")}`;
}
