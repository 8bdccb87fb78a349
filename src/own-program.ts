import { dirname, resolve } from "node:path";

/** How this program is called again: the executable itself, or bin/ferry where it runs from source. */
export function ownProgram(): string {
  const script = process.argv[1];
  return script?.endsWith(".ts") ? resolve(dirname(script), "..", "bin", "ferry") : process.execPath;
}
