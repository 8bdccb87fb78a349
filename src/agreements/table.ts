import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Who accepted the privacy agreement for an account, and when. */
export const agreements = sqliteTable("agreements", {
  account_seq: integer().primaryKey(),
  accepted_at: integer().notNull(),
  actor: text().notNull(),
});
