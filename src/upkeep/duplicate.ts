import type { Client } from "@libsql/client";
import { CliFailure, messageOf } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";
import { uuidTextInSql } from "../db/uuid.ts";
import { damage, quoted, stateOf, tablesOf, weightOf } from "./contents.ts";
import { type CopyOptions, copyDatabase, type Progress } from "./copy.ts";
import { makeNewFile } from "./new-file.ts";
import { type Place, type Reader, reading, using } from "./place.ts";

/** A libSQL server refuses a row of so many bytes. */
const SERVER_ROW_BYTES = 5_000_000;
/** What a row weighs beside its values: header and numbers, generously. */
const BYTES_PER_COLUMN = 10;
const NAMED_ROWS = 10;

/**
 * Everything in one database, as of one moment, into another one that is empty. A file appears whole or not at all; a
 * server's database is refused by ferry until it is whole. Other programs may go on writing to `from`.
 */
export async function duplicate(from: Place, to: Place, output: Output, beforeDone = async () => {}): Promise<void> {
  const progress: Progress = (table, rows, of) => output.show(`${table}: ${rows} of ${of} rows`);
  const options = { now: Date.now, progress, beforeDone };
  try {
    await (to.kind === "server" ? toServer(from, to, options) : toFile(from, to, options));
  } finally {
    output.show("");
  }
}

async function toServer(from: Place, to: Place, options: CopyOptions): Promise<void> {
  await using(to, (client) => refuseUsed(client, to));
  await reading(from, async (reader) => {
    await refuseTooLarge(reader, from);
    await using(to, (client) => copyDatabase(reader, client, options));
  });
}

async function toFile(from: Place, to: Place & { kind: "file" }, options: CopyOptions): Promise<void> {
  await makeNewFile(to.path, async (partial) => {
    const copy: Place = { kind: "file", path: partial, shown: to.shown };
    if (from.kind === "file") {
      await using(from, (client) =>
        client.execute({ sql: "VACUUM INTO ?", args: [partial] }).catch((error) => {
          // Most likely it is the new file's disk that is full.
          throw new CliFailure("failed", `${to.shown} was not made: ${messageOf(error)}`);
        }),
      );
      await options.beforeDone();
    } else await reading(from, (reader) => using(copy, (client) => copyDatabase(reader, client, options)));
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

/** A row's id as it is shown: those of commands and reports are stored as bytes. */
const idOf = `CASE typeof(id) WHEN 'blob' THEN ${uuidTextInSql("id")} ELSE id END`;

/** Found before anything is written. */
async function refuseTooLarge(reader: Reader, from: Place): Promise<void> {
  const named: string[] = [];
  let count = 0;
  for (const { name, columns } of await tablesOf(reader)) {
    const { rows } = await reader.execute({
      sql: `SELECT ${columns.includes("id") ? idOf : quoted(columns[0] ?? "")} AS id, bytes, count(*) OVER () AS rows
        FROM (SELECT *, ${weightOf(columns)} AS bytes FROM ${quoted(name)}) WHERE bytes > ? LIMIT ${NAMED_ROWS}`,
      args: [SERVER_ROW_BYTES - BYTES_PER_COLUMN * (columns.length + 1)],
    });
    count += Number(rows[0]?.rows ?? 0);
    named.push(...rows.map((row) => `${name} ${row.id} (${row.bytes} bytes)`));
  }
  if (count === 0) return;
  const some = named.slice(0, NAMED_ROWS).join(", ");
  throw new CliFailure(
    "refused",
    `a libSQL server takes no row of ${SERVER_ROW_BYTES} bytes or more, and ${from.shown} has ${count}: ${some}${count > NAMED_ROWS ? ", ..." : ""}. Nothing was written; delete them in ferry first, or stay with a file`,
  );
}
