import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { CommandName, CommandState, ReportKind, ReportResult } from "../core/words.ts";
import { uuid } from "../db/uuid.ts";

export const commands = sqliteTable(
  "commands",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: uuid().notNull().unique(),
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
    /** Digest of the detail of the report that ended it, whose result its state tells: tells a repeated report. */
    result_digest: text(),
    idempotency_key: text(),
    /** Digest of the order that came with the idempotency key. */
    order_digest: text(),
  },
  (table) => [
    index("commands_by_time").on(table.account_seq, table.created_at),
    // Nothing of it is left of a command that went well.
    index("commands_by_state")
      .on(table.account_seq, table.state, table.created_at, table.seq, table.command_name)
      .where(sql`state <> 'succeeded'`),
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
    id: uuid().notNull(),
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
    index("results_by_time").on(table.account_seq, table.received_at),
    // What is looked for among millions that went well; with what it may be filtered by, as its rows lie far apart.
    index("results_failed")
      .on(table.account_seq, table.received_at, table.seq, table.kind, table.command_name)
      .where(sql`result = 'fail'`),
    index("results_unmatched")
      .on(table.account_seq, table.kind, table.received_at, table.seq, table.result, table.command_name)
      .where(sql`kind <> 'matched'`),
    index("results_by_source").on(table.source_seq),
    index("results_by_command").on(table.command_seq).where(sql`command_seq IS NOT NULL`),
  ],
);
