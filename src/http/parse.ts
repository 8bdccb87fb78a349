import * as v from "valibot";
import { parseQuery } from "../core/canonical-request.ts";
import { Failure } from "../core/failure.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The JSON object in a body, its text beside it. Absent Content-Type counts as JSON. Throws `invalid`. */
export function parseJsonObject(bytes: Uint8Array, contentType: string | null): { text: string; value: object } {
  if (contentType !== null && !/^application\/json\s*(;|$)/i.test(contentType)) {
    throw new Failure("invalid", `Content-Type must be application/json, not ${shorten(contentType)}`);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new Failure("invalid", "the body is not valid UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
    dropNulls(value);
  } catch (error) {
    const why =
      error instanceof RangeError ? "is nested too deep" : text.trim() === "" ? "is empty" : "is not valid JSON";
    throw new Failure("invalid", `the body ${why}: it must be a JSON object`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Failure("invalid", "the body must be a JSON object");
  }
  return { text, value };
}

/** A member that is null counts as absent. In place: a copy could set the prototype from a member named __proto__. */
function dropNulls(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item);
    return;
  }
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    if (members[name] === null) delete members[name];
    else dropNulls(members[name]);
  }
}

/** Query members by name; a name given twice is refused, as nobody can tell which one counts. */
export function queryMembers(query: string): Record<string, string> {
  const members: Record<string, string> = Object.create(null);
  for (const [name, value] of parseQuery(query)) {
    if (name in members) throw new Failure("invalid", `the query has ${shorten(name)} twice`);
    members[name] = value;
  }
  return members;
}

/** Checks a value against its schema. Throws `invalid` with what is wrong and what would be right. */
export function check<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  place: "path" | "query" | "body",
): v.InferOutput<Schema> {
  const checked = v.safeParse(schema, value, { abortEarly: true });
  if (checked.success) return checked.output;
  throw new Failure("invalid", describe(checked.issues[0], place));
}

/** What is wrong, and what would be right, in words rather than in the notation of the validator. */
function describe(issue: v.BaseIssue<unknown>, place: string): string {
  const path = v.getDotPath(issue);
  const where = path === null ? `the ${place}` : `${shorten(path)} (in the ${place})`;
  if (issue.type === "strict_object") return `${where} is not known here`;
  if (issue.kind === "schema" && issue.received === "undefined") return `${where} is missing`;
  const { requirement } = issue as { requirement?: unknown };
  const given = shorten(issue.received);
  switch (issue.type) {
    case "picklist":
      return `${where} must be one of ${(issue as unknown as { expected: string }).expected.replace(/[()"]/g, "").replaceAll(" | ", ", ")}, not ${given}`;
    case "min_value":
      return `${where} must be at least ${requirement}, not ${given}`;
    case "max_value":
      return `${where} must be at most ${requirement}, not ${given}`;
    case "min_length":
      return `${where} must have at least ${requirement} ${Array.isArray(issue.input) ? "items" : "characters"}`;
    case "max_length":
      return `${where} must have at most ${requirement} ${Array.isArray(issue.input) ? "items" : "characters"}`;
    case "integer":
      return `${where} must be a whole number, not ${given}`;
    case "regex":
    case "check":
    case "custom":
    case "raw_check":
      return `${where}: ${issue.message}`;
    default:
      return `${where} must be ${kinds[issue.type] ?? issue.type}, not ${given}`;
  }
}

const kinds: Record<string, string> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  union: "text or a whole number",
};

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
