import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { type ArgsDef, type CommandDef, defineCommand, renderUsage, runCommand } from "citty";
import { account, key } from "./cli/access.ts";
import { poll, report } from "./cli/agent-side.ts";
import { api } from "./cli/api.ts";
import { command } from "./cli/command.ts";
import { CliFailure, type ExitReason, exitCodes } from "./cli/failure.ts";
import { result } from "./cli/result.ts";
import { source } from "./cli/source.ts";
import { verb } from "./cli/verb.ts";
import { readSettings, SettingError, type SettingValues, settingInfos } from "./config.ts";
import { VERSION } from "./version.ts";

const serveArgs: ArgsDef = {
  config: { type: "string", description: "Configuration file (TOML), with settings by name" },
  ...Object.fromEntries(
    settingInfos
      .filter(({ flag }) => flag !== undefined)
      .map(({ flag, variable, description, default: value }) => [
        flag?.slice(2) ?? "",
        {
          type: "string" as const,
          description: `${description} (${variable}${value === undefined ? "" : `; default ${value}`})`,
        },
      ]),
  ),
};

const secretSettings = settingInfos
  .filter(({ flag }) => flag === undefined)
  .map(({ variable, description }) => `  ${variable.padEnd(30)}  ${description}`)
  .join("\n");

const serveVerb = verb(
  {
    name: "serve",
    description: `Run the service. Settings come from flags, from FERRY_* variables and from a file, in this order; secret ones have no flag:\n\n${secretSettings}\n`,
  },
  serveArgs,
  async ({ args, output }) => {
    const flags: SettingValues = Object.fromEntries(
      settingInfos.map(({ name, flag }) => [
        name,
        flag === undefined ? undefined : (args as SettingValues)[flag.slice(2)],
      ]),
    );
    const running = await (await loadService()).serve(
      readSettings(flags, process.env, readConfigFile((args as SettingValues).config)),
      output.print,
    );
    const stop = async (signal: string) => {
      output.tell(`${signal}: finishing what is under way`);
      await running.stop();
      process.exit(0);
    };
    process.once("SIGTERM", () => void stop("SIGTERM"));
    process.once("SIGINT", () => void stop("SIGINT"));
    await new Promise(() => {}); // until a signal
  },
);

const version = verb({ name: "version", description: "Print the version" }, {}, async ({ output }) =>
  output.print(VERSION),
);

const ferry = defineCommand({
  meta: { name: "ferry", version: VERSION, description: "A self-hosted control plane for server migration" },
  subCommands: { serve: serveVerb, source, command, poll, report, result, key, account, api, version },
});

/** Loaded when it is needed: the database driver takes a moment to unpack, and the other verbs do without it. */
async function loadService() {
  try {
    return await import("./serve.ts");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_DLOPEN_FAILED") {
      const reason = error.message.split("\n")[0];
      throw new Error(
        `the database driver cannot be loaded (${reason}); it is unpacked to TMPDIR, which must be writable and allow executing`,
      );
    }
    throw error;
  }
}

function readConfigFile(path: string | undefined): SettingValues {
  if (path === undefined) return {};
  try {
    const settings = Object.entries(Bun.TOML.parse(readFileSync(path, "utf8")) as Record<string, unknown>);
    return Object.fromEntries(settings.map(([name, value]) => [name, String(value)]));
  } catch (error) {
    throw new SettingError(
      `--config: ${path} cannot be read as TOML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** The command a line of arguments ends at, and the one above it. */
function resolve(
  args: readonly string[],
  above: CommandDef = ferry as CommandDef,
): [found: CommandDef, above: CommandDef | undefined] {
  const below = (above.subCommands as Record<string, CommandDef> | undefined)?.[
    args.find((arg) => !arg.startsWith("-")) ?? ""
  ];
  if (!below) return [above, undefined];
  const [found, between] = resolve(args.slice(args.findIndex((arg) => !arg.startsWith("-")) + 1), below);
  return [found, between ?? above];
}

async function usage(args: readonly string[]): Promise<string> {
  const text = await renderUsage(...resolve(args));
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return colour ? text : stripVTControlCharacters(text);
}

function reasonOf(error: unknown): ExitReason {
  if (error instanceof CliFailure) return error.reason;
  const isUsage = error instanceof SettingError || (error instanceof Error && error.name === "CLIError");
  return isUsage ? "usage" : "failed";
}

async function main(args: string[]): Promise<number> {
  const isHelp = args.some((arg) => arg === "--help" || arg === "-h");
  if (isHelp || args.length === 0) {
    process.stdout.write(`${await usage(args)}\n`);
    return isHelp ? exitCodes.done : exitCodes.usage;
  }
  if (args.length === 1 && (args[0] === "--version" || args[0] === "-v")) return main(["version"]);
  try {
    await runCommand(ferry, { rawArgs: args });
    return exitCodes.done;
  } catch (error) {
    const reason = reasonOf(error);
    const message = stripVTControlCharacters(error instanceof Error ? error.message : String(error));
    process.stderr.write(`ferry: ${message}\n`);
    if (error instanceof Error && error.name === "CLIError")
      process.stderr.write("see ferry --help, or --help behind a command\n");
    return exitCodes[reason];
  }
}

// Whoever reads the output may stop reading: for a service no reason to end, for the other verbs no fault.
process.stdout.on("error", (error: Error & { code?: string }) => {
  if (error.code !== "EPIPE") throw error;
  if (process.argv[2] !== "serve") process.exit(exitCodes.done);
});
process.exitCode = await main(process.argv.slice(2));
