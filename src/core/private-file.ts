import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file whole or not at all, readable by its owner only and on disk when this returns; its folder is made if it
 * is not there. For the programs of a machine: the service itself gets what it needs handed in.
 */
export function writePrivateFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.${process.pid}.new`;
  rmSync(partial, { force: true });
  try {
    // Made anew: one that was there would keep its mode.
    const file = openSync(partial, "wx", 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  if (process.platform === "win32") return; // no folder can be opened there
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}
