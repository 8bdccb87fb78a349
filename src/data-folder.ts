import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { SettingError } from "./config.ts";
import { writePrivateFile } from "./core/private-file.ts";
import { MASTER_KEY_BYTES, parseMasterKey } from "./core/sealed.ts";

/** The folder of `--data`, made if it is not there; its path, absolute. What is made in it is for its owner only. */
export function openDataFolder(data: string): string {
  process.umask(0o077);
  const folder = resolve(data);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new SettingError(`--data ${folder} cannot be used as a folder: ${reasonOf(error)}`);
  }
  return folder;
}

/** The master key of the folder, or a new one, not written yet. Throws if others can read it or it is none. */
export function readMasterKey(folder: string): { key: Uint8Array; isNew: boolean } {
  const path = masterKeyPath(folder);
  if (!existsSync(path)) return { key: randomBytes(MASTER_KEY_BYTES), isNew: true };
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    throw new Error(`${path} can be read by others: run chmod 600 ${path} (and think about who has read it)`);
  }
  const key = parseMasterKey(readFileSync(path, "utf8"));
  if (!key) throw new Error(`${path} does not hold a master key: 64 hex digits`);
  return { key, isNew: false };
}

export function writeMasterKey(folder: string, key: Uint8Array): void {
  writePrivateFile(masterKeyPath(folder), `${Buffer.from(key).toString("hex")}\n`);
}

export function masterKeyPath(folder: string): string {
  return join(folder, "master.key");
}

/** Where the command line on the same machine finds the first key. */
export function bootstrapPath(folder: string): string {
  return join(folder, "bootstrap.env");
}

export function writeBootstrapFile(
  folder: string,
  key: { access_key: string; secret_key: string; project_id: string },
): void {
  const { access_key, secret_key, project_id } = key;
  writePrivateFile(
    bootstrapPath(folder),
    `FERRY_ENDPOINT=\nFERRY_ACCESS_KEY=${access_key}\nFERRY_SECRET_KEY=${secret_key}\nFERRY_PROJECT_ID=${project_id}\n`,
  );
}

/**
 * A folder whose bootstrap.env has an address has served before: an empty database there has lost its accounts. Throws
 * rather than begin anew over a copy that was taken without ferry.db-wal.
 */
export function refuseLostDatabase(folder: string): void {
  const path = bootstrapPath(folder);
  if (!existsSync(path) || !/^FERRY_ENDPOINT=.+$/m.test(readFileSync(path, "utf8"))) return;
  throw new Error(
    `${path} is of an earlier database, but the database has no account: was it copied without ferry.db-wal? Restore it, or remove bootstrap.env to begin anew`,
  );
}

/**
 * Every start writes anew where to call and which certificate to trust there, as both may have changed; does nothing
 * once the file was taken away.
 */
export function writeBootstrapEndpoint(folder: string, url: string, cacert: string | undefined): void {
  const path = bootstrapPath(folder);
  if (!existsSync(path)) return;
  const before = readFileSync(path, "utf8");
  const reachable = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
  const trusted = cacert === undefined ? "" : `FERRY_CACERT=${resolve(cacert)}\n`;
  const after = before
    .replace(/^FERRY_CACERT=.*\n/m, "")
    .replace(/^FERRY_ENDPOINT=.*\n/m, `FERRY_ENDPOINT=${reachable}\n${trusted}`);
  if (after !== before) writePrivateFile(path, after);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
