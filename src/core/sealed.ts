import { createCipheriv, createDecipheriv } from "node:crypto";

const encoder = new TextEncoder();
const VERSION = "v1";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** AES-256. */
export const MASTER_KEY_BYTES = 32;

/**
 * Encrypts secrets for storage (AES-256-GCM under the master key).
 * `purpose` is authenticated with the text: a sealed value moved to another row does not open.
 */
export class Sealer {
  readonly #key: Uint8Array;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(key: Uint8Array, randomBytes: (count: number) => Uint8Array) {
    if (key.length !== MASTER_KEY_BYTES) throw new Error(`the master key must have ${MASTER_KEY_BYTES} bytes`);
    this.#key = key;
    this.#randomBytes = randomBytes;
  }

  seal(plain: string, purpose: string): string {
    const nonce = this.#randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(encoder.encode(purpose));
    const sealed = [nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()];
    const bytes = Uint8Array.from(sealed.flatMap((part) => [...part]));
    return `${VERSION}.${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  }

  /** Throws if the text was sealed under another master key or for another purpose, or was changed. */
  open(sealed: string, purpose: string): string {
    const [version, body] = sealed.split(".");
    if (version !== VERSION || body === undefined) throw new Error("not a sealed value");
    const bytes = Uint8Array.fromBase64(body, { alphabet: "base64url" });
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const tag = bytes.subarray(bytes.length - TAG_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce).setAAD(encoder.encode(purpose)).setAuthTag(tag);
    return (
      decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES), undefined, "utf8") + decipher.final("utf8")
    );
  }
}

/** Reads a master key written as 64 hex digits; undefined if the text is anything else. */
export function parseMasterKey(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  return /^[0-9a-f]{64}$/i.test(trimmed) ? Uint8Array.fromHex(trimmed) : undefined;
}
