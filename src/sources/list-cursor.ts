import { sha256Hex } from "../core/digest.ts";
import { Failure } from "../core/failure.ts";
import type { ListSourcesQuery } from "./operate-schema.ts";

/** Where a row stands in a sorted list of sources. */
export interface SourcePosition {
  key: string | number;
  seq: number;
}

const textual: ReadonlySet<string> = new Set(["name", "state"]);

/** As it goes over the wire: with a mark of the list that it is of. */
export function toCursor({ key, seq }: SourcePosition, query: ListSourcesQuery): string {
  const told = new TextEncoder().encode(JSON.stringify([listOf(query), key, seq]));
  return told.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws `invalid` for what is no cursor, or one of another list. */
export function fromCursor(cursor: string, query: ListSourcesQuery): SourcePosition {
  const [list, key, seq] = read(cursor);
  const isKey = textual.has(query.sort) ? typeof key === "string" : Number.isSafeInteger(key);
  if (list !== listOf(query) || !isKey || !Number.isSafeInteger(seq)) {
    throw new Failure("invalid", "cursor (in the query) takes the next_cursor of an earlier page of the same list");
  }
  return { key: key as string | number, seq: seq as number };
}

function read(cursor: string): unknown[] {
  try {
    const bytes = Uint8Array.fromBase64(cursor, { alphabet: "base64url" });
    const told: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return Array.isArray(told) ? told : [];
  } catch {
    return [];
  }
}

/** Which list a query asks for, in a few characters: all but the page of it. */
function listOf({ limit: _limit, cursor: _cursor, order, ...query }: ListSourcesQuery): string {
  const members = Object.entries({ ...query, order: orderOf({ order, sort: query.sort }) }).sort();
  return sha256Hex(JSON.stringify(members)).slice(0, 12);
}

/** What comes first, where the query does not say. */
export function orderOf({ order, sort }: Pick<ListSourcesQuery, "order" | "sort">): "asc" | "desc" {
  return order ?? (sort === "added" || sort === "last_seen" ? "desc" : "asc");
}
