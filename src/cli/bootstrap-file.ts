import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CliFailure } from "./failure.ts";

/** Where a service started in this folder keeps its first key. */
export function bootstrapFile(environment: NodeJS.ProcessEnv): string {
  return join(environment.FERRY_DATA || "./ferry-data", "bootstrap.env");
}

/** What the file sets; nothing if it is not there. */
export function readBootstrapFile(path: string): Record<string, string> {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return Object.fromEntries(
      lines.filter((line) => line.includes("=")).map((line) => line.split(/=(.*)/, 2) as [string, string]),
    );
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return {};
    // A service was started here: to go on would be to call another one than the person at the keyboard expects.
    throw new CliFailure("failed", `${path} cannot be read (${code}): say where to call with --profile or --endpoint`);
  }
}
