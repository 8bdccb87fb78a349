import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { roles } from "../core/words.ts";

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

/** Who works with an account: people, and what a group of keys is for. */
export const users = sqliteTable(
  "users",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    account_seq: integer()
      .notNull()
      .references(() => accounts.seq),
    name: text().notNull(),
    role: text({ enum: roles }).notNull(),
    /** Hash with its salt and cost; null: no sign-in by password. */
    password_hash: text(),
    created_at: integer().notNull(),
    disabled_at: integer(),
  },
  (table) => [uniqueIndex("users_by_name").on(table.account_seq, table.name)],
);

export const accessKeys = sqliteTable(
  "access_keys",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    access_key: text().notNull().unique(),
    account_seq: integer()
      .notNull()
      .references(() => accounts.seq),
    user_seq: integer()
      .notNull()
      .references(() => users.seq),
    project_id: text()
      .notNull()
      .references(() => projects.id),
    /** Narrower than the user's; null: the user's. */
    role: text({ enum: roles }),
    /** Encrypted under the master key; verifying a signature needs the plain text. */
    sealed_secret: text().notNull(),
    /** Of a temporary key; null: the key comes without a security token. */
    security_token_hash: text(),
    description: text(),
    created_at: integer().notNull(),
    expires_at: integer(),
    disabled_at: integer(),
    /** Good for the one source it registers first, and for nothing before. */
    is_enrolment: integer({ mode: "boolean" }).notNull().default(false),
    /** The one source it is good for; null: every one of the account, unless it is for enrolment. */
    source_id: text(),
  },
  (table) => [
    index("access_keys_by_account").on(table.account_seq),
    index("access_keys_by_user").on(table.user_seq),
    index("temporary_keys_by_expiry").on(table.expires_at).where(sql`security_token_hash IS NOT NULL`),
  ],
);

/** One row: a known text under the master key, which tells a start with another key. */
export const masterKeyCheck = sqliteTable("master_key_check", { id: integer().primaryKey(), sealed: text().notNull() });

/** Sign-ins that hold: tokens, and sessions of the console. What is no longer good has no row, or a key that is not. */
export const tokens = sqliteTable(
  "tokens",
  {
    seq: integer().primaryKey(),
    /** Hex SHA-256, of a session with `session:` before it: token and session themselves are nowhere. */
    hash: text().notNull().unique(),
    user_seq: integer()
      .notNull()
      .references(() => users.seq),
    /** The project it was asked for; null: the account. */
    project_id: text().references(() => projects.id),
    method: text({ enum: ["password", "token", "key"] }).notNull(),
    issued_at: integer().notNull(),
    expires_at: integer().notNull(),
    /** Of a session by key: it is worth what this key is. */
    access_key: text(),
  },
  (table) => [index("tokens_by_user").on(table.user_seq), index("tokens_by_expiry").on(table.expires_at)],
);
