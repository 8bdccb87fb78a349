import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
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
    // Whatever lists filter by, so that none has to read the rows themselves: those are long.
    index("sources_listed")
      .on(
        table.account_seq,
        table.seq,
        table.name,
        table.state,
        table.migration_cycle,
        table.migproject_seq,
        table.ip,
        table.ipv6,
      )
      .where(sql`deleted_at IS NULL`),
    index("sources_by_state").on(table.account_seq, table.state).where(sql`deleted_at IS NULL`),
    index("sources_by_cycle").on(table.account_seq, table.migration_cycle).where(sql`deleted_at IS NULL`),
    index("sources_by_ip").on(table.account_seq, table.ip).where(sql`deleted_at IS NULL AND ip IS NOT NULL`),
    index("sources_by_ipv6").on(table.account_seq, table.ipv6).where(sql`deleted_at IS NULL AND ipv6 IS NOT NULL`),
    index("sources_by_migproject").on(table.migproject_seq).where(sql`deleted_at IS NULL`),
  ],
);

/** When a source's agent last polled or reported. Narrow, as it is rewritten all the time. */
export const sourcePresence = sqliteTable("source_presence", {
  source_seq: integer().primaryKey(),
  seen_at: integer().notNull(),
});

/** How many live sources there are of each kind. Kept by triggers on sources, in the same commit whoever writes. */
export const sourceCounts = sqliteTable(
  "source_counts",
  {
    account_seq: integer().notNull(),
    migproject_seq: integer().notNull(),
    state: text().$type<SourceState>().notNull(),
    migration_cycle: text().$type<MigrationCycle>().notNull(),
    sources: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.account_seq, table.migproject_seq, table.state, table.migration_cycle] })],
);
