import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { CommandName, CommandState, ReportKind, ReportResult } from "../core/words.ts";

export const commands = sqliteTable(
  "commands",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    account_seq: integer().notNull(),
    source_seq: integer().notNull(),
    command_name: text().$type<CommandName>().notNull(),
    task_id: text(),
    bucket: text(),
    state: text().$type<CommandState>().notNull(),
    /** Why it ended, where no report ended it. */
    reason: text(),
    attempts: integer().notNull().default(0),
    created_at: integer().notNull(),
    first_delivered_at: integer(),
    last_delivered_at: integer(),
    deliver_by: integer(),
    finish_within_s: integer(),
    /** The deadline in force: deliver_by until the first delivery, then that plus finish_within_s. */
    due_at: integer(),
    ended_at: integer(),
    /** Digest of result and detail of the report that ended it: tells a repeated report. */
    result_digest: text(),
    idempotency_key: text(),
    /** Digest of the order that came with the idempotency key. */
    order_digest: text(),
  },
  (table) => [
    index("commands_by_account").on(table.account_seq),
    index("commands_by_source").on(table.source_seq, table.command_name),
    index("commands_open").on(table.source_seq).where(sql`ended_at IS NULL`),
    index("commands_due").on(table.due_at).where(sql`ended_at IS NULL AND due_at IS NOT NULL`),
    uniqueIndex("commands_by_idempotency_key")
      .on(table.source_seq, table.idempotency_key)
      .where(sql`idempotency_key IS NOT NULL`),
  ],
);

/** Every report an agent sent, whole. */
export const results = sqliteTable(
  "results",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull(),
    account_seq: integer().notNull(),
    source_seq: integer().notNull(),
    command_seq: integer(),
    command_name: text().$type<CommandName>().notNull(),
    result: text().$type<ReportResult>().notNull(),
    /** The JSON text as received. */
    result_detail: text().notNull(),
    kind: text().$type<ReportKind>().notNull(),
    received_at: integer().notNull(),
  },
  (table) => [
    index("results_by_account").on(table.account_seq),
    index("results_by_source").on(table.source_seq),
    index("results_by_time").on(table.received_at),
    index("results_by_command").on(table.command_seq).where(sql`command_seq IS NOT NULL`),
  ],
);
