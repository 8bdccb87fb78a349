import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CliFailure, messageOf } from "../cli/failure.ts";
import { lockFile } from "../db/open-file.ts";

const PARTIAL = ".partial-";
/** What SQLite has beside a database. */
const BESIDE = ["-journal", "-wal", "-shm"];

/**
 * Makes a file whole or not at all, readable by its owner only and on disk when this returns: `fill` works on another
 * name in the same folder. Throws if there is a file of that name, before and after.
 */
export async function makeNewFile(path: string, fill: (partial: string) => Promise<void>): Promise<void> {
  if (!existsSync(dirname(path))) throw new CliFailure("notFound", `there is no folder ${dirname(path)}`);
  refuseExisting(path);
  const partial = `${path}${PARTIAL}${process.pid}`;
  try {
    sweep(path);
    closeSync(openSync(partial, "wx", 0o600));
    await fill(partial);
    sync(partial);
    publish(partial, path);
    sync(dirname(path));
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    throw new CliFailure("failed", `${path} was not made: ${messageOf(error)}`);
  } finally {
    removeDatabase(partial);
  }
}

/** The same for a database that a service is to have: no ferry starts on the file while `work` makes it. */
export async function makeForService(path: string, work: () => Promise<void>): Promise<void> {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid } = statSync(folder);
  if (process.getuid?.() === 0 && uid !== 0)
    throw new CliFailure("refused", `${folder} belongs to another user (${uid}): run this as that one, not as root`);
  const lock = await lockFile(path);
  try {
    refuseUsed(path);
    await work();
  } finally {
    lock.release();
  }
}

/** Throws if there is a database already, or a part of one. */
export function refuseUsed(path: string): void {
  const found = filesOf(path);
  if (found.length === 0) return;
  throw new CliFailure(
    "refused",
    `there is a database already: ${found.join(", ")}. Stop ferry, move ${found.length > 1 ? "these files" : "it"} away and try again; nothing was changed`,
  );
}

function refuseExisting(path: string): void {
  const found = filesOf(path);
  if (found.length === 0) return;
  const left = found.length > 1 ? "exist already: they are left as they are" : "exists already: it is left as it is";
  throw new CliFailure("refused", `${found.join(", ")} ${left}, choose another name`);
}

/** A log without its database counts too: SQLite would read it into the new one. */
function filesOf(path: string): string[] {
  return ["", ...BESIDE]
    .map((suffix) => `${path}${suffix}`)
    .filter((name) => lstatSync(name, { throwIfNoEntry: false }) !== undefined);
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
    // Of our own number it is of a process before us: in a container each may have the same.
    if (pid > 0 && (pid === process.pid || !isAlive(pid))) rmSync(join(dirname(path), name), { force: true });
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

/** With what SQLite may have put beside it; the next run of that name does what cannot be done now. */
function removeDatabase(path: string): void {
  for (const suffix of ["", ...BESIDE]) {
    try {
      rmSync(`${path}${suffix}`, { force: true });
    } catch {}
  }
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
