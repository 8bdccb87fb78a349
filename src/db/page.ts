import { and, asc, desc, gt, lt, type SQL } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";

/** How an operator's list is asked for; a cursor is the `seq` of the last item seen. */
export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
  order: "newest" | "oldest";
}

/** What a page of large rows holds together at the most: a libSQL server's replies have 10 MB. */
export const PAGE_BYTES = 8 * 1024 * 1024;

/** The condition and order that make a page: a range on the key, so that a later page costs what the first did. */
export function pageClause(
  seq: SQLiteColumn,
  page: PageRequest,
  filter: (SQL | undefined)[],
): { where: SQL | undefined; orderBy: SQL } {
  const beyond = page.order === "newest" ? lt : gt;
  const from = page.cursor === undefined ? undefined : beyond(seq, Number(page.cursor));
  return { where: and(...filter, from), orderBy: page.order === "newest" ? desc(seq) : asc(seq) };
}

/** A page of rows read with `limit + 1`: the extra one only tells that there are more. */
export function toPage<Row extends { seq: number }, Item>(
  rows: readonly Row[],
  page: PageRequest,
  toItem: (row: Row) => Item,
) {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return { items: shown.map(toItem), next_cursor: rows.length > page.limit && last ? String(last.seq) : null };
}

/** The first rows that weigh at most so much together; one in any case. */
export function withinBytes<Row extends { bytes: number }>(rows: readonly Row[], most: number): Row[] {
  let total = 0;
  return rows.filter(({ bytes }, index) => {
    total += bytes;
    return total <= most || index === 0;
  });
}
