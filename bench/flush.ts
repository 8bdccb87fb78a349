import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * What servers ask of the disk: their flushes counted, and made slower. Both by a library that is loaded before libc's
 * (slow-flush.c), so it works for programs that call libc for it: Bun, libSQL's addon, Python; not for Go's.
 */

export interface Flushes {
  /** For the programs to watch; all of them are counted together. */
  env: Record<string, string>;
  /** fsync and fdatasync so far. */
  count(): number;
}

const source = join(import.meta.dir, "slow-flush.c");
const cache = join(import.meta.dir, "..", ".cache", "bench");

/**
 * Each flush of the programs started with `env` takes so much longer, in microseconds; 0 only counts. The folder is
 * there, and one watch has it for itself. Undefined, said aloud, without a C compiler.
 */
export function watchFlushes(folder: string, delayUs: number): Flushes | undefined {
  const library = compiled();
  if (library === undefined) return undefined;
  const file = join(folder, "flushes");
  writeFileSync(file, new Uint8Array(8));
  const env = { LD_PRELOAD: library, BENCH_FLUSH_US: String(Math.round(delayUs)), BENCH_FLUSH_FILE: file };
  return { env, count: () => Number(readFileSync(file).readBigUInt64LE()) };
}

/** Path of the library, one for each state of its source. */
function compiled(): string | undefined {
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(source)).digest("hex");
  const library = join(cache, `slow-flush-${digest.slice(0, 12)}.so`);
  if (existsSync(library)) return library;
  mkdirSync(cache, { recursive: true });
  // Whole or not at all: another run may look for it just now.
  const partial = `${library}.${process.pid}`;
  const compiler = Bun.which("cc");
  const options = ["-O2", "-Wall", "-shared", "-fPIC", "-o", partial, source];
  const made = compiler === null ? undefined : Bun.spawnSync([compiler, ...options], { stdin: "ignore" });
  if (!made?.success) {
    const reason = made ? made.stderr.toString().trim() : "there is no C compiler (cc)";
    console.error(`\nflushes cannot be watched: ${reason}`);
    return undefined;
  }
  renameSync(partial, library);
  return library;
}
