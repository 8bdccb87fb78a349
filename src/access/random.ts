import type { Platform } from "../core/platform.ts";

/** 32 hex digits, as ids of domains, projects and users look. */
export function randomHexId(platform: Platform): string {
  return platform.randomBytes(16).toHex();
}

/** Of an alphabet whose length divides 256, so that every character is equally likely. */
export function randomText(platform: Platform, length: number, alphabet: string): string {
  return Array.from(platform.randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join("");
}
