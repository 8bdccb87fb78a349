import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../cli/failure.ts";
import type { Settings } from "../config.ts";
import { parseMasterKey } from "../core/sealed.ts";
import { masterKeyPath, readMasterKey } from "../data-folder.ts";
import { fail, ok, warn } from "./check.ts";
import type { Reader } from "./place.ts";
import { CHECK_VALUES, describeOpened, openSecrets } from "./sealed-secrets.ts";

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

/** Whether the key opens what is sealed in the database. */
export async function keyCheck(reader: Reader, { key, where, reason }: KeyAtHand) {
  const found = await openSecrets(reader, key ?? new Uint8Array(32));
  const count = found.reduce((sum, kind) => sum + kind.count, 0);
  const opened = found.reduce((sum, kind) => sum + kind.opened, 0);
  const sealed = found.map((kind) => `${kind.count} ${kind.what}`).join(", ");
  if (!key) {
    const message = `${reason}; put the master key that belongs to the database there, or set FERRY_MASTER_KEY`;
    return count === 0 ? warn(message) : fail(`${sealed} cannot be opened: ${message}`);
  }
  const named = `${where} (fingerprint ${fingerprint(key)})`;
  // Where there is a check value ferry goes by it alone.
  const isCheckWrong = found.some((kind) => kind.what === CHECK_VALUES && kind.opened < kind.count);
  if (isCheckWrong || (count > 0 && opened === 0))
    return fail(
      `${named} is not the key of this database: it opens ${opened === 0 ? `none of ${sealed}` : describeOpened(found)}. Without its key ferry does not serve it`,
    );
  if (opened < count)
    return warn(`${named} opens ${describeOpened(found)}; what does not open was changed, and has to be made anew`);
  return ok(`${named} opens what is sealed: ${describeOpened(found)}`);
}
