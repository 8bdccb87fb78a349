import { ConsistencyResult } from "./consistency-schema.ts";
import type { ExportedTask, UploadRow } from "./consistency-store.ts";

/* CSV as RFC 4180 has it: commas, lines that end in CRLF, quotes where a value needs them. */

const results = Object.keys(ConsistencyResult.entries) as (keyof ConsistencyResult)[];

export const consistencyHeader = row(["task_id", "source_id", "source_name", "finished_time", ...results]);

/** One row for each directory an upload tells of, ids and names as they are stored. */
export function consistencyRows({ task_id, source_id, source_name }: ExportedTask, upload: UploadRow): string {
  return upload.consistency_result
    .map((result) =>
      row([task_id, source_id, source_name, upload.finished_time, ...results.map((member) => result[member])]),
    )
    .join("");
}

function row(values: readonly (string | number)[]): string {
  return `${values.map((value) => quoted(typeof value === "number" ? String(value) : inert(value))).join(",")}\r\n`;
}

function quoted(value: string): string {
  return /[",\r\n]/.test(value) || value.trim() !== value ? `"${value.replaceAll('"', '""')}"` : value;
}

/**
 * Decision: an apostrophe in front of a text that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`, their wide
 * forms, or a control character first). Names come from source servers, the file is opened by operators, and quotes do
 * not keep a formula from running. Paths begin with none of these, so what is exported is what was stored but for names
 * made that way; showConsistencyResult and showServer give those unchanged.
 */
function inert(value: string): string {
  return /^[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(value) ? `'${value}` : value;
}
