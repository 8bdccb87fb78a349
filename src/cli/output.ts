import { once } from "node:events";
import { CliFailure, messageOf } from "./failure.ts";

/** What a verb prints: data to stdout, words to stderr. */
export interface Output {
  isTerminal: boolean;
  /** Data. */
  print(text: string): void;
  /** Data as it comes, byte for byte, no faster than its reader takes it. */
  copy(bytes: ReadableStream<Uint8Array>): Promise<void>;
  /** Words for a person. */
  tell(text: string): void;
  /** One line that the next one replaces, on a terminal only; "" takes it away. */
  show(text: string): void;
}

export function processOutput(): Output {
  const write = (stream: NodeJS.WriteStream, text: string) =>
    void stream.write(`${stream.isTTY ? visibleLines(text) : text}\n`);
  return {
    isTerminal: process.stdout.isTTY === true,
    print: (text) => write(process.stdout, text),
    copy: (bytes) => copy(bytes, process.stdout),
    tell: (text) => write(process.stderr, text),
    show: (text) => {
      if (!process.stderr.isTTY) return;
      const width = process.stderr.columns || 80;
      process.stderr.write(`\r\u001b[K${visible(text).slice(0, width - 1)}`);
    },
  };
}

async function copy(bytes: ReadableStream<Uint8Array>, stream: NodeJS.WriteStream): Promise<void> {
  const decoder = new TextDecoder();
  let length = 0;
  try {
    for await (const piece of bytes) {
      length += piece.length;
      const shown = stream.isTTY ? visibleLines(decoder.decode(piece, { stream: true })) : piece;
      if (!stream.write(shown)) await once(stream, "drain");
    }
  } catch (error) {
    throw new CliFailure("failed", `broken off after ${length} bytes: ${messageOf(error)}`);
  }
}

/** Control characters as escapes: what somebody named a source must not move this terminal's cursor. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** The same for text of several lines. */
export function visibleLines(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}

export type Cell = string | number | boolean | null | undefined;

/** Rows as an aligned table with a heading on a terminal, tab-separated without one in a pipe. */
export function printTable(output: Output, headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const lines = rows.map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? "-" : visible(String(cell)))),
  );
  if (!output.isTerminal) {
    for (const line of lines) output.print(line.join("\t"));
    return;
  }
  if (lines.length === 0) output.tell("nothing found");
  else {
    const table = [headings.map((heading) => heading.toUpperCase()), ...lines];
    const widths = headings.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
    for (const line of table)
      output.print(
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      );
  }
}

/** A JSON reply with every number as it was sent: JSON.parse would round long ones. */
export function parseExact(text: string): unknown {
  try {
    return JSON.parse(text, function (this: unknown, _key: string, value: unknown, context?: { source?: string }) {
      return typeof value === "number" && context?.source !== undefined ? rawJson(context.source) : value;
    } as Parameters<typeof JSON.parse>[1]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CliFailure("failed", "a report is nested too deep to be shown: ferry result export has it as it is");
  }
}

function rawJson(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source);
}

/** Milliseconds since 1970 as UTC, to the millisecond. */
export function formatTime(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "-" : new Date(ms).toISOString();
}
