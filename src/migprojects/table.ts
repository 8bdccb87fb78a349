import { sql } from "drizzle-orm";
import { integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/** Migration projects. Every account has `SystemProject`, made when first needed. */
export const migprojects = sqliteTable(
  "migprojects",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    account_seq: integer().notNull(),
    name: text().notNull(),
    description: text().notNull(),
    isdefault: integer({ mode: "boolean" }).notNull(),
    region: text().notNull(),
    start_target_server: integer({ mode: "boolean" }).notNull(),
    speed_limit: integer().notNull(),
    use_public_ip: integer({ mode: "boolean" }).notNull(),
    exist_server: integer({ mode: "boolean" }).notNull(),
    type: text({ enum: ["MIGRATE_BLOCK", "MIGRATE_FILE"] }).notNull(),
    enterprise_project: text().notNull(),
    syncing: integer({ mode: "boolean" }).notNull(),
    start_network_check: integer({ mode: "boolean" }).notNull(),
    created_at: integer().notNull(),
  },
  (table) => [
    uniqueIndex("migprojects_by_name").on(table.account_seq, table.name),
    uniqueIndex("migprojects_default").on(table.account_seq).where(sql`isdefault = 1`),
  ],
);
