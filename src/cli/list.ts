import type { ParsedArgs } from "citty";
import type { Client } from "../client/client.ts";
import { commandNames } from "../core/words.ts";
import { findSource, moment, oneOf, wholeNumber } from "./arguments.ts";
import { type Cell, type Output, printTable } from "./output.ts";
import type { VerbArgs } from "./verb.ts";

/** Flags that choose from the history of commands. */
export const historyFilter = {
  source: { type: "string", description: "Only those of this source: id or name" },
  command: { type: "string", description: "Only this command name", words: commandNames },
  since: { type: "string", description: "At or after: a date or milliseconds" },
  until: { type: "string", description: "Before: a date or milliseconds" },
} as const satisfies VerbArgs;

/** Flags of the lists over it. */
export const historyArgs = {
  ...historyFilter,
  limit: { type: "string", description: "At most this many", default: "100" },
} as const satisfies VerbArgs;

/** What those flags ask of the service, and how many items at the most. */
export async function historyQuery(client: Client, args: ParsedArgs<typeof historyArgs>) {
  const most = wholeNumber("--limit", args.limit, 1, 1_000_000) ?? 100;
  return { most, query: { limit: pageLimit(most), ...(await filterQuery(client, args)) } };
}

/** Items a page, where so many are wanted. */
export function pageLimit(most: number): string {
  return String(Math.min(most, 1000));
}

export async function filterQuery(client: Client, args: ParsedArgs<typeof historyFilter>) {
  const since = moment("--since", args.since);
  const until = moment("--until", args.until);
  return {
    ...(args.source !== undefined && { source_id: await findSource(client, args.source) }),
    ...(args.command !== undefined && { command_name: oneOf("--command", args.command, commandNames) }),
    ...(since !== undefined && { since: String(since) }),
    ...(until !== undefined && { until: String(until) }),
  };
}

/** The most of a list that is not asked for in parts. */
export const EVERY = 100_000;

/** What a list holds, and whether there is more behind it. */
export interface Found<Item> {
  items: Item[];
  hasMore: boolean;
}

/** Every page of an operator's list, up to `most` items. */
export async function allPages<Item>(
  fetchPage: (cursor: string | undefined) => Promise<{ items: Item[]; next_cursor: string | null }>,
  most: number,
): Promise<Found<Item>> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await fetchPage(cursor);
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && items.length < most);
  return { items: items.slice(0, most), hasMore: cursor !== undefined || items.length > most };
}

/** A list as JSON or as a table; where it is cut, that is said. */
export function printList<Item>(
  context: { args: { json?: boolean | undefined }; output: Output },
  { items, hasMore }: Found<Item>,
  columns: Record<string, (item: Item) => Cell>,
): void {
  if (hasMore) context.output.tell(`${items.length} shown, there are more: --limit shows them`);
  if (context.args.json) context.output.print(JSON.stringify(items, null, 2));
  else
    printTable(
      context.output,
      Object.keys(columns),
      items.map((item) => Object.values(columns).map((read) => read(item))),
    );
}
