import { commandNames } from "./command.ts";
import { formatTime, parseExact } from "./output.ts";
import { findSource } from "./source.ts";
import { allPages, group, moment, oneOf, printList, successful, verb, wholeNumber } from "./verb.ts";

interface ShownResult {
  id: string;
  source_id: string;
  command_id: string | null;
  command_name: string;
  result: string;
  kind: string;
  received_at: number;
  result_detail: unknown;
}

const list = verb(
  { name: "list", description: "Reports as the agents sent them, newest first" },
  {
    source: { type: "string", description: "Only those of this source: id or name" },
    command: { type: "string", description: "Only this command name" },
    result: { type: "string", description: "success or fail" },
    kind: { type: "string", description: "matched, repeat, late or unsolicited" },
    since: { type: "string", description: "Received at or after: a date or milliseconds" },
    until: { type: "string", description: "Received before: a date or milliseconds" },
    limit: { type: "string", description: "At most this many", default: "100" },
  },
  async (context) => {
    const { args, client } = context;
    const most = wholeNumber("--limit", args.limit, 1, 1_000_000) ?? 100;
    const since = moment("--since", args.since);
    const until = moment("--until", args.until);
    const query = {
      limit: String(Math.min(most, 1000)),
      ...(args.source !== undefined && { source_id: await findSource(client(), args.source) }),
      ...(args.command !== undefined && { command_name: oneOf("--command", args.command, commandNames) }),
      ...(args.result !== undefined && { result: oneOf("--result", args.result, ["success", "fail"]) }),
      ...(args.kind !== undefined && {
        kind: oneOf("--kind", args.kind, ["matched", "repeat", "late", "unsolicited"]),
      }),
      ...(since !== undefined && { since: String(since) }),
      ...(until !== undefined && { until: String(until) }),
    };
    const items = await allPages(async (cursor) => {
      const page = { ...query, ...(cursor !== undefined && { cursor }) };
      const response = await successful(client().operate.v1.results.$get({ query: page }));
      return parseExact(await response.text()) as { items: ShownResult[]; next_cursor: string | null };
    }, most);
    printList(context, items, {
      received: (item) => formatTime(Number(JSON.stringify(item.received_at))),
      source: (item) => item.source_id,
      command: (item) => item.command_name,
      result: (item) => item.result,
      kind: (item) => item.kind,
      "command id": (item) => item.command_id,
      detail: (item) => JSON.stringify(item.result_detail),
    });
  },
);

export const result = group("result", "Reports of the agents", { list });
