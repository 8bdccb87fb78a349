import { stripVTControlCharacters } from "node:util";
import { type ArgDef, type ArgsDef, type CommandDef, type CommandMeta, renderUsage, runCommand } from "citty";
import { connectionFlags, isConnectionFlag } from "./connection-flags.ts";
import { CliFailure, type ExitReason, exitCodes, messageOf } from "./failure.ts";
import { visibleLines } from "./output.ts";
import { notesOf } from "./verb.ts";

/** Runs what the arguments ask for; the exit code. `isUsage` tells which other errors are the caller's. */
export async function runCli(root: CommandDef, args: string[], isUsage: (error: unknown) => boolean): Promise<number> {
  const asksForHelp = args[0] === "help" || args.some((arg) => arg === "--help" || arg === "-h");
  const words = args[0] === "help" ? args.slice(1) : args;
  try {
    const { path, command, rest } = find(root, words);
    if (asksForHelp || args.length === 0) {
      process.stdout.write(`${await usage(path, command)}\n`);
      return asksForHelp ? exitCodes.done : exitCodes.usage;
    }
    if (command.subCommands)
      throw new CliFailure("usage", `${path.join(" ")} takes one of ${namesOf(command).join(", ")}`);
    await runCommand(command, { rawArgs: rest });
    return exitCodes.done;
  } catch (error) {
    const message = messageOf(error);
    process.stderr.write(`ferry: ${visibleLines(stripVTControlCharacters(message))}\n`);
    const reason = reasonOf(error, isUsage);
    if (error instanceof Error && error.name === "CLIError") process.stderr.write("see --help behind the command\n");
    return exitCodes[reason];
  }
}

/** The command that the leading words name, and what is left for it. */
function find(root: CommandDef, args: string[]): { path: string[]; command: CommandDef; rest: string[] } {
  const path = [nameOf(root)];
  let command = root;
  let rest = args;
  const ahead: string[] = []; // flags of the connection may stand before the verb
  for (;;) {
    const [word] = rest;
    const flag = command.subCommands && word !== undefined ? isConnectionFlag(word) : undefined;
    if (flag) {
      const length = flag.takesNext ? 2 : 1;
      ahead.push(...rest.slice(0, length));
      rest = rest.slice(length);
      continue;
    }
    if (!command.subCommands || word === undefined || word === "-h" || word === "--help")
      return { path, command, rest: [...ahead, ...rest] };
    const commands = command.subCommands as Record<string, CommandDef>;
    const below = Object.hasOwn(commands, word) ? commands[word] : undefined;
    if (!below) {
      throw new CliFailure(
        "usage",
        `there is no ${path.join(" ")} ${word}: it takes one of ${namesOf(command).join(", ")}`,
      );
    }
    path.push(word);
    command = below;
    rest = rest.slice(1);
  }
}

async function usage(path: string[], command: CommandDef): Promise<string> {
  // Its whole path as its name: citty shows the last two words only.
  const meta = { ...(command.meta as CommandMeta), name: path.join(" ") };
  const all = Object.entries((command.args ?? {}) as ArgsDef);
  const [shared, own] = [true, false].map((is) =>
    all.filter(([name, definition]) => isShared(name, definition) === is),
  );
  const usageText = await renderUsage({ ...command, meta, args: Object.fromEntries(own ?? []) });
  const names = (shared ?? []).map(([name]) => `--${name}`).join(", ");
  const text = [usageText, names && `${names}: see ferry --help\n`, notesOf(command)].filter(Boolean).join("\n");
  const lines = text.split("\n").map((line) => line.trimEnd());
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return colour ? lines.join("\n") : stripVTControlCharacters(lines.join("\n"));
}

function isShared(name: string, definition: ArgDef): boolean {
  return (connectionFlags as ArgsDef)[name] === definition;
}

function nameOf(command: CommandDef): string {
  return (command.meta as CommandMeta).name ?? "";
}

function namesOf(command: CommandDef): string[] {
  return Object.keys(command.subCommands ?? {});
}

function reasonOf(error: unknown, isUsage: (error: unknown) => boolean): ExitReason {
  if (error instanceof CliFailure) return error.reason;
  return isUsage(error) || (error instanceof Error && error.name === "CLIError") ? "usage" : "failed";
}
