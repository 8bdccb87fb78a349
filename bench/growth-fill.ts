import { Database } from "bun:sqlite";
import { join } from "node:path";

/*
 * The history of a database: commands, reports and events, millions of them. One of each is made through the API, all
 * others are copies of their rows by statements on the file, with what differs from row to row worked out from its
 * number `i`.
 * In a process of its own: two libraries must not have one file open in one process. Columns are read from the database:
 * only those that differ are named, and only here.
 */

/** Rows of a statement. More make the index pages of a transaction be written less often. */
const AT_ONCE = 1_000_000;
const CACHE_KB = 3_000_000;
/** The history's length: it ends now. */
const SPAN_MS = 20 * 24 * 60 * 60 * 1000;

export interface History {
  rows: number;
  /** Its sources: `seq` of the first, and how many follow it. */
  sources: { first: number; count: number };
  /** `seq` of its first row, by table. */
  first: Record<string, number>;
  /** When its first row was made, and from each to the next. */
  beganAt: number;
  stepMs: number;
}

type Value = string | number | bigint | Uint8Array | null;
type Row = Record<string, Value>;

export interface FillJob {
  folder: string;
  /** Of each of the three tables. */
  rows: number;
  sources: History["sources"];
  /** A command that was reported, whose report and events are the last ones there. */
  command_id: string;
}

function fillHistory({ folder, rows, sources, command_id }: FillJob): History {
  const db = new Database(join(folder, "ferry.db"));
  try {
    db.run("PRAGMA busy_timeout = 10000");
    db.run("PRAGMA synchronous = OFF");
    db.run(`PRAGMA cache_size = -${CACHE_KB}`);
    const command = rowsOf(db, "SELECT * FROM commands WHERE id = unhex(replace(?, '-', ''))", command_id);
    const result = rowsOf(db, "SELECT * FROM results ORDER BY seq DESC LIMIT 1");
    const events = rowsOf(db, "SELECT * FROM events WHERE type LIKE 'command.%' ORDER BY seq DESC LIMIT 3").reverse();
    const tables: [table: string, models: Row[]][] = [
      ["commands", command],
      ["results", result],
      ["events", events],
    ];
    const history: History = {
      rows,
      sources,
      first: Object.fromEntries(tables.map(([table]) => [table, lastSeq(db, table) + 1])),
      beganAt: Date.now() - SPAN_MS,
      stepMs: SPAN_MS / rows,
    };
    for (let from = 0; from < rows; from += AT_ONCE) {
      for (const [table, models] of tables) {
        const last = Math.min(from + AT_ONCE, rows) - 1;
        for (const [turn, one] of models.entries())
          copyRows(db, table, one, history, { from, last, turn, of: models.length });
      }
    }
    spreadSources(db, sources);
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    return history;
  } finally {
    db.close();
  }
}

/** Copies of a model, one for each `turn`th of `of` numbers from `from` to `last`. */
function copyRows(
  db: Database,
  table: string,
  model: Row,
  history: History,
  { from, last, turn, of }: { from: number; last: number; turn: number; of: number },
): void {
  const names = Object.keys(model);
  const first = from + ((turn - (from % of) + of) % of);
  const constants: Value[] = [];
  const values = names.map((name) => {
    const own = differs(table, name, model[name] ?? null, history);
    if (own !== undefined) return own;
    constants.push(model[name] ?? null);
    return `?${constants.length}`;
  });
  db.query(
    `WITH RECURSIVE number(i) AS (SELECT ${first} UNION ALL SELECT i + ${of} FROM number WHERE i + ${of} <= ${last}),
       row AS (SELECT i, (i * 2654435761 >> 11) % 1000 AS lot, (i * 40503 >> 4) % 1000 AS kin FROM number)
     INSERT INTO ${table} (${names.join(", ")}) SELECT ${values.join(", ")} FROM row`,
  ).run(...(constants as (string | number | null)[]));
}

/** What stands in a column of row `i`, as SQL; undefined: what the model has. */
function differs(table: string, name: string, value: Value, history: History): string | undefined {
  const { first, count } = history.sources;
  const source = `${first} + i % ${count}`;
  const command = `${history.first.commands} + i`;
  // A report that nobody asked for names no command.
  const named = (what: string) => (table === "results" ? `CASE WHEN ${UNSOLICITED} THEN NULL ELSE ${what} END` : what);
  if (name === "seq") return `${history.first[table]} + i`;
  if (name === "source_seq") return value === null ? undefined : source;
  if (name === "command_seq") return named(command);
  if (name === "id") return idOf(table, history);
  if (typeof value === "number" && value > 1e12) return `${timeOf(history)} + ${value % 1000}`;
  const words = typeof value === "string" ? variety[`${table}.${name}`] : undefined;
  return words && `CASE ${words} ELSE '${value}' END`;
}

// Shares of a row's end and, whatever that is, of its command's name: in thousandths.
const FAILED = "lot BETWEEN 0 AND 9";
const LATE = "lot BETWEEN 10 AND 14";
const UNSOLICITED = "lot BETWEEN 15 AND 19";
const NAME = "WHEN kin BETWEEN 0 AND 1 THEN 'SKIP' WHEN kin BETWEEN 2 AND 201 THEN 'SYNC'";

/** What is not as in most rows. */
const variety: Record<string, string> = {
  "commands.command_name": NAME,
  "results.command_name": NAME,
  "commands.state": `WHEN ${FAILED} THEN 'failed' WHEN ${LATE} THEN 'overdue' WHEN ${UNSOLICITED} THEN 'superseded'`,
  "results.result": `WHEN ${FAILED} THEN 'fail'`,
  "results.kind": `WHEN ${LATE} THEN 'late' WHEN ${UNSOLICITED} THEN 'unsolicited'`,
};

function timeOf({ beganAt, stepMs }: History): string {
  return `(${beganAt} + CAST(i * ${stepMs} AS INTEGER))`;
}

/** UUIDv7, as ferry makes them: its time first, so that indexes grow at their end. */
function idOf(table: string, history: History): string {
  const time = timeOf(history);
  const variant = table === "commands" ? 0x8000 : 0x9000;
  return `unhex(printf('%08x%04x7%03x%04x%012x', ${time} >> 16, ${time} & 65535, i & 4095, ${variant} + (i >> 12 & 4095), i * 2654435761 & 281474976710655))`;
}

/** Sources that differ in what lists are filtered by, one in ten in each way that is not the usual one. */
function spreadSources(db: Database, { first, count }: History["sources"]): void {
  const those = `seq BETWEEN ${first} AND ${first + count - 1}`;
  db.run(`UPDATE sources SET name = printf('bench-%06d', seq - ${first}),
    ip = printf('10.%d.%d.%d', seq >> 16 & 255, seq >> 8 & 255, seq & 255),
    state = CASE seq % 10 WHEN 0 THEN 'error' ELSE state END,
    migration_cycle = CASE seq % 10 WHEN 1 THEN 'replicating' ELSE migration_cycle END WHERE ${those}`);
  db.run(
    `INSERT OR IGNORE INTO source_presence (source_seq, seen_at) SELECT seq, ${Date.now() - SPAN_MS} FROM sources WHERE ${those}`,
  );
}

function rowsOf(db: Database, sql: string, ...args: string[]): Row[] {
  const rows = db.query<Row, string[]>(sql).all(...args);
  if (rows.length === 0) throw new Error(`no row to copy: ${sql}`);
  return rows;
}

function lastSeq(db: Database, table: string): number {
  return Number(db.query<{ seq: number | null }, []>(`SELECT max(seq) AS seq FROM ${table}`).get()?.seq ?? 0);
}

if (import.meta.main) console.log(JSON.stringify(fillHistory((await Bun.stdin.json()) as FillJob)));
