import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CliFailure } from "./failure.ts";

/** Where a service started in this folder keeps its first key. */
export function bootstrapFile(environment: NodeJS.ProcessEnv): string {
  return join(environment.FERRY_DATA || "./ferry-data", "bootstrap.env");
}

/** What the file sets; nothing if it is not there. */
export function readBootstrapFile(path: string): Record<string, string> {
  try {
    refuseOfOthers(path);
    const lines = readFileSync(path, "utf8").split("\n");
    return Object.fromEntries(
      lines.filter((line) => line.includes("=")).map((line) => line.split(/=(.*)/, 2) as [string, string]),
    );
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return {};
    // A service was started here: to go on would be to call another one than the person at the keyboard expects.
    throw new CliFailure("failed", `${path} cannot be read (${code}): say where to call with --profile or --endpoint`);
  }
}

/** Whoever can write the file decides where secrets go. */
function refuseOfOthers(path: string): void {
  const { uid, mode } = statSync(path);
  if (process.platform === "win32") return;
  if ((uid === process.getuid?.() || uid === 0) && (mode & 0o022) === 0) return;
  throw new CliFailure(
    "failed",
    `${path} belongs to somebody else or can be written by others, and is not followed: say where to call with --profile or --endpoint`,
  );
}
