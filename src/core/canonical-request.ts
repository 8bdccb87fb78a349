import { hmacSha256Hex, sha256Hex } from "./digest.ts";

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
  if (query === "") return "";
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
  // Nearly every path has nothing to encode.
  const isPlain = /^[A-Za-z0-9/._~-]*$/.test(path);
  const encoded = isPlain ? path : (form === "decoded" ? decode(path) : path).split("/").map(encode).join("/");
  return encoded.endsWith("/") ? encoded : `${encoded}/`;
}

export function canonicalRequest(
  line: { method: string; canonicalPath: string; query: string },
  signedHeaders: readonly (readonly [name: string, value: string])[],
  bodyHash: string,
): string {
  let headers = "";
  let names = "";
  for (const [name, value] of signedHeaders) {
    headers += `${name}:${trimmed(value)}\n`;
    names += names === "" ? name : `;${name}`;
  }
  return `${line.method}\n${line.canonicalPath}\n${canonicalQuery(line.query)}\n${headers}\n${names}\n${bodyHash}`;
}

/** Without white space around it: nearly always there is none. */
function trimmed(value: string): string {
  const isWhite = (code: number) => code === 0x20 || code === 0x09;
  const hasWhite = isWhite(value.charCodeAt(0)) || isWhite(value.charCodeAt(value.length - 1));
  return hasWhite ? value.replace(/^[ \t]+|[ \t]+$/g, "") : value;
}

export function stringToSign(date: string, canonical: string): string {
  return `${ALGORITHM}\n${date}\n${sha256Hex(canonical)}`;
}

export function signature(secretKey: string, toSign: string): string {
  return hmacSha256Hex(secretKey, toSign);
}

/** X-Sdk-Date: YYYYMMDDTHHMMSSZ, UTC. */
export function formatSdkDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

/** The one read last: many requests of a second carry the same. */
let lastDate: { text: string; ms: number | undefined } = { text: "", ms: undefined };

/** Milliseconds since 1970, or undefined if the text is not such a date. */
export function parseSdkDate(text: string): number | undefined {
  if (lastDate.text !== text) lastDate = { text, ms: readSdkDate(text) };
  return lastDate.ms;
}

function readSdkDate(text: string): number | undefined {
  if (!/^[1-9]\d{7}T\d{6}Z$/.test(text)) return undefined;
  const number = (from: number, to: number) => Number(text.slice(from, to));
  const month = number(4, 6);
  const day = number(6, 8);
  const hour = number(9, 11);
  const minute = number(11, 13);
  const second = number(13, 15);
  const ms = Date.UTC(number(0, 4), month - 1, day, hour, minute, second);
  const isTime = month >= 1 && month <= 12 && hour < 24 && minute < 60 && second < 60;
  // A day that its month does not have comes out as one of the next month.
  return isTime && new Date(ms).getUTCDate() === day ? ms : undefined;
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
