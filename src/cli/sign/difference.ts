import { Buffer } from "node:buffer";

const BEFORE = 30;
const AFTER = 30;

export interface Difference {
  /** Counted from 1, as cmp(1) does. */
  byte: number;
  line: number;
  /** Two lines of text with a caret below the first byte that differs. */
  shown: string;
}

/** Where two texts part, or undefined if they are equal. */
export function firstDifference(yours: string, ours: string): Difference | undefined {
  const [a, b] = [Buffer.from(yours), Buffer.from(ours)];
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  if (at === a.length && at === b.length) return undefined;
  const from = Math.max(0, at - BEFORE);
  const lead = from > 0 ? "..." : "";
  const before = `${lead}${visibleBytes(a.subarray(from, at))}`;
  const rest = (bytes: Buffer) =>
    at >= bytes.length
      ? "(ends here)"
      : `${visibleBytes(bytes.subarray(at, at + AFTER))}${bytes.length > at + AFTER ? "..." : ""}`;
  return {
    byte: at + 1,
    line: [...a.subarray(0, at)].filter((byte) => byte === 0x0a).length + 1,
    shown: [
      `yours     ${before}${rest(a)}`,
      `expected  ${before}${rest(b)}`,
      `          ${" ".repeat(before.length)}^`,
    ].join("\n"),
  };
}

/** Every byte as something that can be seen, so that a caret can stand below it. */
function visibleBytes(bytes: Uint8Array): string {
  const names: Record<number, string> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };
  return [...bytes]
    .map((byte) => {
      if (names[byte] !== undefined) return names[byte];
      return byte > 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : byte === 0x20
          ? " "
          : `\\x${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}
