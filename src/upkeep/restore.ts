import { existsSync } from "node:fs";
import { CliFailure } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";
import type { Settings } from "../config.ts";
import { type Check, checked, fail, ok, tellChecks } from "./check.ts";
import { countRows, damage, usableSchema } from "./contents.ts";
import { duplicate } from "./duplicate.ts";
import { keyAtHand, keyCheck } from "./master-key.ts";
import { makeForService, refuseUsed } from "./new-file.ts";
import { type Place, placeOf, placeOfService, reading } from "./place.ts";

/**
 * Puts a copy where the service with these settings has its database, which must be empty. Refuses a copy that the
 * service could not serve with the master key at hand: whoever finds that out at the next start has lost time.
 */
export async function restore(file: string, settings: Settings, output: Output, json?: boolean): Promise<void> {
  process.umask(0o077);
  const to = placeOfService(settings);
  if (to.kind === "file") refuseUsed(to.path);
  const checks = await sound(file, settings);
  if (!json || checks.some(({ status }) => status === "fail")) tellChecks(output, checks, json);
  const copy = () => duplicate(copyAt(file), to, output);
  await (to.kind === "file" ? makeForService(to.path, copy) : copy());
  if (json) output.print(JSON.stringify({ database: to.shown, checks }, null, 2));
  else output.print(`restored to ${to.shown}; start ferry with the same settings`);
}

/** Tells whether a copy is sound; changes nothing. Throws if it is not. */
export async function checkCopy(file: string, settings: Settings, output: Output, json?: boolean): Promise<void> {
  tellChecks(output, await sound(file, settings), json);
}

/** Whether a ferry with this key could serve what a copy holds. Changes nothing. */
async function sound(file: string, settings: Settings): Promise<Check[]> {
  const place = copyAt(file);
  if (place.kind === "file" && !existsSync(place.path))
    throw new CliFailure("notFound", `there is no file ${place.path}`);
  const whole = await checked("integrity", () =>
    reading(place, async (reader) => {
      const problems = await damage(reader);
      return problems.length > 0 ? fail(problems.join("; ")) : ok("every page and every reference is sound");
    }),
  );
  if (whole.status === "fail") return [whole];
  const schema = await checked("schema", () =>
    reading(place, async (reader) => {
      const { ferry_version, applied } = await usableSchema(reader, place.shown);
      const { tables, rows } = await countRows(reader);
      return ok(`of ferry ${ferry_version} (${applied.at(-1)}): ${rows} rows in ${tables} tables`);
    }),
  );
  if (schema.status === "fail") return [whole, schema];
  return [
    whole,
    schema,
    await checked("master key", () => reading(place, (reader) => keyCheck(reader, keyAtHand(settings)))),
  ];
}

function copyAt(file: string): Place {
  return placeOf({ url: `file:${file}` });
}
