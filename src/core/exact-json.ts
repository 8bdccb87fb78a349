import { createHash } from "node:crypto";

/*
 * JSON values that must come back exactly as they were sent (`result_detail`): JSON.parse would round
 * 12345678901234567890 and turn 1.0 into 1. Both functions take text that JSON.parse has already accepted.
 * A scanner, not a regular expression: the engine's gives up without a word on a string of some megabytes.
 */

/** The text of the named member of the outermost object, the last one if it is there twice (as JSON.parse has it). */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0;
  let lastString = "";
  let key = "";
  let valueStart = -1;
  let found: string | undefined;
  scan(json, (kind, start, end) => {
    if (kind === "string") {
      if (depth === 1) lastString = json.slice(start, end);
    } else if (kind === "punctuation") {
      const mark = json[start];
      if (mark === "{" || mark === "[") depth += 1;
      else if (mark === ":") {
        if (depth === 1) {
          key = JSON.parse(lastString) as string;
          valueStart = end;
        }
      } else {
        if (depth === 1 && valueStart >= 0) {
          if (key === name) found = json.slice(valueStart, start).trim();
          valueStart = -1;
        }
        if (mark !== ",") depth -= 1;
      }
    }
  });
  return found;
}

/**
 * A digest (32 hex digits) that is equal for equal JSON values: order of members and white space do not count,
 * numbers compare by their text. Throws a RangeError if the value is nested too deep to walk.
 */
export function jsonDigest(json: string): string {
  // Every string and number becomes a tagged string first: numbers keep their text, no member name is special any more.
  const parts: string[] = [];
  let copied = 0;
  scan(json, (kind, start, end) => {
    if (kind === "punctuation") return;
    parts.push(
      json.slice(copied, start),
      kind === "string" ? `"s${json.slice(start + 1, end)}` : `"n${json.slice(start, end)}"`,
    );
    copied = end;
  });
  parts.push(json.slice(copied));
  const canonical = JSON.stringify(sortMembers(JSON.parse(parts.join(""))));
  return createHash("sha256").update(canonical).digest("hex").slice(0, 32);
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sortMembers(member)]));
}

type Token = "string" | "number" | "punctuation";

/** Calls `visit` for each string, number and punctuation mark; literals and white space are passed over. */
function scan(json: string, visit: (kind: Token, start: number, end: number) => void): void {
  let at = 0;
  while (at < json.length) {
    const char = json[at] as string;
    if (char === '"') {
      const end = stringEnd(json, at);
      visit("string", at, end);
      at = end;
    } else if ("{}[],:".includes(char)) {
      visit("punctuation", at, at + 1);
      at += 1;
    } else if (char === "-" || (char >= "0" && char <= "9")) {
      let end = at + 1;
      while (end < json.length && "0123456789+-.eE".includes(json[end] as string)) end += 1;
      visit("number", at, end);
      at = end;
    } else at += 1;
  }
}

/** The position after the closing quote of the string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let quote = json.indexOf('"', start + 1);
  while (quote >= 0) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    quote = json.indexOf('"', quote + 1);
  }
  return json.length;
}
