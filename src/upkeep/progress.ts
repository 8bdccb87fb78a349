import type { Output } from "../cli/output.ts";
import type { Progress } from "./copy.ts";

/** A line that follows a long copy, on a terminal. */
export function showProgress(output: Output): Progress {
  return (table, rows, of) => output.show(`${table}: ${rows} of ${of} rows`);
}

const UNITS = ["KB", "MB", "GB", "TB"];

/** 1234 as "1.2 KB". */
export function sizeOf(bytes: number): string {
  let size = bytes;
  let unit = "bytes";
  for (const larger of UNITS) {
    if (size < 1000) break;
    size /= 1000;
    unit = larger;
  }
  return `${unit === "bytes" ? size : size.toFixed(1)} ${unit}`;
}
