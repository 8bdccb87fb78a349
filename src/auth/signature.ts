import { timingSafeEqual } from "node:crypto";
import {
  canonicalPath,
  canonicalRequest,
  parseSdkDate,
  type RequestLine,
  sha256Hex,
  signature,
  stringToSign,
  WINDOW_MS,
} from "../core/canonical-request.ts";

const encoder = new TextEncoder();
const AUTHORIZATION = /^SDK-HMAC-SHA256 Access=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})$/;

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
  const once = new Set(signed_headers).size === signed_headers.length;
  if (!once || signed_headers.some((name) => !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))) return undefined;
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
  if (!claim.signed_headers.includes("x-sdk-date")) return "x-sdk-date is not among the signed headers";
  const signedHeaders: [string, string][] = [];
  for (const name of claim.signed_headers) {
    const value = request.headers.get(name);
    if (value === null) return `the signed header ${name} is not there`;
    signedHeaders.push([name, value]);
  }
  const date = request.headers.get("x-sdk-date") ?? "";
  const signedAt = parseSdkDate(date);
  if (signedAt === undefined) return "X-Sdk-Date is not of the form YYYYMMDDTHHMMSSZ";
  if (Math.abs(now - signedAt) > WINDOW_MS) return "X-Sdk-Date is more than 15 minutes from the server's clock";
  const bodyHash = sha256Hex(request.body);
  const claimedHash = request.headers.get("x-sdk-content-sha256");
  if (claimedHash !== null && claimedHash !== bodyHash) return "X-Sdk-Content-Sha256 is not the hash of the body";
  const matches = (form: "decoded" | "as-is") => {
    const canonical = canonicalRequest(
      { method: request.method, canonicalPath: canonicalPath(request.path, form), query: request.query },
      signedHeaders,
      bodyHash,
    );
    return equalText(signature(secretKey, stringToSign(date, canonical)), claim.signature);
  };
  if (matches("decoded") || (request.path.includes("%") && matches("as-is"))) return undefined;
  return "the access key or its signature is wrong";
}

/** In constant time for texts of equal length. */
export function equalText(a: string, b: string): boolean {
  const [bytesA, bytesB] = [encoder.encode(a), encoder.encode(b)];
  return bytesA.length === bytesB.length && timingSafeEqual(bytesA, bytesB);
}
