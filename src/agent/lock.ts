import { Database } from "bun:sqlite";
import { join } from "node:path";

/**
 * Keeps a second agent off the state folder until this process ends, however it ends: a transaction held on an empty
 * SQLite file is a lock of the system, which no pid file is. False if another agent has it.
 */
export function lock(folder: string): boolean {
  const database = new Database(join(folder, "lock"), { create: true });
  try {
    database.run("BEGIN EXCLUSIVE");
    held.push(database);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "SQLITE_BUSY") return false;
    throw error;
  }
}

/** Where the garbage collector does not find them. */
const held: Database[] = [];
