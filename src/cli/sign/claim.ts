import { parseSdkDate, WINDOW_MS } from "../../core/canonical-request.ts";
import { sha256Hex } from "../../core/digest.ts";
import type { PastedRequest } from "./request.ts";

/** What an Authorization header says, as far as it can be read. */
export interface Claim {
  access_key: string | undefined;
  /** As listed. */
  signed_headers: string[];
  signature: string | undefined;
}

export function readClaim(header: string): Claim {
  const [, access_key] = /\bAccess=([^,\s]+)/.exec(header) ?? [];
  const [, list = ""] = /\bSignedHeaders=([^,\s]+)/.exec(header) ?? [];
  const [, signature] = /\bSignature=([^,\s]+)/.exec(header) ?? [];
  return { access_key, signed_headers: list === "" ? [] : list.split(";"), signature };
}

/** What is wrong with a request's headers whatever its signature is. */
export function headerProblems(request: PastedRequest, header: string | undefined, now: number): string[] {
  return [
    ...(header === undefined ? [] : [...formProblems(header), ...listProblems(request, readClaim(header))]),
    ...dateProblems(request, now),
    ...hashProblems(request),
  ];
}

function formProblems(header: string): string[] {
  const { access_key, signed_headers, signature } = readClaim(header);
  const problems: string[] = [];
  const [algorithm = ""] = header.split(" ", 1);
  if (algorithm.endsWith(",")) problems.push("a comma follows the algorithm: it is a space");
  else if (algorithm !== "SDK-HMAC-SHA256") problems.push(`the algorithm is SDK-HMAC-SHA256, not ${algorithm}`);
  if (access_key === undefined) problems.push("the Authorization header has no Access=");
  if (signed_headers.length === 0) problems.push("the Authorization header has no SignedHeaders=");
  if (signature === undefined) problems.push("the Authorization header has no Signature=");
  else if (/^[0-9A-Fa-f]{64}$/.test(signature) && signature !== signature.toLowerCase()) {
    problems.push("the signature is written in capitals: it is lower-case hex");
  } else if (!/^[0-9a-f]{64}$/.test(signature)) problems.push("the signature is not 64 digits of lower-case hex");
  return problems;
}

function listProblems({ headers }: PastedRequest, { signed_headers: list }: Claim): string[] {
  const problems: string[] = [];
  const count = (name: string) => headers.filter(([other]) => other === name.toLowerCase()).length;
  if (list.length > 0 && !list.includes("x-sdk-date")) problems.push("x-sdk-date is not listed in SignedHeaders");
  for (const [index, name] of list.entries()) {
    if (name !== name.toLowerCase()) problems.push(`SignedHeaders lists ${name}: names there are in lower case`);
    if (list.indexOf(name) < index) problems.push(`SignedHeaders lists ${name} twice`);
    else if (count(name) > 1) problems.push(`the signed header ${name} is sent ${count(name)} times`);
    else if (count(name) === 0 && name.toLowerCase() !== "host") {
      problems.push(`${name} is listed in SignedHeaders, but the request does not have it`);
    }
  }
  if (count("x-auth-token") > 0) problems.push("X-Auth-Token and a signature are two ways to sign in: send one");
  return problems;
}

function dateProblems({ headers }: PastedRequest, now: number): string[] {
  const date = headers.find(([name]) => name === "x-sdk-date")?.[1];
  if (date === undefined) return ["there is no X-Sdk-Date"];
  const signedAt = parseSdkDate(date);
  if (signedAt === undefined) return [`X-Sdk-Date is of the form YYYYMMDDTHHMMSSZ, not ${JSON.stringify(date)}`];
  const away = Math.abs(now - signedAt);
  if (away <= WINDOW_MS) return [];
  const side = signedAt < now ? "before" : "after";
  const moment = new Date(now).toISOString();
  return [
    `X-Sdk-Date is ${duration(away)} ${side} ${moment}: the service takes 15 minutes either way (--at TIME looks at it as of another moment)`,
  ];
}

function hashProblems({ headers, body }: PastedRequest): string[] {
  const claimed = headers.find(([name]) => name === "x-sdk-content-sha256")?.[1];
  if (claimed === undefined || claimed === sha256Hex(body)) return [];
  if (claimed === "UNSIGNED-PAYLOAD") return ["X-Sdk-Content-Sha256 is UNSIGNED-PAYLOAD: the body's hash is needed"];
  return [`X-Sdk-Content-Sha256 is not the hash of the body, which is ${sha256Hex(body)}`];
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
