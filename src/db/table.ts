import { sql } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Which writes over a connection were made, for when a reply is lost on the way; see remote-store.ts. */
export const ferryWrites = sqliteTable("ferry_writes", {
  id: text().primaryKey(),
  /** False where its writer has given up on it: it must not be made any more. */
  made: integer({ mode: "boolean" }).notNull(),
  /** Milliseconds since 1970, by the database's clock. */
  at: integer().notNull().default(sql`(unixepoch() * 1000)`),
});

/** Work that one process does for all that share the database; see lease.ts. */
export const ferryLeases = sqliteTable("ferry_leases", {
  name: text().primaryKey(),
  holder: text().notNull(),
  /** Milliseconds since 1970, by the database's clock. */
  until: integer().notNull(),
});
