import {
  canonicalPath,
  canonicalRequest,
  parseSdkDate,
  type RequestLine,
  signature,
  stringToSign,
  WINDOW_MS,
} from "../core/canonical-request.ts";
import { sha256Hex } from "../core/digest.ts";

const AUTHORIZATION =
  /^SDK-HMAC-SHA256 Access=([^,\s]+), *SignedHeaders=([a-z0-9!#$%&'*+.^_`|~;-]+), *Signature=([0-9a-f]{64})$/;

const HASH_OF_NOTHING = sha256Hex("");

export interface SignedRequest extends RequestLine {
  headers: Headers;
  /** As received: re-serialised JSON would hash differently. */
  body: Uint8Array;
}

export interface SignatureClaim {
  access_key: string;
  /** Lower case, as listed. */
  signed_headers: readonly string[];
  signature: string;
}

/** Reads an Authorization header; undefined if it is not of the one accepted form. */
export function parseAuthorization(header: string): SignatureClaim | undefined {
  const parts = AUTHORIZATION.exec(header);
  if (!parts) return undefined;
  const [, access_key = "", list = "", hex = ""] = parts;
  const signed_headers = list.split(";");
  const names = new Set(signed_headers);
  if (names.size !== signed_headers.length || names.has("")) return undefined;
  return { access_key, signed_headers, signature: hex };
}

/**
 * Why a signature does not hold, or undefined if it does. Method, path, query and the hash of the bytes received are
 * always covered; of the headers those in the list, and x-sdk-date has to be one of them.
 */
export function refuseSignature(
  claim: SignatureClaim,
  request: SignedRequest,
  secretKey: string,
  now: number,
): string | undefined {
  let date: string | undefined;
  const signedHeaders: [string, string][] = [];
  for (const name of claim.signed_headers) {
    const value = request.headers.get(name);
    if (value === null) return `the signed header ${name} is not there`;
    if (name === "x-sdk-date") date = value;
    signedHeaders.push([name, value]);
  }
  if (date === undefined) return "x-sdk-date is not among the signed headers";
  const signedAt = parseSdkDate(date);
  if (signedAt === undefined) return "X-Sdk-Date is not of the form YYYYMMDDTHHMMSSZ";
  if (Math.abs(now - signedAt) > WINDOW_MS) return "X-Sdk-Date is more than 15 minutes from the server's clock";
  const bodyHash = request.body.length === 0 ? HASH_OF_NOTHING : sha256Hex(request.body);
  const claimedHash = request.headers.get("x-sdk-content-sha256");
  if (claimedHash !== null && claimedHash !== bodyHash) return "X-Sdk-Content-Sha256 is not the hash of the body";
  const expected = (form: "decoded" | "as-is") => {
    const line = { method: request.method, canonicalPath: canonicalPath(request.path, form), query: request.query };
    return signature(secretKey, stringToSign(date, canonicalRequest(line, signedHeaders, bodyHash)));
  };
  if (equalText(expected("decoded"), claim.signature)) return undefined;
  if (request.path.includes("%") && equalText(expected("as-is"), claim.signature)) return undefined;
  return "the access key or its signature is wrong";
}

/** In a time that does not tell where texts of equal length differ. */
export function equalText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at += 1) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
