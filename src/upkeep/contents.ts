import { CliFailure } from "../cli/failure.ts";
import { migrations } from "../db/migrations.ts";
import { isUnfinishedCopy, UNFINISHED_COPY } from "../db/unfinished-copy.ts";
import { VERSION } from "../version.ts";
import type { Reader } from "./place.ts";

/** What a database holds, told from its schema: nothing, a ferry's data, half of them, or something else. */
export type State = "empty" | "ferry" | "unfinished" | "foreign";

export interface Schema {
  /** Newest ferry that changed the schema. */
  ferry_version: string;
  /** Names of the migrations applied, in order. */
  applied: string[];
}

export interface Table {
  name: string;
  /** As it was made. */
  sql: string;
  columns: string[];
}

/** Tables that are SQLite's or the server's own. */
const OWN = "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'libsql\\_%' ESCAPE '\\'";

export async function tablesOf(reader: Reader): Promise<Table[]> {
  const { rows } = await reader.execute(
    `SELECT made.name, made.sql, info.name AS "column"
      FROM (SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND ${OWN}) AS made JOIN pragma_table_info(made.name) AS info
      ORDER BY made.name, info.cid`,
  );
  const tables = new Map<string, Table>();
  for (const row of rows) {
    const name = String(row.name);
    const table = tables.get(name) ?? { name, sql: String(row.sql), columns: [] };
    table.columns.push(String(row.column));
    tables.set(name, table);
  }
  return [...tables.values()];
}

/** Indexes and whatever else belongs to the tables, as they were made. */
export async function restOfSchema(reader: Reader): Promise<string[]> {
  const { rows } = await reader.execute(
    `SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL AND ${OWN} ORDER BY name`,
  );
  return rows.map(({ sql }) => String(sql));
}

export async function stateOf(reader: Reader): Promise<State> {
  const tables = await tablesOf(reader);
  if (tables.length === 0) return "empty";
  if (!tables.some(({ name }) => name === "ferry_migrations")) return "foreign";
  const { applied } = await schemaOf(reader);
  return applied.some(isUnfinishedCopy) ? "unfinished" : "ferry";
}

async function schemaOf(reader: Reader): Promise<Schema> {
  const { rows } = await reader.execute("SELECT name, ferry_version FROM ferry_migrations ORDER BY name");
  return {
    ferry_version: String(rows.at(-1)?.ferry_version ?? ""),
    applied: rows.map(({ name }) => String(name)),
  };
}

/** The schema of a database this ferry can read. Throws for anything else, naming the database. */
export async function usableSchema(reader: Reader, shown: string): Promise<Schema> {
  const state = await stateOf(reader);
  if (state === "empty" || state === "foreign") {
    throw new CliFailure("refused", `${shown} holds no data of ferry${state === "empty" ? ": it is empty" : ""}`);
  }
  if (state === "unfinished") throw new CliFailure("refused", `${shown} holds ${UNFINISHED_COPY}`);
  const schema = await schemaOf(reader);
  const known = new Set(migrations.map(({ name }) => name));
  const newer = schema.applied.find((name) => !known.has(name));
  if (newer !== undefined) {
    throw new CliFailure(
      "refused",
      `${shown} was written by ferry ${schema.ferry_version} (migration ${newer}), which is newer than this ferry ${VERSION}: use ferry ${schema.ferry_version} or later`,
    );
  }
  return schema;
}

/** Marks of the moment: another database begins without them. Their tables are made, their rows stay behind. */
const LEFT_BEHIND: ReadonlySet<string> = new Set(["ferry_writes", "ferry_leases"]);

export async function countRows(reader: Reader): Promise<{ tables: number; rows: number }> {
  const tables = await tablesOf(reader);
  let rows = 0;
  for (const { name } of tables) rows += await countOf(reader, name);
  return { tables: tables.length, rows };
}

/** Rows of a table that a copy is to have. */
export async function countOf(reader: Reader, table: string): Promise<number> {
  if (LEFT_BEHIND.has(table)) return 0;
  const { rows } = await reader.execute(`SELECT count(*) AS rows FROM ${quoted(table)}`);
  return Number(rows[0]?.rows);
}

/** What SQLite's checks of the whole database complain of; nothing if it is sound. */
export async function damage(reader: Reader): Promise<string[]> {
  const { rows } = await reader.execute("PRAGMA integrity_check(5)");
  const problems = rows.map((row) => String(row[0])).filter((text) => text !== "ok");
  const dangling = await reader.execute('SELECT "table", count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1');
  return [
    ...problems,
    ...dangling.rows.map((row) => `${row.rows} rows of ${row.table} refer to rows that are missing`),
  ];
}

/** The bytes of a row's values, in SQL. */
export function weightOf(columns: readonly string[]): string {
  return columns.map((column) => `coalesce(octet_length(${quoted(column)}), 0)`).join(" + ");
}

/** A name in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
