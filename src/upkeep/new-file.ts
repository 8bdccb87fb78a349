import { closeSync, existsSync, fsyncSync, linkSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CliFailure, messageOf } from "../cli/failure.ts";

const PARTIAL = ".partial-";

/**
 * Makes a file whole or not at all, readable by its owner only and on disk when this returns: `fill` works on another
 * name in the same folder. Throws if there is a file of that name, before and after.
 */
export async function makeNewFile<Result>(path: string, fill: (partial: string) => Promise<Result>): Promise<Result> {
  refuseExisting(path);
  sweep(path);
  const partial = `${path}${PARTIAL}${process.pid}`;
  try {
    closeSync(openSync(partial, "wx", 0o600));
    const result = await fill(partial);
    sync(partial);
    publish(partial, path);
    sync(dirname(path));
    return result;
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    throw new CliFailure("failed", `${path} was not made: ${messageOf(error)}`);
  } finally {
    removeDatabase(partial);
  }
}

function refuseExisting(path: string): void {
  if (existsSync(path))
    throw new CliFailure("refused", `${path} exists already: it is left as it is, choose another name`);
}

/** A link, unlike a rename, never takes another file's place. */
function publish(partial: string, path: string): void {
  try {
    linkSync(partial, path);
  } catch (error) {
    refuseExisting(path);
    // Some file systems know no links.
    if (!/EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS|EMLINK/.test(messageOf(error))) throw error;
    renameSync(partial, path);
  }
}

/** What processes that are gone have left of this file. */
function sweep(path: string): void {
  const prefix = `${basename(path)}${PARTIAL}`;
  for (const name of readdirSync(dirname(path)).filter((entry) => entry.startsWith(prefix))) {
    const pid = Number(/^\d+/.exec(name.slice(prefix.length))?.[0]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(dirname(path), name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** With what SQLite may have put beside it. */
function removeDatabase(path: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

function sync(path: string): void {
  if (process.platform === "win32") return; // neither a folder nor a file that is only read can be synced there
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
