/** Rows as CSV, columns by the first one's members: RFC 4180. */
export function asCsv(rows: readonly Record<string, unknown>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => cell(String(row[column] ?? ""))).join(","));
  return [columns.join(","), ...lines, ""].join("\r\n");
}

/** A spreadsheet would run what begins like a formula. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
