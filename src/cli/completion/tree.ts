import type { ArgDef, CommandDef, CommandMeta } from "citty";
import { connectionFlags } from "../connection-flags.ts";
import type { VerbArgs } from "../verb.ts";

/** What may stand for a value: one of these words, a file, or anything. */
export type Values = readonly string[] | "file" | "anything";

export interface Flag {
  /** With its dashes, the long form first. */
  names: string[];
  description: string;
  /** Undefined for a flag without a value. */
  takes: Values | undefined;
}

/** One verb or group: what may be typed behind its name. */
export interface Node {
  /** The words that lead there; "" is ferry itself. */
  path: string;
  verbs: { name: string; description: string }[];
  flags: Flag[];
  /** Words that are neither verb nor flag, in their order. */
  places: Values[];
}

/** Every verb and group, each before those below it. */
export function completionNodes(root: CommandDef): Node[] {
  return nodesBelow([], root);
}

function nodesBelow(path: string[], command: CommandDef): Node[] {
  const below = Object.entries((command.subCommands ?? {}) as Record<string, CommandDef>);
  const isGroup = below.length > 0;
  const args = Object.entries(isGroup ? connectionFlags : ((command.args ?? {}) as VerbArgs));
  const node = {
    path: path.join(" "),
    verbs: below.map(([name, { meta }]) => ({ name, description: (meta as CommandMeta).description ?? "" })),
    flags: [...args.filter(([, { type }]) => type !== "positional").map(([name, arg]) => flagOf(name, arg)), help],
    places: args.filter(([, { type }]) => type === "positional").map(([, arg]) => valuesOf(arg)),
  };
  return [node, ...below.flatMap(([name, child]) => nodesBelow([...path, name], child))];
}

const help: Flag = { names: ["--help", "-h"], description: "Print help", takes: undefined };

function flagOf(name: string, arg: ArgDef & { words?: readonly string[] }): Flag {
  const aliases = "alias" in arg ? [arg.alias ?? []].flat().map((alias) => `-${alias}`) : [];
  return {
    names: [`--${name}`, ...aliases],
    description: arg.description ?? "",
    takes: arg.type === "boolean" ? undefined : valuesOf(arg),
  };
}

function valuesOf({ words, valueHint }: ArgDef & { words?: readonly string[] }): Values {
  return words ?? (valueHint === "file" ? "file" : "anything");
}
