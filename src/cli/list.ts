import type { ArgsDef, ParsedArgs } from "citty";
import type { Client } from "../client/client.ts";
import { findSource, moment, oneOf, wholeNumber } from "./arguments.ts";
import { commandNames } from "./names.ts";
import { type Cell, type Output, printTable } from "./output.ts";

/** Flags of the lists over the history of commands. */
export const historyArgs = {
  source: { type: "string", description: "Only those of this source: id or name" },
  command: { type: "string", description: "Only this command name" },
  since: { type: "string", description: "At or after: a date or milliseconds" },
  until: { type: "string", description: "Before: a date or milliseconds" },
  limit: { type: "string", description: "At most this many", default: "100" },
} as const satisfies ArgsDef;

/** What those flags ask of the service, and how many items at the most. */
export async function historyQuery(client: Client, args: ParsedArgs<typeof historyArgs>) {
  const most = wholeNumber("--limit", args.limit, 1, 1_000_000) ?? 100;
  const since = moment("--since", args.since);
  const until = moment("--until", args.until);
  const query = {
    limit: String(Math.min(most, 1000)),
    ...(args.source !== undefined && { source_id: await findSource(client, args.source) }),
    ...(args.command !== undefined && { command_name: oneOf("--command", args.command, commandNames) }),
    ...(since !== undefined && { since: String(since) }),
    ...(until !== undefined && { until: String(until) }),
  };
  return { most, query };
}

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
