import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";
import type { Settings } from "../config.ts";
import { lockFile } from "../db/open-file.ts";
import { type Check, tellChecks } from "./check.ts";
import { duplicate } from "./duplicate.ts";
import { keyAtHand } from "./master-key.ts";
import { type Place, placeOf, placeOfService } from "./place.ts";
import { showProgress } from "./progress.ts";
import { soundness } from "./soundness.ts";

/**
 * Puts a copy where the service with these settings has its database, which must be empty. Refuses a copy that the
 * service could not serve with the master key at hand: whoever finds that out at the next start has lost time.
 */
export async function restore(file: string, settings: Settings, output: Output, json?: boolean): Promise<void> {
  process.umask(0o077);
  const to = placeOfService(settings);
  if (to.kind === "file") refuseUsedFile(to.path);
  const checks = await sound(file, settings);
  if (!json || checks.some(({ status }) => status === "fail")) tellChecks(output, checks, json);
  await withTargetLocked(to, () => duplicate(copyAt(file), to, { now: Date.now, progress: showProgress(output) }));
  output.show("");
  if (json) output.print(JSON.stringify({ database: to.shown, checks }, null, 2));
  else output.print(`restored to ${to.shown}; start ferry with the same settings`);
}

/** Tells whether a copy is sound; changes nothing. Throws if it is not. */
export async function checkCopy(file: string, settings: Settings, output: Output, json?: boolean): Promise<void> {
  tellChecks(output, await sound(file, settings), json);
}

async function sound(file: string, settings: Settings): Promise<Check[]> {
  const copy = copyAt(file);
  if (copy.kind === "file" && !existsSync(copy.path)) throw new CliFailure("notFound", `there is no file ${copy.path}`);
  return soundness(copy, keyAtHand(settings));
}

function copyAt(file: string): Place {
  return placeOf(`file:${file}`, undefined);
}

/** No ferry starts on a file while it is being made. */
export async function withTargetLocked<Result>(to: Place, work: () => Promise<Result>): Promise<Result> {
  if (to.kind === "server") return work();
  const folder = dirname(to.path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = await lockFile(join(realpathSync(folder), basename(to.path)));
  try {
    refuseUsedFile(to.path);
    return await work();
  } finally {
    lock.release();
  }
}

/** Its log counts too: what is in it would be mixed with another database. */
export function refuseUsedFile(path: string): void {
  const found = ["", "-wal", "-shm", "-journal"].map((suffix) => `${path}${suffix}`).filter((name) => existsSync(name));
  if (found.length === 0) return;
  throw new CliFailure(
    "refused",
    `there is a database already: ${found.join(", ")}. Stop ferry, move ${found.length > 1 ? "these files" : "it"} away and try again; nothing was changed`,
  );
}
