import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { reportKinds, reportResults } from "../core/words.ts";
import { oneOf } from "./arguments.ts";
import { allPages, filterQuery, historyArgs, historyFilter, historyQuery, printList } from "./list.ts";
import { formatTime, parseExact } from "./output.ts";
import { group, jsonFlag, successful, type VerbArgs, verb } from "./verb.ts";

type Page = InferResponseType<Client["operate"]["v1"]["results"]["$get"]>;

const ofResults = {
  result: { type: "string", description: "success or fail", words: reportResults },
  kind: { type: "string", description: "matched, repeat, late or unsolicited", words: reportKinds },
} as const satisfies VerbArgs;

const list = verb(
  { name: "list", description: "Reports as the agents sent them, newest first" },
  {
    ...jsonFlag,
    ...historyArgs,
    ...ofResults,
  },
  async (context) => {
    const { args, client } = context;
    const { most, query: common } = await historyQuery(client(), args);
    const query = { ...common, ...resultQuery(args) };
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

const exportAll = verb(
  {
    name: "export",
    description: "Every report that matches, one JSON object a line, as the service sends it",
    notes: "A status other than 0 means that the lines so far are not all.\n",
  },
  { ...historyFilter, ...ofResults },
  async ({ args, client, output }) => {
    const query = { ...(await filterQuery(client(), args)), ...resultQuery(args) };
    const headers = { accept: "application/x-ndjson" };
    const response = await successful(client().operate.v1.results.$get({ query }, { headers }));
    if (response.body) await output.copy(response.body);
  },
);

function resultQuery({ result, kind }: { result?: string | undefined; kind?: string | undefined }) {
  return {
    ...(result !== undefined && { result: oneOf("--result", result, reportResults) }),
    ...(kind !== undefined && { kind: oneOf("--kind", kind, reportKinds) }),
  };
}

export const result = group("result", "Reports of the agents", { list, export: exportAll });
