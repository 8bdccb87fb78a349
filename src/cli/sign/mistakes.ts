import { Buffer } from "node:buffer";
import { canonicalPath, canonicalQuery } from "../../core/canonical-request.ts";
import { sha256Hex } from "../../core/digest.ts";
import type { PastedRequest } from "./request.ts";

/** A canonical request, part by part. */
export interface CanonicalParts {
  method: string;
  path: string;
  query: string;
  headers: (readonly [name: string, value: string])[];
  /** Between header lines and list: undefined where it was left out. */
  gap: "" | undefined;
  list: string;
  bodyHash: string;
  /** Behind the last part. */
  end: "" | "\n";
}

export function textOf({ method, path, query, headers, gap, list, bodyHash, end }: CanonicalParts): string {
  const lines = headers.map(([name, value]) => `${name}:${value}`);
  return [method, path, query, ...lines, ...(gap === undefined ? [] : [gap]), list, bodyHash].join("\n") + end;
}

/** The parts of a text that core/canonical-request.ts made. */
export function partsOf(canonical: string, headerCount: number): CanonicalParts {
  const [method = "", path = "", query = "", ...rest] = canonical.split("\n");
  const headers = rest.slice(0, headerCount).map((line) => line.split(/:(.*)/s, 2) as [string, string]);
  return { method, path, query, headers, gap: "", list: rest.at(-2) ?? "", bodyHash: rest.at(-1) ?? "", end: "" };
}

export interface Mistake {
  /** What the client that makes it has done. */
  says: string;
  parts: CanonicalParts;
}

/** What clients commonly do otherwise, each as the canonical request it leads to. */
export function commonMistakes(right: CanonicalParts, request: PastedRequest): Mistake[] {
  const all = [...ofPath(right, request), ...ofQuery(right, request), ...ofHeaders(right, request)];
  const rightText = textOf(right);
  return [...all, ...ofBody(right, request), ...ofShape(right)].filter(({ parts }) => textOf(parts) !== rightText);
}

/** The mistakes that a client's canonical request shows, each in a part of its own. */
export function partMistakes(right: CanonicalParts, theirs: string, request: PastedRequest): string[] {
  const made = partsOf(theirs, 0); // its header lines are not looked at
  const mistakes = commonMistakes(right, request);
  return (["method", "path", "query", "list", "bodyHash"] as const).flatMap((part) => {
    if (made[part] === right[part]) return [];
    return mistakes.find(({ parts }) => parts[part] === made[part])?.says ?? [];
  });
}

function ofPath(right: CanonicalParts, { path, query }: PastedRequest): Mistake[] {
  const slashless = (text: string) => text.replace(/\/$/, "");
  const variants: [string, string][] = [
    ["the path was signed without the final slash: for signing it always ends in one", slashless(right.path)],
    ["the path was signed without escapes: each segment is percent-encoded", `${slashless(decoded(path))}/`],
    ["the path was escaped twice: it is decoded first, then encoded", canonicalPath(path, "as-is")],
    ["the query was signed as a part of the path: it is the third part", `${path}?${query}`],
    [
      "the path was signed with the query behind it, and a final slash: the query is the third part",
      `${path}?${query}/`,
    ],
  ];
  return variants.map(([says, changed]) => ({ says, parts: { ...right, path: changed } }));
}

function ofQuery(right: CanonicalParts, { query }: PastedRequest): Mistake[] {
  const inOrder = query.split("&").filter(Boolean).map(canonicalQuery).join("&");
  const variants: [string, string][] = [
    ["the query was signed unsorted: it is sorted by name, then by value", inOrder],
    ["a space in the query was signed as +: it is %20", right.query.replaceAll("%20", "+")],
    ["a + in the query was signed as a space: a plus sign is %2B, a space %20", right.query.replaceAll("%2B", "%20")],
    ["a + in the query was signed as it is: it is %2B", right.query.replaceAll("%2B", "+")],
    ["the query was signed without escapes: names and values are percent-encoded", decoded(right.query)],
    ["a name without a value was signed without its =", right.query.replace(/=(?=&|$)/g, "")],
    ["the query was left out of what was signed", ""],
  ];
  return variants.map(([says, changed]) => ({ says, parts: { ...right, query: changed } }));
}

function ofHeaders(right: CanonicalParts, request: PastedRequest): Mistake[] {
  const { headers } = right;
  const withValue = (name: string, value: string) =>
    headers.map((header): readonly [string, string] => (header[0] === name ? [name, value] : header));
  const host = headers.find(([name]) => name === "host")?.[1];
  const hosts: [string, string][] =
    host === undefined
      ? []
      : [
          ["Host was signed without its port: it is signed as it is sent", host.replace(/:\d+$/, "")],
          ...[...new Set(["80", "443", /:(\d+)$/.exec(request.host ?? "")?.[1] ?? "80"])].map(
            (port): [string, string] => [
              `Host was signed with the port ${port}, which the request does not send`,
              /:\d+$/.test(host) ? host : `${host}:${port}`,
            ],
          ),
        ];
  const listed = new Set(headers.map(([name]) => name));
  const unlisted = request.headers.filter(([name]) => !listed.has(name) && name !== "authorization");
  const resigned = (changed: CanonicalParts["headers"]) => {
    const sorted = [...changed].sort(([a], [b]) => (a < b ? -1 : 1));
    return { ...right, headers: sorted, list: sorted.map(([name]) => name).join(";") };
  };
  return [
    ...hosts.map(([says, value]) => ({ says, parts: { ...right, headers: withValue("host", value) } })),
    { says: "the signed headers were not sorted by name", parts: resigned(headers) },
    ...unlisted.map((header) => ({
      says: `${header[0]} was signed but is not listed in SignedHeaders`,
      parts: resigned([...headers, header]),
    })),
    ...headers.map(([name]) => ({
      says: `${name} is listed in SignedHeaders but was not signed`,
      parts: resigned(headers.filter((header) => header[0] !== name)),
    })),
    ...headers.map(([name]) => ({
      says: `${name} is in the signed list, but its line was left out`,
      parts: { ...right, headers: headers.filter((header) => header[0] !== name) },
    })),
  ];
}

function ofBody(right: CanonicalParts, { headers, body }: PastedRequest): Mistake[] {
  const text = Buffer.from(body).toString("utf8");
  const claimed = headers.find(([name]) => name === "x-sdk-content-sha256")?.[1];
  const variants: [string, string | undefined][] = [
    ["the hash of an empty body was signed, but a body is sent", sha256Hex("")],
    ["the body was hashed without the newline at its end", sha256Hex(text.replace(/\r?\n$/, ""))],
    ["the body was hashed with a newline at its end that is not sent", sha256Hex(`${text}\n`)],
    ["the body was hashed as compact JSON, but is sent in another form", reserialised(text, compact)],
    ["the body was hashed with spaces behind , and : but is sent in another form", reserialised(text, spaced)],
    ["the hash of the body was signed in capitals: it is lower-case hex", right.bodyHash.toUpperCase()],
    ["the body itself was signed instead of its SHA-256", text],
    ["no hash of the body was signed: even an empty body has one", ""],
    ["UNSIGNED-PAYLOAD was signed: the body's hash is needed", "UNSIGNED-PAYLOAD"],
    ["the hash of X-Sdk-Content-Sha256 was signed, which is not that of the body", claimed],
  ];
  return variants.flatMap(([says, bodyHash]) =>
    bodyHash === undefined ? [] : [{ says, parts: { ...right, bodyHash } }],
  );
}

function ofShape(right: CanonicalParts): Mistake[] {
  return [
    { says: "the method was signed in lower case", parts: { ...right, method: right.method.toLowerCase() } },
    { says: "the empty line behind the header lines was left out", parts: { ...right, gap: undefined } },
    { says: "the canonical request was signed with a newline at its end", parts: { ...right, end: "\n" } },
  ];
}

function compact(value: unknown): string {
  return JSON.stringify(value);
}

/** As Python's json.dumps writes it. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`)
    .join(", ")}}`;
}

function reserialised(text: string, write: (value: unknown) => string): string | undefined {
  try {
    return sha256Hex(write(JSON.parse(text)));
  } catch {
    return undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
