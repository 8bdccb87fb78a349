import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from "citty";
import type { Client } from "../client/client.ts";
import { connect } from "./connection.ts";
import { CliFailure, failureOf, type Reply } from "./failure.ts";
import { type Cell, type Output, printTable, processOutput } from "./output.ts";

export interface VerbContext<Args extends ArgsDef> {
  args: ParsedArgs<Args>;
  output: Output;
  /** Signed in; throws where nobody is. */
  client: () => Client;
}

const json = { json: { type: "boolean", description: "Print JSON" } } as const satisfies ArgsDef;
export type WithJson = typeof json;

/** A verb of the command line. Unlike citty alone it refuses flags and words it does not know. */
export function verb<const Args extends ArgsDef = Record<never, never>>(
  meta: { name: string; description: string },
  args: Args,
  run: (context: VerbContext<Args & WithJson>) => Promise<void>,
): CommandDef {
  const all = { ...args, ...json };
  return defineCommand({
    meta,
    args: all,
    run: async (context) => {
      refuseUnknown(context.args as unknown as Record<string, unknown> & { _: string[] }, all);
      await run({
        args: context.args as unknown as ParsedArgs<Args & WithJson>,
        output: processOutput(),
        client: () => connect(process.env),
      });
    },
  }) as unknown as CommandDef;
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
    throw new CliFailure(
      "unreachable",
      `no answer from the service: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

/** Every page of an operator's list, up to `most` items. */
export async function allPages<Item>(
  fetchPage: (cursor: string | undefined) => Promise<{ items: Item[]; next_cursor: string | null }>,
  most: number,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await fetchPage(cursor);
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && items.length < most);
  return items.slice(0, most);
}

/** A list as JSON or as a table. */
export function printList<Item>(
  context: { args: { json?: boolean | undefined }; output: Output },
  items: readonly Item[],
  columns: Record<string, (item: Item) => Cell>,
): void {
  if (context.args.json) context.output.print(JSON.stringify(items, null, 2));
  else
    printTable(
      context.output,
      Object.keys(columns),
      items.map((item) => Object.values(columns).map((read) => read(item))),
    );
}

/** A flag's whole number. */
export function wholeNumber(flag: string, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw new CliFailure("usage", `${flag} takes a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`);
  }
  return number;
}

/** A flag's moment: milliseconds since 1970, or a date as text. */
export function moment(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) : Date.parse(value);
  if (Number.isNaN(ms)) {
    throw new CliFailure(
      "usage",
      `${flag} takes a date (2030-01-31T12:00:00Z) or milliseconds since 1970, not ${JSON.stringify(value)}`,
    );
  }
  return ms;
}

/** One of a list of words. */
export function oneOf<const Word extends string>(what: string, value: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined)
    throw new CliFailure("usage", `${what} is one of ${words.join(", ")}, not ${JSON.stringify(value)}`);
  return word;
}
