import { resolve } from "node:path";
import type { Output } from "../cli/output.ts";
import { settingsOf } from "../cli/settings.ts";
import { type Settings, unknownVariables } from "../config.ts";
import { type Check, checked, ok, tellChecks, warn } from "./check.ts";
import { databaseChecks } from "./doctor-database.ts";
import { dataFolder, freeRoom, masterKey, tls } from "./doctor-machine.ts";
import { service } from "./doctor-service.ts";
import { open, placeOfService } from "./place.ts";

/** One line for each thing a service on this machine rests on. Changes nothing. Throws if any of them has failed. */
export async function doctor(
  args: { json?: boolean | undefined; full?: boolean | undefined; [flag: string]: unknown },
  output: Output,
): Promise<void> {
  let settings: Settings | undefined;
  const first = await checked("settings", async () => {
    const given = settingsOf(args);
    const place = placeOfService(given);
    if (place.kind === "server") open(place).close(); // throws if the URL is none; calls nobody
    settings = given;
    const unknown = unknownVariables(process.env);
    if (unknown.length > 0) return warn(`${unknown.join(", ")}: no setting, ignored; see ferry serve --help`);
    return ok(`data in ${resolve(given.data)}, database ${place.shown}`);
  });
  const checks = settings === undefined ? [first] : [first, ...(await checksOf(settings, args.full === true))];
  tellChecks(output, checks, args.json);
}

async function checksOf(settings: Settings, full: boolean): Promise<Check[]> {
  const place = placeOfService(settings);
  return [
    await checked("listen", async () => tls(settings)),
    await checked("data folder", async () => dataFolder(settings, place)),
    await checked("master key", async () => masterKey(settings)),
    await checked("room", async () => freeRoom(settings, place)),
    ...(await databaseChecks(settings, place, full)),
    ...(await service(settings, place)),
  ];
}
