import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/* The tables of plain-fleet.ts, as far as the two requests go. */

export const sources = sqliteTable("sources", {
  id: text().primaryKey(),
  account_id: text().notNull(),
});

export const commands = sqliteTable(
  "commands",
  {
    id: text().primaryKey(),
    account_id: text().notNull(),
    source_id: text().notNull(),
    command_name: text().notNull(),
    state: text({ enum: ["queued", "delivered", "succeeded", "failed"] }).notNull(),
    created_at: integer().notNull(),
    first_delivered_at: integer(),
    due_at: integer(),
    ended_at: integer(),
    result_digest: text(),
  },
  (table) => [index("commands_open").on(table.source_id, table.id).where(sql`ended_at IS NULL`)],
);

export const results = sqliteTable("results", {
  id: text().primaryKey(),
  account_id: text().notNull(),
  source_id: text().notNull(),
  command_id: text(),
  command_name: text().notNull(),
  result: text().notNull(),
  result_detail: text({ mode: "json" }).notNull(),
  kind: text({ enum: ["matched", "unsolicited"] }).notNull(),
  received_at: integer().notNull(),
});

export const events = sqliteTable("events", {
  id: text().primaryKey(),
  account_id: text().notNull(),
  at: integer().notNull(),
  type: text().notNull(),
  actor: text().notNull(),
  source_id: text(),
  command_id: text(),
  data: text({ mode: "json" }).notNull(),
});
