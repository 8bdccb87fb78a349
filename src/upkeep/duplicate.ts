import type { Client } from "@libsql/client";
import { CliFailure, messageOf } from "../cli/failure.ts";
import { quoted, stateOf, tablesOf } from "./contents.ts";
import { copyDatabase, type Progress } from "./copy.ts";
import { makeNewFile } from "./new-file.ts";
import { type Place, type Reader, reading, using } from "./place.ts";

/** A libSQL server refuses a row of so many bytes. */
const SERVER_ROW_BYTES = 5_000_000;
/** What a row weighs beside its values: header and numbers, generously. */
const BYTES_PER_COLUMN = 10;
const NAMED_ROWS = 10;

export interface DuplicateOptions {
  now(): number;
  progress: Progress;
  /** What throws keeps the copy from being one. */
  beforeDone?(): Promise<void>;
}

/**
 * Everything in one database, as of one moment, into another one that is empty. A file appears whole or not at all; a
 * server's database is refused by ferry until it is whole. Other programs may go on writing to `from`.
 */
export async function duplicate(from: Place, to: Place, options: DuplicateOptions): Promise<void> {
  const complete = { beforeDone: async () => {}, ...options };
  if (to.kind === "server") {
    await using(to, (client) => refuseUsed(client, to));
    await reading(from, async (reader) => {
      await refuseTooLarge(reader, from);
      await using(to, (client) => copyDatabase(reader, client, complete));
    });
    return;
  }
  await makeNewFile(to.path, async (partial) => {
    const copy: Place = { kind: "file", path: partial, shown: to.shown };
    if (from.kind === "file") {
      await using(from, (client) =>
        client.execute({ sql: "VACUUM INTO ?", args: [partial] }).catch((error) => {
          // Most likely it is the new file's disk that is full.
          throw new CliFailure("failed", `${to.shown} was not made: ${messageOf(error)}`);
        }),
      );
      await complete.beforeDone();
    } else await reading(from, (reader) => using(copy, (client) => copyDatabase(reader, client, complete)));
    await using(copy, refuseDamaged);
  });
}

/** Throws unless the database is empty or holds a copy that was not finished. */
async function refuseUsed(client: Client, { shown }: Place): Promise<void> {
  const state = await stateOf(client);
  if (state === "empty" || state === "unfinished") return;
  const holds = state === "ferry" ? "data of a ferry" : "tables of another program";
  throw new CliFailure("refused", `${shown} holds ${holds} already: give an empty database; nothing was changed`);
}

async function refuseDamaged(client: Client): Promise<void> {
  const problems = await damage(client);
  if (problems.length > 0) throw new CliFailure("failed", `the copy is damaged: ${problems.join("; ")}`);
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

/** Found before anything is written. */
async function refuseTooLarge(reader: Reader, from: Place): Promise<void> {
  const found: string[] = [];
  let count = 0;
  for (const { name, columns } of await tablesOf(reader)) {
    const sizes = columns.map((column) => `coalesce(octet_length(${quoted(column)}), 0)`);
    const bytes = sizes.join(" + ");
    const most = SERVER_ROW_BYTES - BYTES_PER_COLUMN * (columns.length + 1);
    const { rows } = await reader.execute({
      sql: `SELECT ${quoted(columns.includes("id") ? "id" : (columns[0] ?? ""))} AS id, ${bytes} AS bytes FROM ${quoted(name)} WHERE ${bytes} > ? LIMIT ${NAMED_ROWS}`,
      args: [most],
    });
    for (const row of rows) found.push(`${name} ${row.id} (${row.bytes} bytes)`);
    if (rows.length > 0) {
      const all = await reader.execute({
        sql: `SELECT count(*) AS rows FROM ${quoted(name)} WHERE ${bytes} > ?`,
        args: [most],
      });
      count += Number(all.rows[0]?.rows);
    }
  }
  if (count === 0) return;
  const named = found.slice(0, NAMED_ROWS).join(", ");
  throw new CliFailure(
    "refused",
    `a libSQL server takes no row of ${SERVER_ROW_BYTES} bytes or more, and ${from.shown} has ${count}: ${named}${count > NAMED_ROWS ? ", ..." : ""}. Nothing was written; delete them in ferry first, or stay with a file`,
  );
}
