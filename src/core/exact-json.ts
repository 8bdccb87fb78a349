import { sha256Hex } from "./digest.ts";

/*
 * JSON values that must come back exactly as they were sent (`result_detail`): JSON.parse would round
 * 12345678901234567890 and turn 1.0 into 1. Both functions take text that JSON.parse has already accepted, walk it once
 * and stay quick on a body of 12 MiB, whatever it holds; a regular expression gives up on strings of some megabytes.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

/** The text of the named member of the outermost object, the last one if it is there twice (as JSON.parse has it). */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0;
  let key = "";
  let valueStart = -1;
  let found: string | undefined;
  for (let at = 0; at < json.length; at += 1) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) {
      const end = stringEnd(json, at);
      if (depth === 1 && valueStart < 0) key = textOf(json.slice(at, end));
      at = end - 1;
    } else if (char === OPEN_OBJECT || char === OPEN_LIST) depth += 1;
    else if (depth === 1 && char === COLON) valueStart = at + 1;
    else if (char === COMMA || char === CLOSE_OBJECT || char === CLOSE_LIST) {
      if (depth === 1) {
        if (valueStart >= 0 && key === name) found = json.slice(valueStart, at).trim();
        valueStart = -1;
      }
      if (char !== COMMA) depth -= 1;
    }
  }
  return found;
}

/**
 * A digest (32 hex digits) that is equal for equal JSON values: order of members and white space do not count,
 * numbers compare by their text. Throws a RangeError if the value is nested too deep to walk.
 */
export function jsonDigest(json: string): string {
  return sha256Hex(new Canonical(json).value()).slice(0, 32);
}

/** Writes a value anew without white space, members sorted by name, the last one of a name kept. */
class Canonical {
  readonly #json: string;
  #at = 0;

  constructor(json: string) {
    this.#json = json;
  }

  value(): string {
    const char = this.#skipSpace();
    if (char === OPEN_OBJECT) return this.#object();
    if (char === OPEN_LIST) return this.#list();
    if (char === QUOTE) return this.#string();
    const start = this.#at;
    while (this.#at < this.#json.length && isScalar(this.#json.charCodeAt(this.#at))) this.#at += 1;
    return this.#json.slice(start, this.#at);
  }

  #object(): string {
    const members = new Map<string, string>();
    let last = "";
    let isSorted = true;
    this.#at += 1;
    while (this.#skipSpace() !== CLOSE_OBJECT) {
      const name = this.#string();
      this.#skipSpace();
      this.#at += 1; // the colon
      if (name <= last) isSorted = false;
      last = name;
      members.set(name, this.value());
      if (this.#skipSpace() === COMMA) this.#at += 1;
    }
    this.#at += 1;
    if (members.size === 0) return "{}";
    const names = [...members.keys()];
    if (!isSorted) names.sort();
    return `{${names.map((name) => `${name}:${members.get(name)}`).join(",")}}`;
  }

  #list(): string {
    const items: string[] = [];
    this.#at += 1;
    while (this.#skipSpace() !== CLOSE_LIST) {
      items.push(this.value());
      if (this.#skipSpace() === COMMA) this.#at += 1;
    }
    this.#at += 1;
    return `[${items.join(",")}]`;
  }

  /** One text has several spellings only where it has escapes. */
  #string(): string {
    const start = this.#at;
    this.#at = stringEnd(this.#json, start);
    const text = this.#json.slice(start, this.#at);
    return text.includes("\\") ? JSON.stringify(JSON.parse(text)) : text;
  }

  #skipSpace(): number {
    while (this.#json.charCodeAt(this.#at) <= SPACE) this.#at += 1;
    return this.#json.charCodeAt(this.#at);
  }
}

/** Part of a number or of true, false, null. */
function isScalar(char: number): boolean {
  return char > SPACE && char !== COMMA && char !== CLOSE_LIST && char !== CLOSE_OBJECT;
}

/** What a string says, in quotes as it stands. */
function textOf(string: string): string {
  return string.includes("\\") ? JSON.parse(string) : string.slice(1, -1);
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
