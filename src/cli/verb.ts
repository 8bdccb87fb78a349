import { type ArgDef, type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from "citty";
import { type Client, client } from "../client/client.ts";
import { type ChosenConnection, chooseConnection, signedIn } from "./connection.ts";
import { withConnection } from "./connection-failure.ts";
import { type ConnectionFlags, connectionFlags } from "./connection-flags.ts";
import { CliFailure, failureOf, messageOf, type Reply } from "./failure.ts";
import { type Output, processOutput } from "./output.ts";

/** citty's, and the words an argument takes where they are fixed: completion offers them. */
export type VerbArgs = Record<string, ArgDef & { words?: readonly string[] }>;

export interface VerbContext<Args extends VerbArgs> {
  args: ParsedArgs<Args>;
  /** The words behind the verb as they were typed. */
  words: readonly string[];
  output: Output;
  /** Where to call; with credentials where there are any. */
  connection: () => ChosenConnection;
  /** Signed in, chosen anew: for programs that go on while keys and certificates are renewed. */
  freshConnection: () => ChosenConnection;
  /** Signed in; throws where nobody is. */
  client: () => Client;
}

/** For verbs that print data for a person otherwise. */
export const jsonFlag = { json: { type: "boolean", description: "Print JSON" } } as const satisfies VerbArgs;

/** What the help of a verb adds to its flags. */
const notes = new WeakMap<CommandDef, string>();

export function addNotes(command: CommandDef, text: string): void {
  notes.set(command, text);
}

export function notesOf(command: CommandDef): string | undefined {
  return notes.get(command);
}

/** A verb of the command line. Unlike citty alone it refuses flags and words it does not know. */
export function verb<const Args extends VerbArgs = Record<never, never>>(
  meta: { name: string; description: string; notes?: string; callsNobody?: boolean },
  own: Args,
  run: (context: VerbContext<Args>) => Promise<void>,
): CommandDef {
  const { notes: text, callsNobody, ...rest } = meta;
  const args = callsNobody ? own : { ...connectionFlags, ...own };
  const command = defineCommand({
    meta: rest,
    args: args as Args,
    run: async ({ args: parsed, rawArgs: words }) => {
      refuseUnknown(parsed as unknown as Record<string, unknown> & { _: string[] }, args, words);
      let chosen: ChosenConnection | undefined;
      const connection = () => {
        chosen ??= chooseConnection(process.env, parsed as ConnectionFlags);
        return chosen;
      };
      const freshConnection = () => signedIn(chooseConnection(process.env, parsed as ConnectionFlags), process.env);
      const signedInClient = () => client(signedIn(connection(), process.env), Date.now);
      try {
        await run({
          args: parsed,
          words,
          output: processOutput(),
          connection,
          freshConnection,
          client: signedInClient,
        });
      } catch (error) {
        throw chosen ? withConnection(error, chosen) : error;
      }
    },
  }) as unknown as CommandDef;
  if (text !== undefined) addNotes(command, text);
  return command;
}

export function group(name: string, description: string, subCommands: Record<string, CommandDef>): CommandDef {
  return defineCommand({ meta: { name, description }, subCommands });
}

function refuseUnknown(
  parsed: Record<string, unknown> & { _: string[] },
  args: ArgsDef,
  words: readonly string[],
): void {
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
  // citty would take --name for the value of a positional NAME, or drop it.
  const positionals = Object.keys(args).filter((name) => args[name]?.type === "positional");
  const misnamed = words.find((word) =>
    positionals.some((name) => word === `--${name}` || word.startsWith(`--${name}=`)),
  );
  if (misnamed !== undefined) throw new CliFailure("usage", `there is no flag ${misnamed.split("=")[0]}`);
  const surplus = parsed._[positionals.length];
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
    throw new CliFailure("unreachable", messageOf(error));
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}
