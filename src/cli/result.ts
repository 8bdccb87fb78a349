import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { oneOf } from "./arguments.ts";
import { allPages, historyArgs, historyQuery, printList } from "./list.ts";
import { formatTime, parseExact } from "./output.ts";
import { group, jsonFlag, successful, verb } from "./verb.ts";

type Page = InferResponseType<Client["operate"]["v1"]["results"]["$get"]>;

const list = verb(
  { name: "list", description: "Reports as the agents sent them, newest first" },
  {
    ...jsonFlag,
    ...historyArgs,
    result: { type: "string", description: "success or fail" },
    kind: { type: "string", description: "matched, repeat, late or unsolicited" },
  },
  async (context) => {
    const { args, client } = context;
    const { most, query: common } = await historyQuery(client(), args);
    const query = {
      ...common,
      ...(args.result !== undefined && { result: oneOf("--result", args.result, ["success", "fail"]) }),
      ...(args.kind !== undefined && {
        kind: oneOf("--kind", args.kind, ["matched", "repeat", "late", "unsolicited"]),
      }),
    };
    const found = await allPages(async (cursor) => {
      const page = { ...query, ...(cursor !== undefined && { cursor }) };
      const response = await successful(client().operate.v1.results.$get({ query: page }));
      return parseExact(await response.text()) as Page;
    }, most);
    printList(context, found, {
      received: (item) => formatTime(Number(JSON.stringify(item.received_at))),
      // A person reads names, a script needs what is unique.
      source: (item) => (context.output.isTerminal ? item.source_name : item.source_id),
      command: (item) => item.command_name,
      result: (item) => item.result,
      kind: (item) => item.kind,
      "command id": (item) => item.command_id,
      detail: (item) => JSON.stringify(item.result_detail),
    });
  },
);

export const result = group("result", "Reports of the agents", { list });
