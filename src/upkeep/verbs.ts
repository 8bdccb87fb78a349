import { settingFlags, settingsOf, tellUnknownVariables } from "../cli/settings.ts";
import { jsonFlag, verb } from "../cli/verb.ts";
import { loadDriver } from "../load-driver.ts";

/* What is done with the service's data on its own machine. The settings are those of ferry serve. */

const database = settingFlags("data", "database_url", "database_namespace");

const NOTES = "The settings are those of ferry serve: flags, FERRY_* variables, the configuration file.\n";

export const backup = verb(
  {
    name: "backup",
    description: "Copy the service's database to a file, while the service goes on",
    callsNobody: true,
    notes: NOTES,
  },
  {
    ...database,
    ...jsonFlag,
    file: {
      type: "positional",
      required: true,
      valueHint: "file",
      description: "The copy; no file of that name may exist",
    },
  },
  async ({ args, output }) => {
    tellUnknownVariables(output);
    const settings = settingsOf(args);
    const { backup } = await loadDriver(() => import("./backup.ts"));
    await backup(args.file, settings, output, args.json);
  },
);

export const restore = verb(
  {
    name: "restore",
    description: "Put a copy of the database where the service has its own, which must be empty",
    callsNobody: true,
    notes: `${NOTES}\nThe copy's master key must be at hand: master.key in the data folder, or FERRY_MASTER_KEY.\n`,
  },
  {
    ...database,
    ...jsonFlag,
    check: { type: "boolean", description: "Only tell whether the copy is sound and the master key opens its secrets" },
    file: { type: "positional", required: true, valueHint: "file", description: "The copy" },
  },
  async ({ args, output }) => {
    tellUnknownVariables(output);
    const settings = settingsOf(args);
    const { checkCopy, restore } = await loadDriver(() => import("./restore.ts"));
    if (args.check) await checkCopy(args.file, settings, output, args.json);
    else await restore(args.file, settings, output, args.json);
  },
);

export const migrate = verb(
  {
    name: "migrate",
    description: "Copy the database to another place: from a file to a libSQL server, or back",
    callsNobody: true,
    notes: [
      NOTES,
      "An end that is not given is the service's own database, with FERRY_DATABASE_AUTH_TOKEN.",
      "",
      "SECRETS",
      "",
      "  FERRY_FROM_AUTH_TOKEN  Token for the libSQL server of --from",
      "  FERRY_TO_AUTH_TOKEN    Token for the libSQL server of --to",
      "",
    ].join("\n"),
  },
  {
    ...database,
    ...jsonFlag,
    from: {
      type: "string",
      valueHint: "url",
      description: "Database to read: file:PATH or http://...; no ferry may run on it",
    },
    "from-namespace": {
      type: "string",
      valueHint: "name",
      description: "Database on a server that has several; default: --database-namespace",
    },
    to: { type: "string", valueHint: "url", description: "Database to fill, an empty one: file:PATH or http://..." },
    "to-namespace": { type: "string", valueHint: "name", description: "The same for --to" },
  },
  async ({ args, output }) => {
    tellUnknownVariables(output);
    const settings = settingsOf(args);
    const { migrate } = await loadDriver(() => import("./migrate.ts"));
    const from = { url: args.from, namespace: args["from-namespace"] };
    const to = { url: args.to, namespace: args["to-namespace"] };
    await migrate({ from, to }, settings, output, args.json);
  },
);

export const doctor = verb(
  {
    name: "doctor",
    description: "Look whether the service's settings, files and database are in order; changes nothing",
    callsNobody: true,
    notes: NOTES,
  },
  {
    ...settingFlags(),
    ...jsonFlag,
    full: { type: "boolean", description: "Check every page of the database, however long that takes" },
  },
  async ({ args, output }) => {
    const { doctor } = await loadDriver(() => import("./doctor.ts"));
    await doctor(args, output);
  },
);
