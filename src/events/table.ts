import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Append-only: one row per change, written in the change's own commit. */
export const events = sqliteTable(
  "events",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    account_seq: integer().notNull(),
    at: integer().notNull(),
    type: text().notNull(),
    /** Access key, or user:NAME behind a token, that did it; null where ferry did (a deadline passed). */
    actor: text(),
    /** Client address; null where ferry did it or the runtime does not tell. */
    address: text(),
    source_id: text(),
    command_id: text(),
    /** JSON object, small, without secrets. */
    data: text(),
  },
  (table) => [
    index("events_by_account").on(table.account_seq),
    index("events_by_source").on(table.source_id).where(sql`source_id IS NOT NULL`),
    index("events_by_command").on(table.command_id).where(sql`command_id IS NOT NULL`),
    index("events_by_time").on(table.at),
  ],
);
