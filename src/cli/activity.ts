import type { StreamedEvent as Event } from "../client/event-stream.ts";
import { follow } from "./activity-follow.ts";
import { newestEvents, type Query } from "./activity-list.ts";
import { findSource, moment, wholeNumber } from "./arguments.ts";
import { formatTime, visible } from "./output.ts";
import { verb } from "./verb.ts";

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
    if (args.follow) return follow(client(), filter, most, { print, output });
    const { items, hasMore } = await newestEvents(client(), filter, most);
    if (hasMore) output.tell(`the newest ${items.length}; there are more: --limit shows them`);
    for (const event of items.reverse()) print(event);
  },
);

function line({ at, type, actor, address, source_name, command_id, data }: Event): string {
  const by = actor === null ? "ferry" : `${actor}${address === null ? "" : ` (${address})`}`;
  const about = [
    ...(source_name === null ? [] : [`source ${source_name}`]),
    ...(command_id === null ? [] : [`command ${command_id}`]),
  ];
  const more = Object.keys(data).length === 0 ? [] : [JSON.stringify(data)];
  return [formatTime(at), type.padEnd(19), `by ${by}`, ...about, ...more].map((part) => visible(part)).join("  ");
}
