import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/** Tenants (IAM domains). `seq` 1 is the instance's first account. */
export const accounts = sqliteTable("accounts", {
  seq: integer().primaryKey({ autoIncrement: true }),
  id: text().notNull().unique(),
  name: text().notNull().unique(),
  created_at: integer().notNull(),
});

/** An account's region projects: what X-Project-Id may name. */
export const projects = sqliteTable(
  "projects",
  {
    id: text().primaryKey(),
    account_seq: integer()
      .notNull()
      .references(() => accounts.seq),
    name: text().notNull(),
    created_at: integer().notNull(),
  },
  (table) => [uniqueIndex("projects_by_name").on(table.account_seq, table.name)],
);

export const accessKeys = sqliteTable(
  "access_keys",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    access_key: text().notNull().unique(),
    account_seq: integer()
      .notNull()
      .references(() => accounts.seq),
    project_id: text()
      .notNull()
      .references(() => projects.id),
    role: text({ enum: ["viewer", "agent", "operator", "admin"] }).notNull(),
    /** Encrypted under the master key; verifying a signature needs the plain text. */
    sealed_secret: text().notNull(),
    description: text(),
    created_at: integer().notNull(),
    disabled_at: integer(),
  },
  (table) => [index("access_keys_by_account").on(table.account_seq)],
);
