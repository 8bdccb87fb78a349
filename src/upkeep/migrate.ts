import { realpathSync } from "node:fs";
import { CliFailure } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";
import type { Settings } from "../config.ts";
import { lockFile } from "../db/open-file.ts";
import { countRows, tablesOf, usableSchema } from "./contents.ts";
import { damage, duplicate } from "./duplicate.ts";
import { isSamePlace, open, type Place, placeOf, placeOfService, type Reader, reading } from "./place.ts";
import { showProgress } from "./progress.ts";
import { withTargetLocked } from "./restore.ts";

export interface Ends {
  from: string | undefined;
  to: string | undefined;
}

/** Moves a database to another place. One end may be left to the settings; the source stays as it is. */
export async function migrate(
  ends: Ends,
  settings: Settings,
  output: Output,
  json: boolean | undefined,
): Promise<void> {
  process.umask(0o077);
  if (ends.from === undefined && ends.to === undefined)
    throw new CliFailure(
      "usage",
      "ferry migrate takes --from URL or --to URL: the other end is the service's own database",
    );
  const from = endOf(ends.from, process.env.FERRY_FROM_AUTH_TOKEN, settings);
  const to = endOf(ends.to, process.env.FERRY_TO_AUTH_TOKEN, settings);
  if (isSamePlace(from, to)) throw new CliFailure("usage", `--from and --to are the same database: ${from.shown}`);
  const release = await holdSource(from, output);
  try {
    const begun = await reading(from, async (reader) => {
      const schema = await usableSchema(reader, from.shown);
      const problems = await damage(reader);
      if (problems.length > 0) throw new CliFailure("failed", `${from.shown} is damaged: ${problems.join("; ")}`);
      return { ...schema, ...(await countRows(reader)), signs: await signsOfLife(reader) };
    });
    const beforeDone = async () => {
      if ((await reading(from, signsOfLife)) === begun.signs) return;
      throw new CliFailure(
        "refused",
        `${from.shown} was written to meanwhile: stop every ferry on it, and run the same again`,
      );
    };
    await withTargetLocked(to, () =>
      duplicate(from, to, { now: Date.now, progress: showProgress(output), beforeDone }),
    );
    output.show("");
    const { rows, tables } = begun;
    if (json) output.print(JSON.stringify({ from: from.shown, to: to.shown, rows, tables }, null, 2));
    else output.print(`${to.shown} has everything of ${from.shown}: ${rows} rows in ${tables} tables, compared`);
    output.tell(
      `start ferry on it with ${to.kind === "file" ? `FERRY_DATABASE_URL=file:${to.path}` : "FERRY_DATABASE_URL set to it"} and the same master key, and never again on ${from.shown}, which is as it was`,
    );
  } finally {
    release();
  }
}

/** The service's token is sent to the service's own server only. */
function endOf(url: string | undefined, token: string | undefined, settings: Settings): Place {
  const own = placeOfService(settings);
  if (url === undefined) return own;
  const place = placeOf(url, token || undefined);
  return place.kind === "server" && place.auth_token === undefined && isSamePlace(place, own) ? own : place;
}

/** No ferry writes to the source while it is copied: a file is locked; on a server a ferry is seen by its lease. */
async function holdSource(from: Place, output: Output): Promise<() => void> {
  if (from.kind === "server") {
    if (await reading(from, hasLiveLease))
      throw new CliFailure(
        "refused",
        `a ferry is at work on ${from.shown}: stop every one, wait 10 s, and run the same again`,
      );
    output.tell(`every ferry on ${from.shown} must be stopped: what it writes from now on would stay behind`);
    return () => {};
  }
  open(from).close();
  return (await lockFile(realpathSync(from.path))).release;
}

async function hasLiveLease(reader: Reader): Promise<boolean> {
  if (!(await tablesOf(reader)).some(({ name }) => name === "ferry_leases")) return false;
  const { rows } = await reader.execute("SELECT name FROM ferry_leases WHERE until > unixepoch() * 1000");
  return rows.length > 0;
}

/** What changes with nearly everything a ferry does. */
async function signsOfLife(reader: Reader): Promise<string> {
  const { rows } = await reader.execute("SELECT name, seq FROM sqlite_sequence ORDER BY name");
  const hasPresence = (await tablesOf(reader)).some(({ name }) => name === "source_presence");
  const seen = hasPresence
    ? await reader.execute("SELECT max(seen_at) AS at, count(*) AS sources FROM source_presence")
    : undefined;
  return [...rows, ...(seen?.rows ?? [])].map((row) => `${row[0]} ${row[1]}`).join("\n");
}
