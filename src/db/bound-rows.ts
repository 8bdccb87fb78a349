/**
 * So many rows of values bound one by one, as `VALUES`: for what must not go through JSON. SQLite reads fractions in
 * JSON with a rounding of its own, and long texts would be escaped and parsed for nothing.
 */
export function boundRows(rows: number, columns: readonly string[]): string {
  const row = `(${columns.map(() => "?").join(", ")})`;
  return `(${columns.join(", ")}) AS (VALUES ${Array(rows).fill(row).join(", ")})`;
}
