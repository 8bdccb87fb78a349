import { CliFailure } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";
import type { Settings } from "../config.ts";
import { lockFile } from "../db/open-file.ts";
import { countRows, damage, tablesOf, usableSchema } from "./contents.ts";
import { duplicate } from "./duplicate.ts";
import { makeForService } from "./new-file.ts";
import { isSameServer, open, type Place, placeOf, placeOfService, type Reader, reading } from "./place.ts";

/** One end as it was given. */
export interface End {
  url: string | undefined;
  namespace: string | undefined;
}

/** Moves a database to another place. One end may be left to the settings; the source stays as it is. */
export async function migrate(
  ends: { from: End; to: End },
  settings: Settings,
  output: Output,
  json: boolean | undefined,
): Promise<void> {
  process.umask(0o077);
  if (ends.from.url === undefined && ends.to.url === undefined)
    throw new CliFailure(
      "usage",
      "ferry migrate takes --from URL or --to URL: the other end is the service's own database",
    );
  const from = endOf("from", ends.from, process.env.FERRY_FROM_AUTH_TOKEN, settings);
  const to = endOf("to", ends.to, process.env.FERRY_TO_AUTH_TOKEN, settings);
  if (from.shown === to.shown) throw new CliFailure("usage", `--from and --to are the same database: ${from.shown}`);
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
    const copy = () => duplicate(from, to, output, beforeDone);
    await (to.kind === "file" ? makeForService(to.path, copy) : copy());
    const { rows, tables } = begun;
    if (json) output.print(JSON.stringify({ from: from.shown, to: to.shown, rows, tables }, null, 2));
    else output.print(`${to.shown} has everything of ${from.shown}: ${rows} rows in ${tables} tables, compared`);
    output.tell(
      `start ferry on it with ${settingsFor(to)} and the same master key, and never again on ${from.shown}, which is as it was`,
    );
  } finally {
    release();
  }
}

function settingsFor(to: Place): string {
  if (to.kind === "file") return `FERRY_DATABASE_URL=file:${to.path}`;
  return `FERRY_DATABASE_URL set to it${to.namespace === undefined ? "" : `, FERRY_DATABASE_NAMESPACE=${to.namespace}`}`;
}

/** The service's token is sent to the service's own server only. */
function endOf(flag: "from" | "to", end: End, token: string | undefined, settings: Settings): Place {
  const own = placeOfService(settings);
  if (end.url === undefined && end.namespace === undefined) return own;
  if (end.url === undefined) throw new CliFailure("usage", `--${flag}-namespace goes with --${flag}`);
  const namespace = end.namespace || settings.database_namespace;
  const place = placeOf({ url: end.url, auth_token: token || undefined, namespace });
  if (place.kind === "file" || place.auth_token !== undefined || !isSameServer(place, own)) return place;
  return { ...place, auth_token: settings.database_auth_token };
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
  return (await lockFile(from.path)).release;
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
