import { readFileSync } from "node:fs";
import {
  readSettings,
  SettingError,
  type SettingName,
  type Settings,
  type SettingValues,
  settingInfos,
  unknownVariables,
} from "../config.ts";
import type { Output } from "./output.ts";
import type { VerbArgs } from "./verb.ts";

/* The service's settings as verbs on its machine take them. */

/** Flags of the settings named; of all that have one if none is. */
export function settingFlags(...names: SettingName[]): VerbArgs {
  return {
    config: {
      type: "string",
      valueHint: "file",
      description: "Configuration file (TOML), with settings by name",
    },
    ...Object.fromEntries(
      settingInfos
        .filter(({ name, flag }) => flag !== undefined && (names.length === 0 || names.includes(name)))
        .map(({ flag, variable, description, default: value, isSwitch }) => [
          flag?.slice(2) ?? "",
          {
            ...(isSwitch ? { type: "boolean" as const } : { type: "string" as const, valueHint: "value" }),
            description: `${description} (${variable}${value === undefined ? "" : `; default ${value}`})`,
          },
        ]),
    ),
  };
}

/** From flags, environment and file. Throws a SettingError. */
export function settingsOf(args: object): Settings {
  const given = args as Record<string, string | boolean | undefined>;
  const flags: SettingValues = Object.fromEntries(
    settingInfos.map(({ name, flag }) => [name, flag === undefined ? undefined : given[flag.slice(2)]?.toString()]),
  );
  return readSettings(flags, process.env, readConfigFile(given.config?.toString()));
}

/** Tells what looks like a setting and is none. */
export function tellUnknownVariables(output: Output): void {
  for (const variable of unknownVariables(process.env)) output.tell(`${variable} is no setting and is ignored`);
}

function readConfigFile(path: string | undefined): SettingValues {
  if (path === undefined) return {};
  try {
    const settings = Object.entries(Bun.TOML.parse(readFileSync(path, "utf8")) as Record<string, unknown>);
    return Object.fromEntries(
      settings.map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
    );
  } catch (error) {
    throw new SettingError(
      `--config: ${path} cannot be read as TOML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
