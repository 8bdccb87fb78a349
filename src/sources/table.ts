import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { MigrationCycle, Registration, SourceState } from "./schema.ts";

/** Source servers. A deleted one keeps its row, emptied: the history of its commands still names it. */
export const sources = sqliteTable(
  "sources",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    account_seq: integer().notNull(),
    migproject_seq: integer().notNull(),
    name: text().notNull(),
    ip: text(),
    ipv6: text(),
    state: text().$type<SourceState>().notNull(),
    migration_cycle: text().$type<MigrationCycle>().notNull(),
    /** What the agent registered, with the ids and settings of disks and volumes. */
    registration: text({ mode: "json" }).$type<Registration>().notNull(),
    add_date: integer().notNull(),
    /** Last registration; the other signs of life are in source_presence. */
    registered_at: integer().notNull(),
    state_action_time: integer().notNull(),
    stage_action_time: integer().notNull(),
    deleted_at: integer(),
  },
  (table) => [
    index("sources_by_account").on(table.account_seq, table.deleted_at),
    index("sources_by_migproject").on(table.migproject_seq).where(sql`deleted_at IS NULL`),
  ],
);

/** When a source's agent last polled or reported. Narrow, as it is rewritten all the time. */
export const sourcePresence = sqliteTable("source_presence", {
  source_seq: integer().primaryKey(),
  seen_at: integer().notNull(),
});
