import { type SQL, sql } from "drizzle-orm";
import { customType } from "drizzle-orm/sqlite-core";

const written = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID as its 16 bytes: text to everybody but the database, which is to give it out as `uuidText`. */
export const uuid = customType<{ data: string; driverData: Uint8Array }>({
  dataType: () => "blob",
  toDriver: uuidBytes,
  fromDriver: () => {
    throw new Error("a column of ids was read as it is stored");
  },
});

/** For statements that are written out. Any other text is an id that no row has. */
export function uuidBytes(id: string): Uint8Array {
  if (!written.test(id)) return new Uint8Array();
  const hex = id.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16));
}

/** The same in SQL, for an id that the statement itself reads out of JSON. */
export function uuidBytesInSql(expression: string): string {
  return `unhex(replace(${expression}, '-', ''))`;
}

/** The text of such a column: the driver's bytes are not the same in every runtime. */
export function uuidTextInSql(column: string): string {
  const parts = [
    [1, 8],
    [9, 4],
    [13, 4],
    [17, 4],
    [21, 12],
  ];
  const text = `lower(${parts.map(([from, length]) => `substr(hex(${column}), ${from}, ${length})`).join(" || '-' || ")})`;
  return `CASE WHEN ${column} IS NOT NULL THEN ${text} END`;
}

/** What a query selects of such a column: `commands.id`, say. */
export function uuidText(column: string): SQL<string> {
  return sql<string>`${sql.raw(uuidTextInSql(column))}`;
}
