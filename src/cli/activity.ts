import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { findSource, moment, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { allPages, pageLimit } from "./list.ts";
import { formatTime, type Output, visible } from "./output.ts";
import { answer, verb } from "./verb.ts";

type Event = InferResponseType<Client["operate"]["v1"]["events"]["$get"]>["items"][number];
type Query = NonNullable<Parameters<Client["operate"]["v1"]["events"]["$get"]>[0]>["query"];

const LOOK_EVERY_MS = 1_000;
const LOOK_AGAIN_MS = 2_000;

export const activity = verb(
  { name: "activity", description: "What was changed, by whom and when: the newest at the end" },
  {
    json: { type: "boolean", description: "Print JSON, one event a line" },
    follow: { type: "boolean", alias: "f", description: "Go on with every new event" },
    source: { type: "string", description: "Only those of this source: id or name" },
    type: { type: "string", description: "Only this type, for example command.queued" },
    since: { type: "string", description: "At or after: a date or milliseconds" },
    limit: {
      type: "string",
      description: "At most so many earlier ones; 0 with --follow: only new ones",
      default: "100",
    },
  },
  async ({ args, client, output }) => {
    const most = wholeNumber("--limit", args.limit, args.follow ? 0 : 1, 1_000_000) ?? 100;
    const since = moment("--since", args.since);
    const filter: Query = {
      ...(args.source !== undefined && { source_id: await findSource(client(), args.source) }),
      ...(args.type !== undefined && { type: args.type as Event["type"] }),
      ...(since !== undefined && { since: String(since) }),
    };
    const print = (event: Event) => output.print(args.json ? JSON.stringify(event) : line(event));
    const { items, hasMore } = await newest(client(), filter, Math.max(most, 1));
    if (hasMore && !args.follow) output.tell(`the newest ${items.length}; there are more: --limit shows them`);
    for (const event of items.slice(0, most).reverse()) print(event);
    if (args.follow) await follow(client(), filter, highestId(items), print, output);
  },
);

function newest(client: Client, filter: Query, most: number) {
  return allPages((cursor) => {
    const page = { ...filter, limit: pageLimit(most), ...(cursor !== undefined && { cursor }) };
    return answer(client.operate.v1.events.$get({ query: page }));
  }, most);
}

/** The highest of the ids: not the newest event's where a clock was set back. */
function highestId(items: readonly Event[]): number | undefined {
  return items.length === 0 ? undefined : items.reduce((highest, { id }) => Math.max(highest, id), 0);
}

/** Every event with a higher id than `last`, for ever; while the service is away it is asked again. */
async function follow(
  client: Client,
  filter: Query,
  last: number | undefined,
  print: (event: Event) => void,
  output: Output,
): Promise<never> {
  let reached = last;
  let cursor = last === undefined ? undefined : String(last);
  let isAway = false;
  for (;;) {
    // An id never comes back, and a list from it holds exactly what was written after it.
    const query = {
      ...filter,
      order: "oldest" as const,
      limit: "1000",
      ...(cursor !== undefined && { cursor }),
    };
    const page = await answer(client.operate.v1.events.$get({ query })).catch((error: unknown) => {
      if (!isPassing(error)) throw error;
      if (!isAway) output.tell(`${error.message}; trying again`);
      return undefined;
    });
    if (page && isAway) output.tell("the service is back");
    isAway = page === undefined;
    for (const event of page?.items ?? []) print(event);
    if (page) {
      // A page may look further than to the last event it holds.
      const looked = page.next_cursor?.includes("-") === false ? Number(page.next_cursor) : 0;
      reached = Math.max(reached ?? 0, looked, highestId(page.items) ?? 0) || undefined;
      cursor = page.next_cursor ?? (reached === undefined ? undefined : String(reached));
      if (page.next_cursor !== null) continue;
    }
    await new Promise((resolve) => setTimeout(resolve, isAway ? LOOK_AGAIN_MS : LOOK_EVERY_MS));
  }
}

/** A restart, or a moment's trouble: neither a refusal nor a mistake. */
function isPassing(error: unknown): error is CliFailure {
  return error instanceof CliFailure && (error.reason === "unreachable" || error.reason === "failed");
}

function line({ at, type, actor, address, source_id, command_id, data }: Event): string {
  const by = actor === null ? "ferry" : `${actor}${address === null ? "" : ` (${address})`}`;
  const about = [
    ...(source_id === null ? [] : [`source ${source_id}`]),
    ...(command_id === null ? [] : [`command ${command_id}`]),
  ];
  const more = Object.keys(data).length === 0 ? [] : [JSON.stringify(data)];
  return [formatTime(at), type.padEnd(19), `by ${by}`, ...about, ...more].map((part) => visible(part)).join("  ");
}
