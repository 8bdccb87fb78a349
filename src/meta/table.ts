import { integer, sqliteTable } from "drizzle-orm/sqlite-core";

/** One row, written to find out whether writing works. */
export const readiness = sqliteTable("readiness", { id: integer().primaryKey(), checked_at: integer().notNull() });
