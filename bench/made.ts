import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const cache = join(import.meta.dir, "..", ".cache", "bench");

/**
 * Folder in .cache with what `make` puts there from these files, once for each state of them. Undefined, said aloud,
 * where that fails.
 */
export async function made(
  name: string,
  files: readonly string[],
  make: (place: string) => Promise<void>,
): Promise<string | undefined> {
  const hash = new Bun.CryptoHasher("sha256");
  for (const file of files) hash.update(readFileSync(file));
  const place = join(cache, `${name}-${hash.digest("hex").slice(0, 12)}`);
  const mark = join(place, "made");
  if (existsSync(mark)) return place;
  try {
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place, { recursive: true });
    await make(place);
    writeFileSync(mark, "");
    return place;
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    console.error(`\n${name} is left out: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** Runs a command to its end; throws with what it complained of. */
export async function done(command: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(complaint.trim().split("\n").at(-1) || `${command[0]} failed`);
}
