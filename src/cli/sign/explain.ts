import { createHmac } from "node:crypto";
import {
  canonicalPath,
  canonicalRequest,
  formatSdkDate,
  type SigningKey,
  signature,
  stringToSign,
} from "../../core/canonical-request.ts";
import { sha256Hex } from "../../core/digest.ts";
import { headerProblems, readClaim } from "./claim.ts";
import { firstDifference } from "./difference.ts";
import { type CanonicalParts, commonMistakes, partMistakes, partsOf, textOf } from "./mistakes.ts";
import type { PastedRequest } from "./request.ts";

export interface Explanation {
  access_key: string | undefined;
  canonical_request: string;
  string_to_sign: string;
  /** What it should be; undefined without the secret key. */
  signature: string | undefined;
  /** unsigned: the request has no signature. unknown: the secret key is needed to tell. */
  verdict: "matches" | "differs" | "unknown" | "unsigned";
  /** Why the service would refuse it. */
  problems: string[];
  notes: string[];
}

export interface ExplainOptions {
  key?: SigningKey | undefined;
  /** Milliseconds since 1970. */
  now: number;
  /** The canonical request or the string to sign that the client made. */
  theirs?: string | undefined;
}

/** What a request's signature is made from, and where a wrong one went wrong. */
export function explain(pasted: PastedRequest, { key, now, theirs }: ExplainOptions): Explanation {
  const header = pasted.headers.find(([name]) => name === "authorization")?.[1];
  const request = header === undefined ? dated(pasted, now) : pasted;
  const claim = header === undefined ? undefined : readClaim(header);
  const parts = rightParts(request, claim?.signed_headers);
  const date = request.headers.find(([name]) => name === "x-sdk-date")?.[1] ?? "";
  const toSign = stringToSign(date, textOf(parts));
  const isOurs = key !== undefined && (claim === undefined || claim.access_key === key.access_key);
  const expected = isOurs ? signature(key.secret_key, toSign) : undefined;
  const result: Explanation = {
    access_key: claim?.access_key ?? (isOurs ? key.access_key : undefined),
    canonical_request: textOf(parts),
    string_to_sign: toSign,
    signature: expected,
    verdict: claim === undefined ? "unsigned" : "unknown",
    problems: headerProblems(request, header, now),
    notes: [],
  };
  if (claim?.signature !== undefined && isOurs) judge(result, request, parts, date, claim.signature, key.secret_key);
  if (theirs !== undefined) compare(result, request, parts, date, theirs);
  return result;
}

function judge(
  result: Explanation,
  request: PastedRequest,
  parts: CanonicalParts,
  date: string,
  claimed: string,
  secretKey: string,
): void {
  const isSigned = (text: string) => signature(secretKey, stringToSign(date, text)) === claimed;
  const asGiven = { ...parts, path: canonicalPath(request.path, "as-is") };
  result.verdict = isSigned(textOf(parts)) || isSigned(textOf(asGiven)) ? "matches" : "differs";
  if (result.verdict === "matches") {
    if (!isSigned(textOf(parts)))
      result.notes.push("the path was escaped twice, as the Node SDK does: that is accepted");
    return;
  }
  const found = mistakesThat(isSigned, parts, request) ?? otherSigning(claimed, secretKey, date, textOf(parts));
  result.problems.push(...(found ?? []));
  if (!found && result.problems.length === 0) {
    result.notes.push(
      "it is none of the common mistakes: the secret key is another one, or the request was changed after it was signed. --canonical FILE compares what your client made",
    );
  }
}

/** Which mistakes, one or two, lead to a text that passes. */
function mistakesThat(
  passes: (canonical: string) => boolean,
  parts: CanonicalParts,
  request: PastedRequest,
): string[] | undefined {
  const first = commonMistakes(parts, request);
  const single = first.find((mistake) => passes(textOf(mistake.parts)));
  if (single) return [single.says];
  for (const one of first) {
    const other = commonMistakes(one.parts, request).find((mistake) => passes(textOf(mistake.parts)));
    if (other) return [one.says, other.says];
  }
  return undefined;
}

/** The text was right, what was made of it was not. */
function otherSigning(claimed: string, secretKey: string, date: string, canonical: string): string[] | undefined {
  const toSign = stringToSign(date, canonical);
  const base64 = createHmac("sha256", secretKey).update(toSign).digest("base64");
  const variants: [string, string][] = [
    ["the secret key was used with a newline at its end", signature(`${secretKey}\n`, toSign)],
    ["the canonical request itself was signed, not the string to sign", signature(secretKey, canonical)],
    [
      "the string to sign was made with the canonical request itself, not its SHA-256",
      signature(
        secretKey,
        toSign.replace(/[^\n]+$/, () => canonical),
      ),
    ],
    ["the string to sign was signed with a newline at its end", signature(secretKey, `${toSign}\n`)],
    ["the string to sign was hashed without the secret key: it is an HMAC", sha256Hex(toSign)],
    ["the signature was written in base64", base64],
    ["the signature was written in capitals", signature(secretKey, toSign).toUpperCase()],
  ];
  return variants.filter(([, made]) => made === claimed).map(([says]) => [says])[0];
}

/** Holds what the client made against what it should have made. */
function compare(result: Explanation, request: PastedRequest, parts: CanonicalParts, date: string, text: string): void {
  const isToSign = /^SDK-HMAC-SHA256\r?\n/.test(text);
  const what = isToSign ? "string to sign" : "canonical request";
  const make = (canonical: string) => (isToSign ? stringToSign(date, canonical) : canonical);
  const right = make(textOf(parts));
  // The newline at the end may be the editor's; whether it was signed shows in the signature.
  const theirs = text.replace(/\n$/, "");
  const difference = firstDifference(theirs, right);
  if (!difference) {
    result.notes.push(`your ${what} is right: if the signature is not, the secret key or the HMAC is another one`);
    return;
  }
  const { byte, line, shown } = difference;
  const place = isToSign ? toSignPlace(line) : canonicalPlace(line, right);
  const found = [`your ${what} differs from byte ${byte} on (line ${line}, ${place}):\n${shown}`];
  if (theirs.includes("\r")) found.push("lines end with \\r\\n: they are joined by \\n alone");
  const named = mistakesThat((canonical) => make(canonical) === theirs, parts, request);
  found.push(...(named ?? (isToSign ? [] : partMistakes(parts, theirs, request))));
  if (result.verdict === "matches") {
    result.notes.push(`the signature is not made from your ${what}, as it matches`, ...found);
  } else result.problems.push(...found.filter((says) => !result.problems.includes(says)));
}

function toSignPlace(line: number): string {
  return ["the algorithm", "the date", "the hash of the canonical request"][line - 1] ?? "behind its end";
}

function canonicalPlace(line: number, right: string): string {
  const count = right.split("\n").length;
  if (line <= 3) return ["the method", "the path", "the query"][line - 1] ?? "";
  if (line === count) return "the hash of the body";
  if (line === count - 1) return "the list of signed headers";
  return line === count - 2 ? "the empty line behind the headers" : line > count ? "behind its end" : "a header line";
}

function dated(request: PastedRequest, now: number): PastedRequest {
  if (request.headers.some(([name]) => name === "x-sdk-date")) return request;
  return { ...request, headers: [...request.headers, ["x-sdk-date", formatSdkDate(now)]] };
}

/** The canonical request as the service makes it, from the headers that are listed or, without a list, given. */
function rightParts(
  { method, path, query, headers, host, body }: PastedRequest,
  list: string[] | undefined,
): CanonicalParts {
  const sent = (name: string) => headers.find(([other]) => other === name)?.[1] ?? (name === "host" ? host : undefined);
  const names = list?.map((name) => name.toLowerCase()) ?? headers.map(([name]) => name).sort();
  const signed = names.map((name): [string, string] => [name, sent(name) ?? ""]);
  const line = { method: method.toUpperCase(), canonicalPath: canonicalPath(path), query };
  return partsOf(canonicalRequest(line, signed, sha256Hex(body)), signed.length);
}
