import { createHash, createHmac } from "node:crypto";

/** SDK-HMAC-SHA256: what client and server both compute. Source: docs/api.md, "Signatures". */
const ALGORITHM = "SDK-HMAC-SHA256";

/** How far X-Sdk-Date may be from the service's clock, both ways. Source: docs/api.md, "Signatures". */
export const WINDOW_MS = 15 * 60 * 1000;

export interface RequestLine {
  /** Upper case. */
  method: string;
  /** As it travels: still percent-encoded, without query. */
  path: string;
  /** As it travels, without the question mark; "" if there is none. */
  query: string;
}

/** Name and value pairs, percent-decoded. A plus sign is a plus sign: the signers write a space as %20. */
export function parseQuery(query: string): [name: string, value: string][] {
  if (query === "") return [];
  return query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      return equals < 0 ? [decode(part), ""] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });
}

export function canonicalQuery(query: string): string {
  return parseQuery(query)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/**
 * The path with each segment encoded anew and a final slash. The Python and Go signers decode what travels first
 * (`decoded`); the Node signer encodes what it was given (`as-is`), so that %20 becomes %2520.
 */
export function canonicalPath(path: string, form: "decoded" | "as-is" = "decoded"): string {
  const plain = form === "decoded" ? decode(path) : path;
  const encoded = plain.split("/").map(encode).join("/");
  return encoded.endsWith("/") ? encoded : `${encoded}/`;
}

export function canonicalRequest(
  line: { method: string; canonicalPath: string; query: string },
  signedHeaders: readonly (readonly [name: string, value: string])[],
  bodyHash: string,
): string {
  return [
    line.method,
    line.canonicalPath,
    canonicalQuery(line.query),
    ...signedHeaders.map(([name, value]) => `${name}:${value.replace(/^[ \t]+|[ \t]+$/g, "")}`),
    "",
    signedHeaders.map(([name]) => name).join(";"),
    bodyHash,
  ].join("\n");
}

export function stringToSign(date: string, canonical: string): string {
  return `${ALGORITHM}\n${date}\n${sha256Hex(canonical)}`;
}

export function signature(secretKey: string, toSign: string): string {
  return createHmac("sha256", secretKey).update(toSign).digest("hex");
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** X-Sdk-Date: YYYYMMDDTHHMMSSZ, UTC. */
export function formatSdkDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

/** Milliseconds since 1970, or undefined if the text is not such a date. */
export function parseSdkDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!parts) return undefined;
  const ms = Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`);
  return Number.isNaN(ms) || formatSdkDate(ms) !== text ? undefined : ms;
}

export interface SigningKey {
  access_key: string;
  secret_key: string;
}

/** The Authorization header a client sends with the headers it lists (names in lower case, x-sdk-date among them). */
export function authorization(
  key: SigningKey,
  line: RequestLine,
  headers: Record<string, string>,
  body: string | Uint8Array,
): string {
  const names = Object.keys(headers).sort(compare);
  const canonical = canonicalRequest(
    { method: line.method, canonicalPath: canonicalPath(line.path), query: line.query },
    names.map((name) => [name, headers[name] ?? ""]),
    sha256Hex(body),
  );
  const signed = signature(key.secret_key, stringToSign(headers["x-sdk-date"] ?? "", canonical));
  return `${ALGORITHM} Access=${key.access_key}, SignedHeaders=${names.join(";")}, Signature=${signed}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not decodable: only the as-is form can match
  }
}

/** By code unit, as every signer sorts ASCII text. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
