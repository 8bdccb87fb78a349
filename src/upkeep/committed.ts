import type { Client, InStatement } from "@libsql/client";

const BUSY_TRIES = 240;
const BUSY_PAUSE_MS = 500;

/**
 * One commit, without looking at references: tables come in any order. A server that empties its log refuses for a
 * while, and has changed nothing then; whatever else goes wrong ends the copy.
 */
export async function committed(to: Client, statements: InStatement[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await to.migrate(statements);
      return;
    } catch (error) {
      const isBusy = error instanceof Error && /SQLITE_BUSY|database is locked/.test(error.message);
      if (!isBusy || tries === BUSY_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
    }
  }
}
