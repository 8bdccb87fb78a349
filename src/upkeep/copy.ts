import { createHash, type Hash } from "node:crypto";
import type { Client, InStatement, Row, Value } from "@libsql/client";
import { CliFailure } from "../cli/failure.ts";
import { NO_UNFINISHED_COPY } from "../db/unfinished-copy.ts";
import { countOf, quoted, restOfSchema, stateOf, type Table, tablesOf, weightOf } from "./contents.ts";
import { CopyMark, committed, refuseCopyAtWork } from "./copy-mark.ts";
import { CALL_TIMEOUT_MS, type Reader } from "./place.ts";

/** What a page of rows may weigh: well below what a libSQL server sends or takes at once. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** Rows whose weight is asked for at once. */
const LOOK_AHEAD = 2_000;
/** SQLite binds no more to one statement. */
const MOST_VALUES = 32_000;

/** Told after each page. */
export type Progress = (table: string, rows: number, of: number) => void;

export interface CopyOptions {
  now(): number;
  progress: Progress;
  /** What throws keeps the copy unfinished. */
  beforeDone(): Promise<void>;
}

interface Digest {
  rows: number;
  digest: string;
}

/**
 * Copies every row of one database into another one that is empty or holds an unfinished copy, which is cleared. Until
 * the last step the target bears a mark for which ferry refuses to serve it. What was read is compared with what then
 * stands there, by count and digest of each table. Values travel as bytes and 64-bit integers: none is changed.
 * `from` reads in one transaction.
 */
export async function copyDatabase(
  from: Reader,
  to: Client,
  { now, progress, beforeDone }: CopyOptions,
): Promise<void> {
  const tables = await tablesOf(from);
  const mark = new CopyMark(to, now);
  await begin(to, tables, mark, now());
  const read = new Map<string, Digest>();
  for (const table of tables) {
    const rows = await countOf(from, table.name);
    const digest = new RowDigest();
    let done = 0;
    for await (const page of rows === 0 ? [] : pagesOf(from, table)) {
      digest.add(page);
      await committed(to, [...insertions(table, page), mark.renewed()]);
      done += page.length;
      progress(table.name, done, rows);
    }
    read.set(table.name, digest.end());
  }
  // All of it now: a server lets go of whoever is silent for 10 s, and an index may take longer.
  const sequences = await from.execute("SELECT name, seq FROM sqlite_sequence");
  for (const statement of await restOfSchema(from)) {
    await mark.holdFor(CALL_TIMEOUT_MS);
    await committed(to, [statement]);
  }
  await mark.holdFor(0);
  await setSequences(to, sequences.rows);
  await compare(to, tables, read, mark, progress);
  await beforeDone();
  await mark.remove();
}

/**
 * Makes the tables and sets the mark, in one commit. The first statement fails where a ferry or another copy has come
 * between, as it makes a table that is there then.
 */
async function begin(to: Client, tables: readonly Table[], mark: CopyMark, now: number): Promise<void> {
  const left = await tablesOf(to);
  if (left.length > 0) {
    if ((await stateOf(to)) !== "unfinished") throw new CliFailure("refused", "the target is not empty any more");
    await refuseCopyAtWork(to, now);
  }
  const migrationsTable = tables.find(({ name }) => name === "ferry_migrations");
  if (!migrationsTable) throw new CliFailure("refused", "there is no table ferry_migrations to copy");
  await committed(to, [
    ...left.map(({ name }) => `DROP TABLE ${quoted(name)}`),
    migrationsTable.sql,
    mark.made(),
    ...tables.filter((table) => table !== migrationsTable).map(({ sql }) => sql),
  ]);
}

/** A row's values; text as its bytes with `isText`, as the drivers' text ends at a NUL. */
interface Cell {
  isText: boolean;
  value: Value;
}

/** Rows in the order of their rowid, in pages of bounded weight; a heavier row is a page of its own. */
async function* pagesOf(from: Reader, table: Table): AsyncGenerator<Cell[][]> {
  const name = quoted(table.name);
  const condition = table.name === "ferry_migrations" ? ` AND ${NO_UNFINISHED_COPY}` : "";
  const values = table.columns
    .map((column) => quoted(column))
    .map(
      (column) =>
        `typeof(${column}), CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`,
    );
  let after = -(2n ** 63n);
  for (;;) {
    const ahead = await from.execute({
      sql: `SELECT rowid AS at, ${weightOf(table.columns)} AS bytes FROM ${name} WHERE rowid > ?${condition} ORDER BY rowid LIMIT ${LOOK_AHEAD}`,
      args: [after],
    });
    if (ahead.rows.length === 0) return;
    for (const last of lastOfPages(ahead.rows)) {
      const { rows } = await from.execute({
        sql: `SELECT ${values.join(", ")} FROM ${name} WHERE rowid > ? AND rowid <= ?${condition} ORDER BY rowid`,
        args: [after, last],
      });
      yield rows.map((row) => cellsOf(row, table.columns.length));
      after = last;
    }
  }
}

/** The last rowid of each page. */
function lastOfPages(ahead: readonly Row[]): bigint[] {
  const ends: bigint[] = [];
  let bytes = 0;
  let last: bigint | undefined;
  for (const row of ahead) {
    const weight = Number(row.bytes);
    if (last !== undefined && bytes + weight > PAGE_BYTES) {
      ends.push(last);
      bytes = 0;
    }
    bytes += weight;
    last = row.at as bigint;
  }
  return last === undefined ? ends : [...ends, last];
}

function cellsOf(row: Row, columns: number): Cell[] {
  return Array.from({ length: columns }, (_, column) => ({
    isText: row[2 * column] === "text",
    value: row[2 * column + 1] as Value,
  }));
}

function insertions(table: Table, page: readonly Cell[][]): InStatement[] {
  const most = Math.max(1, Math.floor(MOST_VALUES / table.columns.length));
  const into = `INSERT INTO ${quoted(table.name)} (${table.columns.map(quoted).join(", ")}) VALUES`;
  return Array.from({ length: Math.ceil(page.length / most) }, (_, index) => {
    const rows = page.slice(index * most, (index + 1) * most);
    const places = rows.map((row) => `(${row.map(({ isText }) => (isText ? "CAST(? AS TEXT)" : "?")).join(", ")})`);
    return { sql: `${into} ${places.join(", ")}`, args: rows.flatMap((row) => row.map(({ value }) => value)) };
  });
}

/** What AUTOINCREMENT has given out: numbers of deleted rows must not come back. */
async function setSequences(to: Client, rows: readonly Row[]): Promise<void> {
  await committed(to, [
    "DELETE FROM sqlite_sequence",
    ...rows.map(({ name, seq }) => ({
      sql: "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
      args: [name ?? null, seq ?? null],
    })),
  ]);
}

async function compare(
  to: Client,
  tables: readonly Table[],
  read: ReadonlyMap<string, Digest>,
  mark: CopyMark,
  progress: Progress,
): Promise<void> {
  for (const table of tables) {
    const digest = new RowDigest();
    const expected = read.get(table.name);
    for await (const page of pagesOf(to, table)) {
      digest.add(page);
      await mark.keepFresh();
      progress(`${table.name}, read again`, digest.rows, expected?.rows ?? 0);
    }
    const found = digest.end();
    if (found.rows !== expected?.rows || found.digest !== expected.digest) {
      throw new CliFailure(
        "failed",
        `${table.name} is not the same in the copy: ${found.rows} rows there, ${expected?.rows} were read${found.rows === expected?.rows ? ", with other values" : ""}. The copy stays marked as unfinished`,
      );
    }
  }
  const { rows } = await to.execute("PRAGMA foreign_key_check");
  if (rows.length > 0) throw new CliFailure("failed", `${rows.length} rows of the copy refer to rows that are missing`);
}

/** SHA-256 over rows in their order, each value with its type and length. */
class RowDigest {
  rows = 0;
  readonly #hash: Hash = createHash("sha256");

  add(page: readonly Cell[][]): void {
    for (const row of page) for (const cell of row) this.#addCell(cell);
    this.rows += page.length;
  }

  end(): Digest {
    return { rows: this.rows, digest: this.#hash.digest("hex") };
  }

  #addCell({ isText, value }: Cell): void {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
      this.#hash.update(`${isText ? "t" : "b"}${bytes.byteLength}:`).update(bytes as Uint8Array);
    } else this.#hash.update(`${typeof value}:${value};`);
  }
}
