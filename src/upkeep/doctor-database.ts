import { existsSync, statSync } from "node:fs";
import type { Settings } from "../config.ts";
import { flushesCommits, UNKNOWN_DURABILITY } from "../db/durability.ts";
import { migrations } from "../db/migrations.ts";
import { type Check, checked, clockVerdict, fail, ok, recordVerdict, sizeOf, warn } from "./check.ts";
import { stateOf, usableSchema } from "./contents.ts";
import { noDatabase } from "./doctor-machine.ts";
import { keyAtHand, keyCheck } from "./master-key.ts";
import { open, type Place, type Reader, reading } from "./place.ts";

/** Up to here every page is looked at without being asked to: some seconds, even from a slow disk. */
const QUICK_CHECK_BYTES = 2e9;
/** A log that nobody empties: SQLite does so from 4 MB on. */
const WAL_WARN_BYTES = 64e6;
const REACH_TIMEOUT_MS = 5_000;
const PINGS = 5;
const SLOW_MS = 100;

export async function databaseChecks(settings: Settings, place: Place, full: boolean): Promise<Check[]> {
  if (place.kind === "file" && !existsSync(place.path))
    return [await checked("database", async () => noDatabase(settings, place))];
  const before = place.kind === "server" ? await serverChecks(place, settings) : [];
  if (before[0]?.status === "fail") return before;
  const sound = await checked("integrity", () => reading(place, (reader) => integrity(reader, full)));
  if (sound.status === "fail") return [...before, sound];
  const checks = [...before, sound, await checked("schema", () => reading(place, (reader) => schema(reader, place)))];
  if (checks.at(-1)?.status === "fail" || (await isEmpty(place))) return checks;
  return [
    ...checks,
    await checked("secrets", () => reading(place, (reader) => keyCheck(reader, keyAtHand(settings)))),
    await checked("record", () => reading(place, newestEvent)),
    ...(place.kind === "file" ? [await checked("log", async () => walSize(place.path))] : []),
  ];
}

function isEmpty(place: Place): Promise<boolean> {
  return reading(place, async (reader) => (await stateOf(reader)) === "empty");
}

async function serverChecks(place: Place, settings: Settings): Promise<Check[]> {
  const client = open(place, REACH_TIMEOUT_MS);
  try {
    const times: number[] = [];
    let aheadMs = 0;
    const reach = await checked("database server", async () => {
      for (let ping = 0; ping < PINGS; ping += 1) {
        const begun = performance.now();
        const { rows } = await client.execute("SELECT unixepoch('subsec') * 1000 AS now");
        const took = performance.now() - begun;
        times.push(took);
        aheadMs = Number(rows[0]?.now) - (Date.now() - took / 2);
      }
      const median = times.toSorted((one, other) => one - other)[Math.floor(PINGS / 2)] ?? 0;
      const text = `${place.shown} answers in ${median.toFixed(1)} ms`;
      return median > SLOW_MS ? warn(`${text}: every poll asks it, put them closer together`) : ok(text);
    }).then((check) =>
      check.status === "fail" ? { ...check, message: `${place.shown} cannot be used: ${check.message}` } : check,
    );
    if (reach.status === "fail") return [reach];
    return [
      reach,
      { check: "database server's clock", ...clockVerdict("the database server's", aheadMs, times.at(-1) ?? 0) },
      await checked("durability", () => durability(settings)),
    ];
  } finally {
    client.close();
  }
}

async function durability({ database_admin_url, database_namespace }: Settings) {
  if (database_admin_url === undefined) return warn(UNKNOWN_DURABILITY);
  if (await flushesCommits(database_admin_url, database_namespace))
    return ok("the server flushes each commit to its disk");
  return warn("the server does not flush its commits to the disk: a ferry that runs tells it within 10 s");
}

async function schema(reader: Reader, place: Place) {
  if ((await stateOf(reader)) === "empty") return warn(`${place.shown} is empty: the first start fills it`);
  const { ferry_version, applied } = await usableSchema(reader, place.shown);
  const missing = migrations.slice(applied.length).map(({ name }) => name);
  if (missing.length === 0) return ok(`up to date (${applied.at(-1)})`);
  return warn(
    `of ferry ${ferry_version}: the next start brings it up to date (${missing.join(", ")}); make a backup first`,
  );
}

async function integrity(reader: Reader, full: boolean) {
  const size = await reader.execute("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size");
  const bytes = Number(size.rows[0]?.bytes);
  if (bytes > QUICK_CHECK_BYTES && !full) return ok(`${sizeOf(bytes)}: too large to be read just so, --full does`);
  const { rows } = await reader.execute("PRAGMA quick_check(5)");
  const problems = rows.map((row) => String(row[0])).filter((text) => text !== "ok");
  if (problems.length === 0) return ok(`every page is sound (${sizeOf(bytes)})`);
  return fail(`${problems.join("; ")}: stop ferry, keep the file, and restore the newest backup that is sound`);
}

/** A clock that was set back shows in what is on record. */
async function newestEvent(reader: Reader) {
  const { rows } = await reader.execute(
    "SELECT max(at) AS at FROM (SELECT (SELECT max(at) FROM events WHERE account_seq = accounts.seq) AS at FROM accounts)",
  );
  return recordVerdict(Number(rows[0]?.at ?? 0) - Date.now());
}

function walSize(path: string) {
  const bytes = existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0;
  const text = `${path}-wal has ${sizeOf(bytes)}`;
  return bytes > WAL_WARN_BYTES
    ? warn(`${text}: a program that reads the database for long keeps it from shrinking; end that one`)
    : ok(text);
}
