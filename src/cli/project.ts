import type { Client } from "../client/client.ts";
import { migrationTypes } from "../core/words.ts";
import { dataOf, findMigproject, oneOf, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { printList } from "./list.ts";
import { everyPage, PAGE_OF_OTHERS } from "./pages.ts";
import { answer, group, jsonFlag, successful, type VerbArgs, verb } from "./verb.ts";

const named = { type: "positional", required: true, description: "Id or name" } as const;

/** What both making and changing take. */
const members = {
  type: { type: "string", description: migrationTypes.join(" or "), words: migrationTypes },
  region: { type: "string", description: "Region of the targets" },
  description: { type: "string", description: "What it is for" },
  "speed-limit": { type: "string", description: "Mbit/s for each migration; 0: none" },
  data: { type: "string", alias: "d", description: "More members: JSON, @FILE or - for standard input" },
} as const satisfies VerbArgs;

function membersOf(args: {
  type?: string | undefined;
  region?: string | undefined;
  description?: string | undefined;
  "speed-limit"?: string | undefined;
  data?: string | undefined;
}) {
  const { type, region, description } = args;
  const speed_limit = wholeNumber("--speed-limit", args["speed-limit"], 0, 1000);
  return {
    ...dataOf(args.data),
    ...(type !== undefined && { type: oneOf("--type", type.toUpperCase(), migrationTypes) }),
    ...(region !== undefined && { region }),
    ...(description !== undefined && { description }),
    ...(speed_limit !== undefined && { speed_limit }),
  };
}

const list = verb(
  { name: "list", description: "Migration projects, oldest first" },
  { ...jsonFlag, limit: { type: "string", description: "At most this many", default: "100" } },
  async (context) => {
    const most = wholeNumber("--limit", context.args.limit, 1, 65_535) ?? PAGE_OF_OTHERS;
    const found = await everyPage(PAGE_OF_OTHERS, most, async (page) => {
      const { count, migprojects } = await answer(context.client().v3.migprojects.$get({ query: page }));
      return { count, items: migprojects };
    });
    printList(context, found, {
      id: (project) => project.id,
      name: (project) => project.name,
      default: (project) => (project.isdefault ? "yes" : "no"),
      sources: (project) => (project.exist_server ? "yes" : "no"),
      type: (project) => project.type,
      region: (project) => project.region,
      "speed limit": (project) => project.speed_limit || undefined,
      description: (project) => project.description || undefined,
    });
  },
);

const show = verb(
  { name: "show", description: "One migration project" },
  { project: named },
  async ({ args, client, output }) => {
    const mig_project_id = await findMigproject(client(), args.project);
    const project = await answer(client().v3.migprojects[":mig_project_id"].$get({ param: { mig_project_id } }));
    output.print(JSON.stringify({ id: mig_project_id, ...project }, null, 2));
  },
);

const create = verb(
  { name: "create", description: "Make a migration project" },
  {
    ...jsonFlag,
    name: { type: "positional", required: true, description: "Its name" },
    ...members,
    default: { type: "boolean", description: "New sources join it from now on" },
  },
  async ({ args, client, output }) => {
    const given = membersOf(args);
    const json = {
      type: migrationTypes[0],
      region: "region" in given ? "" : await mainRegion(client()),
      ...given,
      ...(args.default && { isdefault: true }),
      name: args.name,
    };
    const { id } = await answer(client().v3.migprojects.$post({ json }));
    output.print(args.json ? JSON.stringify({ id }, null, 2) : id);
    output.tell(`made migration project ${args.name}`);
  },
);

const update = verb(
  { name: "update", description: "Change a migration project: what is named here" },
  { project: named, name: { type: "string", description: "Another name" }, ...members },
  async ({ args, client, output }) => {
    const json = { ...membersOf(args), ...(args.name !== undefined && { name: args.name }) };
    if (Object.keys(json).length === 0)
      throw new CliFailure("usage", "say what to change, for example --speed-limit 100");
    const mig_project_id = await findMigproject(client(), args.project);
    await successful(client().v3.migprojects[":mig_project_id"].$put({ param: { mig_project_id }, json }));
    output.tell(`changed ${args.project}`);
  },
);

const makeDefault = verb(
  { name: "default", description: "Make a migration project the one new sources join" },
  { project: named },
  async ({ args, client, output }) => {
    const mig_project_id = await findMigproject(client(), args.project);
    await successful(client().v3.migprojects[":mig_project_id"].default.$put({ param: { mig_project_id } }));
    output.tell(`new sources join ${args.project} now`);
  },
);

const remove = verb(
  { name: "delete", description: "Delete a migration project that is not the default one and holds no sources" },
  { project: named },
  async ({ args, client, output }) => {
    const mig_project_id = await findMigproject(client(), args.project);
    await successful(client().v3.migprojects[":mig_project_id"].$delete({ param: { mig_project_id } }));
    output.tell(`deleted ${args.project}`);
  },
);

/** The region the service stands for. */
async function mainRegion(client: Client): Promise<string> {
  return (await answer(client.v3.config.$get())).config.mainRegion;
}

export const project = group("project", "Migration projects: what groups source servers", {
  list,
  show,
  create,
  update,
  default: makeDefault,
  delete: remove,
});
