import { join } from "node:path";
import { type Program, startProgram } from "./processes.ts";
import { SETTINGS } from "./requests.ts";

const executable = join(import.meta.dir, "..", "dist", "ferry");

export interface Ferry extends Program {
  /** HOST:PORT. */
  endpoint: string;
}

/** `ferry serve` as it is built, on the file in its data folder or on a libSQL server. */
export async function startFerry(
  data: string,
  database_url?: string,
  env: Record<string, string> = {},
): Promise<Ferry> {
  const where = database_url === undefined ? [] : ["--database-url", database_url];
  const command = [executable, "serve", "--listen", "127.0.0.1:0", "--data", data, ...where];
  const program = await startProgram(command, { cwd: "/", env: { ...SETTINGS, ...env } }, /is ready on http:\/\/(\S+)/);
  return { ...program, endpoint: program.said[1] ?? "" };
}
