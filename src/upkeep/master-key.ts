import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../cli/failure.ts";
import type { Settings } from "../config.ts";
import { parseMasterKey } from "../core/sealed.ts";
import { masterKeyPath, readMasterKey } from "../data-folder.ts";

/** The master key that a service with these settings would use. */
export interface KeyAtHand {
  /** Undefined if there is none, or none that can be used. */
  key: Uint8Array | undefined;
  /** Where it is or would be. */
  where: string;
  /** Why there is none. */
  reason: string | undefined;
}

export function keyAtHand({ data, master_key }: Pick<Settings, "data" | "master_key">): KeyAtHand {
  if (master_key !== undefined) {
    const where = process.env.FERRY_MASTER_KEY ? "FERRY_MASTER_KEY" : "master_key of the configuration file";
    return { key: parseMasterKey(master_key), where, reason: undefined };
  }
  const where = masterKeyPath(resolve(data));
  if (!existsSync(where))
    return { key: undefined, where, reason: `there is no ${where}, and FERRY_MASTER_KEY is not set` };
  try {
    return { key: readMasterKey(resolve(data)).key, where, reason: undefined };
  } catch (error) {
    return { key: undefined, where, reason: messageOf(error) };
  }
}

/** Tells one key from another, and nothing about it: 256 random bits cannot be guessed from a digest. */
export function fingerprint(key: Uint8Array): string {
  const digest = createHash("sha256").update("ferry master key").update(key).digest("hex");
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, "$1-");
}
