import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { TemplateDefinition } from "./schema.ts";

/** Templates of target machines. */
export const templates = sqliteTable(
  "templates",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    account_seq: integer().notNull(),
    name: text().notNull(),
    region: text(),
    availability_zone: text(),
    /** The members sent, name, region, zone and target_password aside. */
    definition: text({ mode: "json" }).$type<TemplateDefinition>().notNull(),
    target_password_sealed: text(),
    created_at: integer().notNull(),
  },
  (table) => [index("templates_by_account").on(table.account_seq)],
);
