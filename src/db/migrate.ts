import type { Client } from "@libsql/client";
import { migrations } from "./migrations.ts";
import { isUnfinishedCopy, UNFINISHED_COPY } from "./unfinished-copy.ts";

/**
 * Brings the schema up to date, one transaction per migration. Several processes may do so at once on a libSQL server:
 * each migration happens once. Throws if the database is newer than this program.
 */
export async function migrate(client: Client, version: string, now: number): Promise<void> {
  await client.execute(
    "CREATE TABLE IF NOT EXISTS ferry_migrations (name TEXT PRIMARY KEY, ferry_version TEXT NOT NULL, applied_at INTEGER NOT NULL)",
  );
  const { rows } = await client.execute("SELECT name, ferry_version FROM ferry_migrations ORDER BY name");
  const known = new Set(migrations.map((migration) => migration.name));
  if (rows.some((row) => isUnfinishedCopy(String(row.name)))) throw new Error(`the database holds ${UNFINISHED_COPY}`);
  const newer = rows.find((row) => !known.has(String(row.name)));
  if (newer) {
    throw new Error(
      `the database was written by ferry ${newer.ferry_version} (migration ${newer.name}), which is newer than this ferry ${version}: use ferry ${newer.ferry_version} or later`,
    );
  }
  const applied = new Set(rows.map((row) => String(row.name)));
  for (const migration of migrations.filter(({ name }) => !applied.has(name))) {
    await apply(client, migration, version, now);
  }
}

async function apply(
  client: Client,
  migration: { name: string; sql: string },
  version: string,
  now: number,
): Promise<void> {
  const statements = migration.sql
    .split("--> statement-breakpoint")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
  // The row comes first: it takes the write lock, and is refused where another process has been here before.
  const claim = {
    sql: "INSERT INTO ferry_migrations (name, ferry_version, applied_at) VALUES (?, ?, ?)",
    args: [migration.name, version, now],
  };
  try {
    await client.migrate([claim, ...statements]);
  } catch (error) {
    if (error instanceof Error && error.message.includes("UNIQUE constraint failed: ferry_migrations.name")) return;
    throw error;
  }
}
