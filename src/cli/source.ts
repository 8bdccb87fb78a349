import type { InferRequestType } from "hono/client";
import type { Client } from "../client/client.ts";
import { dataOf, findSource, oneOf, sourcesNamed, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { printList } from "./list.ts";
import { formatTime } from "./output.ts";
import { everyPage, SOURCES_PER_PAGE } from "./pages.ts";
import { answer, group, jsonFlag, successful, verb } from "./verb.ts";

type ListServers = Client["v3"]["sources"]["$get"];
type Filter = InferRequestType<ListServers>["query"];

const list = verb(
  { name: "list", description: "Source servers, oldest first" },
  {
    ...jsonFlag,
    name: { type: "string", description: "Part of the name" },
    state: { type: "string", description: "Only this state" },
    connected: {
      type: "string",
      description: "yes: only those whose agent is there; no: only the others",
      words: ["yes", "no"],
    },
    limit: { type: "string", description: "At most this many", default: "200" },
  },
  async (context) => {
    const { name, state, connected, limit } = context.args;
    const most = wholeNumber("--limit", limit, 1, 65_535) ?? SOURCES_PER_PAGE;
    const filter: Filter = {
      ...(name !== undefined && { name }),
      ...(state !== undefined && { state: state as NonNullable<Filter["state"]> }),
      ...(connected !== undefined && { connected: String(oneOf("--connected", connected, ["yes", "no"]) === "yes") }),
    };
    const found = await everyPage(SOURCES_PER_PAGE, most, async (page) => {
      const query = { ...filter, ...page };
      const { count, source_servers } = await answer(context.client().v3.sources.$get({ query }));
      return { count, items: source_servers };
    });
    printList(context, found, {
      id: (source) => source.id,
      name: (source) => source.name,
      ip: (source) => source.ip,
      os: (source) => source.os_type,
      state: (source) => source.state,
      connected: (source) => (source.connected ? "yes" : "no"),
      "last visit": (source) => formatTime(source.last_visit_time),
    });
  },
);

const show = verb(
  { name: "show", description: "One source server, as it was registered" },
  { source: { type: "positional", required: true, description: "Id or name" } },
  async ({ args, client, output }) => {
    const source_id = await findSource(client(), args.source);
    const source = await answer(client().v3.sources[":source_id"].$get({ param: { source_id } }));
    output.print(JSON.stringify(source, null, 2));
  },
);

const register = verb(
  { name: "register", description: "Register a source server by hand" },
  {
    ...jsonFlag,
    name: { type: "positional", required: true, description: "Its name" },
    ip: { type: "string", description: "Its address" },
    os: { type: "string", description: "LINUX or WINDOWS", words: ["LINUX", "WINDOWS"], default: "LINUX" },
    again: { type: "boolean", description: "Even if there is one of that name already" },
    data: {
      type: "string",
      alias: "d",
      description: "More members of the registration: JSON, @FILE or - for standard input",
    },
  },
  async ({ args, client, output }) => {
    // A source that passes the environment check, unless --data says otherwise.
    const ready = args.os.toUpperCase() === "LINUX" ? { has_rsync: true, has_tc: true, boot_loader: "GRUB" } : {};
    const body = {
      name: args.name,
      ...(args.ip !== undefined && { ip: args.ip }),
      os_type: oneOf("--os", args.os.toUpperCase(), ["LINUX", "WINDOWS"]),
      os_version: "unknown",
      agent_version: "none",
      networks: [],
      ...ready,
      ...dataOf(args.data),
    };
    if (!args.again && !("id" in body)) await refuseTakenName(client(), args.name);
    const { id } = await answer(client().v3.sources.$post({ json: body }));
    output.print(args.json ? JSON.stringify({ id }, null, 2) : id);
    output.tell(`registered ${args.name}; next: ferry command send ${args.name} START`);
  },
);

const remove = verb(
  { name: "delete", description: "Delete a source server; its history stays" },
  { source: { type: "positional", required: true, description: "Id or name" } },
  async ({ args, client, output }) => {
    const source_id = await findSource(client(), args.source);
    await successful(client().v3.sources[":source_id"].$delete({ param: { source_id } }));
    output.tell(`deleted ${args.source}`);
  },
);

const rename = verb(
  { name: "rename", description: "Give a source server another name" },
  {
    source: { type: "positional", required: true, description: "Id or name" },
    to: { type: "positional", required: true, description: "The new name" },
  },
  async ({ args, client, output }) => {
    const source_id = await findSource(client(), args.source);
    await successful(client().v3.sources[":source_id"].$put({ param: { source_id }, json: { name: args.to } }));
    output.tell(`${args.source} is named ${args.to} now`);
  },
);

/** The wire takes any name twice; a person who pastes a line twice means one source. */
async function refuseTakenName(client: Client, name: string): Promise<void> {
  const [taken] = await sourcesNamed(client, name);
  if (taken) {
    throw new CliFailure(
      "refused",
      `there is a source named ${name} already (${taken.id}); --again registers another one`,
    );
  }
}

export const source = group("source", "Source servers", { list, show, register, rename, delete: remove });
