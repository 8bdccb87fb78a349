import { type SQL, sql } from "drizzle-orm";
import { Failure } from "../core/failure.ts";
import type { Executor } from "./executor.ts";
import type { PageRequest } from "./page.ts";

/**
 * So many rows a page looks at where a filter has no index: what it has found by then is the page, and its cursor tells
 * where the next one goes on. So no page costs more because there is more.
 */
export const MOST_LOOKED_AT = 2_000;

/** A way through a large table along one of its indexes. */
export interface Walk {
  /** The table with its index: where that cannot serve, the statement fails instead of being slow. */
  from: SQL;
  /** What the index begins with. Several: their rows are merged; only where `time` is absent. */
  within: readonly SQL[];
  /** The time after which the index orders its rows, equal ones by seq; absent: by seq alone. */
  time?: SQL;
  since?: number | undefined;
  until?: number | undefined;
  /** What the index does not tell. */
  filter: readonly (SQL | undefined)[];
  /** Read along with each row. */
  bytes?: SQL | undefined;
}

/** Where a row stands in its walk. */
export interface Step {
  seq: number;
  /** 0 where the walk is by seq alone. */
  at: number;
  /** 0 unless the walk reads them. */
  bytes: number;
}

interface Position {
  seq: number;
  at: number;
}

/** A page's rows by key, in order; the cursor is null at the end of the list. */
export async function walkPage(
  db: Executor,
  walk: Walk,
  page: PageRequest,
): Promise<{ steps: Step[]; next_cursor: string | null }> {
  const after = page.cursor === undefined ? undefined : positionOf(page.cursor, walk);
  const filter = walk.filter.filter((condition) => condition !== undefined);
  const whole = { ...walk, bytes: undefined };
  const [last] =
    filter.length > 0 ? await steps(db, whole, page, { after }, [], sql`1 OFFSET ${MOST_LOOKED_AT - 1}`) : [];
  const found = await steps(db, walk, page, { after, last }, filter, sql`${page.limit + 1}`);
  const shown = found.slice(0, page.limit);
  return { steps: shown, next_cursor: cursorOf(found.length > page.limit ? shown.at(-1) : last, walk) };
}

/** The table with the index to walk along. */
export function along(table: string, index: string): SQL {
  return sql.raw(`${table} INDEXED BY ${index}`);
}

/** Rows in the order of a page's keys; those that are still there. */
export function inOrder<Row extends { seq: number }>(seqs: readonly number[], rows: readonly Row[]): Row[] {
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  return seqs.flatMap((seq) => bySeq.get(seq) ?? []);
}

/** The cursor of a page that ends with this row. */
export function cursorOf(step: Position | undefined, { time }: Pick<Walk, "time">): string | null {
  if (step === undefined) return null;
  return time ? `${step.at}-${step.seq}` : String(step.seq);
}

/** Throws `invalid` for a cursor of a list in another order. */
function positionOf(cursor: string, { time }: Walk): Position {
  const [first = "", second] = cursor.split("-");
  if ((second === undefined) === (time !== undefined)) {
    throw new Failure("invalid", "cursor (in the query) takes the next_cursor of an earlier page of the same list");
  }
  return second === undefined ? { at: 0, seq: Number(first) } : { at: Number(first), seq: Number(second) };
}

async function steps(
  db: Executor,
  { from, within, time, since, until, bytes = sql`0` }: Walk,
  { order }: PageRequest,
  { after, last }: { after?: Position | undefined; last?: Position | undefined },
  filter: readonly SQL[],
  limit: SQL,
): Promise<Step[]> {
  const isNewest = order === "newest";
  const place = ({ at, seq }: Position) => (time ? sql`(${at}, ${seq})` : sql`${seq}`);
  const row = time ? sql`(${time}, seq)` : sql`seq`;
  const conditions = [
    after && sql`${row} ${sql.raw(isNewest ? "<" : ">")} ${place(after)}`,
    last && sql`${row} ${sql.raw(isNewest ? ">=" : "<=")} ${place(last)}`,
    // An index is entered by one bound from each side: the plus sign keeps this one out of it where a cursor is nearer.
    since === undefined ? undefined : sql`${bound(time, isNewest ? last : after)} >= ${since}`,
    until === undefined ? undefined : sql`${bound(time, isNewest ? after : last)} < ${until}`,
    ...filter,
  ].filter((condition) => condition !== undefined);
  const selects = within.map(
    (range) =>
      sql`SELECT seq, ${time ?? sql`0`} AS at, ${bytes} AS bytes FROM ${from} WHERE ${sql.join([range, ...conditions], sql` AND `)}`,
  );
  const direction = sql.raw(isNewest ? "DESC" : "ASC");
  const by = time ? sql`at ${direction}, seq ${direction}` : sql`seq ${direction}`;
  return db.all<Step>(sql`${sql.join(selects, sql` UNION ALL `)} ORDER BY ${by} LIMIT ${limit}`);
}

function bound(time: SQL | undefined, nearer: Position | undefined): SQL {
  if (!time) throw new Error("a walk without a time has no bounds in time");
  return nearer ? sql`+${time}` : time;
}
