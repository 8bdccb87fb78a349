import { createHash, createHmac } from "node:crypto";

/*
 * SHA-256 as hexadecimal text. node:crypto, which every runtime has, makes a stream for each digest, and that costs more
 * than the digest of something small: where there is a plain function, it is taken.
 */

// biome-ignore lint/style/noRestrictedGlobals: what other runtimes take instead stands beside it
const plain = typeof Bun === "undefined" ? undefined : Bun;

/** SHA-256 of bytes, or of a text's UTF-8. */
export const sha256Hex: (data: string | Uint8Array) => string = plain
  ? (data) => plain.SHA256.hash(data as Uint8Array<ArrayBuffer>, "hex")
  : (data) => createHash("sha256").update(data).digest("hex");

/** HMAC-SHA256 of a text under a text. */
export const hmacSha256Hex: (key: string, text: string) => string = plain
  ? (key, text) => new plain.CryptoHasher("sha256", key).update(text).digest("hex")
  : (key, text) => createHmac("sha256", key).update(text).digest("hex");
