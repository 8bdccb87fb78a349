import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { commonTypes } from "./schema.ts";

/** In the words of the index of these types, as SQLite compares them. */
export const isRare = sql.raw(`type NOT IN (${[...commonTypes].map((type) => `'${type}'`).join(", ")})`);

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
    source_seq: integer(),
    command_seq: integer(),
    /** JSON object, small, without secrets; what the command's own row says is left out. */
    data: text(),
  },
  (table) => [
    index("events_by_time").on(table.account_seq, table.at),
    index("events_by_type").on(table.account_seq, table.type, table.at).where(isRare),
    index("events_by_source").on(table.source_seq).where(sql`source_seq IS NOT NULL`),
    index("events_by_command").on(table.command_seq).where(sql`command_seq IS NOT NULL`),
  ],
);
