import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from "citty";
import type { Client } from "../client/client.ts";
import { connect, readConnection } from "./connection.ts";
import { CliFailure, failureOf, type Reply } from "./failure.ts";
import { type Output, processOutput } from "./output.ts";

export interface VerbContext<Args extends ArgsDef> {
  args: ParsedArgs<Args>;
  output: Output;
  /** Signed in; throws where nobody is. */
  client: () => Client;
}

/** For verbs that print data for a person otherwise. */
export const jsonFlag = { json: { type: "boolean", description: "Print JSON" } } as const satisfies ArgsDef;

/** What the help of a verb adds to its flags. */
const notes = new WeakMap<CommandDef, string>();

export function addNotes(command: CommandDef, text: string): void {
  notes.set(command, text);
}

export function notesOf(command: CommandDef): string | undefined {
  return notes.get(command);
}

/** A verb of the command line. Unlike citty alone it refuses flags and words it does not know. */
export function verb<const Args extends ArgsDef = Record<never, never>>(
  meta: { name: string; description: string; notes?: string },
  args: Args,
  run: (context: VerbContext<Args>) => Promise<void>,
): CommandDef {
  const { notes: text, ...rest } = meta;
  const command = defineCommand({
    meta: rest,
    args,
    run: async (context) => {
      refuseUnknown(context.args as unknown as Record<string, unknown> & { _: string[] }, args);
      await run({ args: context.args, output: processOutput(), client: () => connect(process.env) });
    },
  }) as unknown as CommandDef;
  if (text !== undefined) addNotes(command, text);
  return command;
}

export function group(name: string, description: string, subCommands: Record<string, CommandDef>): CommandDef {
  return defineCommand({ meta: { name, description }, subCommands });
}

function refuseUnknown(parsed: Record<string, unknown> & { _: string[] }, args: ArgsDef): void {
  const known = new Set(
    Object.entries(args).flatMap(([name, definition]) => [
      name,
      camel(name),
      ...[("alias" in definition && definition.alias) || []].flat(),
    ]),
  );
  const unknown = Object.keys(parsed).find((name) => name !== "_" && !known.has(name));
  if (unknown !== undefined)
    throw new CliFailure("usage", `there is no flag ${unknown.length === 1 ? "-" : "--"}${unknown}`);
  const empty = Object.entries(args).find(([name, { type }]) => type === "string" && parsed[name] === "");
  if (empty !== undefined) throw new CliFailure("usage", `--${empty[0]} takes a value`);
  const places = Object.values(args).filter((definition) => definition.type === "positional").length;
  const surplus = parsed._[places];
  if (surplus !== undefined) throw new CliFailure("usage", `${JSON.stringify(surplus)} is one word too many`);
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The body of a successful answer; anything else ends the program. */
export async function answer<Body>(pending: Promise<Reply & { json(): Promise<Body> }>): Promise<Body> {
  return (await successful(pending)).json();
}

/** A successful answer; anything else ends the program. */
export async function successful<Answer extends Reply>(pending: Promise<Answer>): Promise<Answer> {
  let response: Answer;
  try {
    response = await pending;
  } catch (error) {
    const { endpoint } = readConnection(process.env);
    throw new CliFailure(
      "unreachable",
      `no answer from ${endpoint} (FERRY_ENDPOINT): ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}
