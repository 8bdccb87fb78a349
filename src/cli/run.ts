import { stripVTControlCharacters } from "node:util";
import { type CommandDef, type CommandMeta, renderUsage, runCommand } from "citty";
import { CliFailure, type ExitReason, exitCodes } from "./failure.ts";
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
    const message = error instanceof Error ? error.message : String(error);
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
  for (;;) {
    const [word] = rest;
    if (!command.subCommands || word === undefined || word === "-h" || word === "--help")
      return { path, command, rest };
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
  const named = { ...command, meta: { ...(command.meta as CommandMeta), name: path.join(" ") } };
  const text = [await renderUsage(named), notesOf(command)].filter(Boolean).join("\n");
  const lines = text.split("\n").map((line) => line.trimEnd());
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return colour ? lines.join("\n") : stripVTControlCharacters(lines.join("\n"));
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
