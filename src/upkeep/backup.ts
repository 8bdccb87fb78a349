import { statSync } from "node:fs";
import { resolve } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";
import type { Settings } from "../config.ts";
import { sizeOf } from "./check.ts";
import { countRows, usableSchema } from "./contents.ts";
import { duplicate } from "./duplicate.ts";
import { fingerprint, keyAtHand, keyCheck } from "./master-key.ts";
import { type Place, placeOf, placeOfService, reading } from "./place.ts";

/**
 * A copy of the service's database as of one moment, while the service goes on. Throws if there is such a file already,
 * or if the copy is not sound.
 */
export async function backup(
  file: string,
  settings: Settings,
  output: Output,
  json: boolean | undefined,
): Promise<void> {
  process.umask(0o077);
  const from = placeOfService(settings);
  const path = resolve(file);
  const to: Place = placeOf({ url: `file:${path}` });
  await reading(from, (reader) => usableSchema(reader, from.shown));
  await duplicate(from, to, output);
  const key = keyAtHand(settings);
  const made = await reading(to, async (reader) => ({
    path,
    bytes: statSync(path).size,
    ...(await usableSchema(reader, to.shown)),
    ...(await countRows(reader)),
    key: await keyCheck(reader, key),
  }));
  const { bytes, ferry_version, applied, rows, tables } = made;
  const schema = applied.at(-1);
  const master_key = { where: key.where, fingerprint: key.key ? fingerprint(key.key) : null };
  if (json) output.print(JSON.stringify({ path, bytes, ferry_version, schema, rows, tables, master_key }, null, 2));
  else {
    output.print(`${path}: ${sizeOf(bytes)}, ${rows} rows in ${tables} tables, of ferry ${ferry_version} (${schema})`);
    if (key.key && made.key.status !== "fail")
      output.print(`master key to keep with it, in another place: ${key.where} (fingerprint ${fingerprint(key.key)})`);
  }
  if (made.key.status === "ok") return;
  // The copy is as good as the database; whoever relies on it has to know.
  output.tell(`the copy was made, but ${made.key.message}`);
  if (made.key.status === "fail")
    throw new CliFailure("failed", "the copy cannot be used without the service's master key: keep that one with it");
}
