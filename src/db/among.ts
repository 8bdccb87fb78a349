import { type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { uuidBytesInSql } from "./uuid.ts";

/** The column is one of these, however many: a list of bound values ends at 32,766. */
export function among(column: SQLiteColumn, values: readonly (string | number)[]): SQL {
  return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}

/** The same for a column of ids that is stored as bytes. */
export function amongIds(column: SQLiteColumn, ids: readonly string[]): SQL {
  return sql`${column} IN (SELECT ${sql.raw(uuidBytesInSql("value"))} FROM json_each(${JSON.stringify(ids)}))`;
}
