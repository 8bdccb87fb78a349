import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { dataOf, findTemplate, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { printList } from "./list.ts";
import { everyPage, PAGE_OF_OTHERS } from "./pages.ts";
import { answer, group, jsonFlag, successful, verb } from "./verb.ts";

type Template = InferResponseType<Client["v3"]["vm"]["templates"]["$get"]>["templates"][number];

const named = { type: "positional", required: true, description: "Id or name" } as const;

const list = verb(
  { name: "list", description: "Templates of target machines, oldest first" },
  {
    ...jsonFlag,
    name: { type: "string", description: "Part of the name" },
    region: { type: "string", description: "Only this region" },
    zone: { type: "string", description: "Only this availability zone" },
    limit: { type: "string", description: "At most this many", default: "100" },
  },
  async (context) => {
    const { name, region, zone, limit } = context.args;
    const most = wholeNumber("--limit", limit, 1, 65_535) ?? PAGE_OF_OTHERS;
    const filter = {
      ...(name !== undefined && { name }),
      ...(region !== undefined && { region }),
      ...(zone !== undefined && { availability_zone: zone }),
    };
    const found = await everyPage(PAGE_OF_OTHERS, most, async (page) => {
      const { count, templates } = await answer(
        context.client().v3.vm.templates.$get({ query: { ...filter, ...page } }),
      );
      return { count, items: templates };
    });
    const orDash = (read: (template: Template) => string) => (template: Template) => read(template) || undefined;
    printList(context, found, {
      id: (template) => template.id,
      name: (template) => template.name,
      region: orDash((template) => template.region),
      zone: orDash((template) => template.availability_zone),
      flavor: orDash((template) => template.flavor),
      disks: (template) => template.disk.length,
    });
  },
);

const show = verb(
  { name: "show", description: "One template, without its password" },
  { template: named },
  async ({ args, client, output }) => {
    const id = await findTemplate(client(), args.template);
    const { template } = await answer(client().v3.vm.templates[":id"].$get({ param: { id } }));
    output.print(JSON.stringify(template, null, 2));
  },
);

const create = verb(
  { name: "create", description: "Make a template" },
  {
    ...jsonFlag,
    name: { type: "string", description: "Its name" },
    region: { type: "string", description: "Region of the machines" },
    zone: { type: "string", description: "Their availability zone" },
    flavor: { type: "string", description: "Their flavor" },
    data: { type: "string", alias: "d", description: "More members: JSON, @FILE or - for standard input" },
  },
  async ({ args, client, output }) => {
    const { name, region, zone, flavor } = args;
    const members = {
      ...dataOf(args.data),
      ...(name !== undefined && { name }),
      ...(region !== undefined && { region }),
      ...(zone !== undefined && { availability_zone: zone }),
      ...(flavor !== undefined && { flavor }),
    };
    if (!hasName(members)) throw new CliFailure("usage", "a template takes a name: --name, or name in --data");
    const { id } = await answer(client().v3.vm.templates.$post({ json: { template: members } }));
    output.print(args.json ? JSON.stringify({ id }, null, 2) : id);
    output.tell(`made template ${members.name}`);
  },
);

const remove = verb(
  { name: "delete", description: "Delete a template" },
  { template: named },
  async ({ args, client, output }) => {
    const id = await findTemplate(client(), args.template);
    await successful(client().v3.vm.templates[":id"].$delete({ param: { id } }));
    output.tell(`deleted ${args.template}`);
  },
);

const password = verb(
  { name: "password", description: "Print the password that a template's machines are to get" },
  { ...jsonFlag, template: named },
  async ({ args, client, output }) => {
    const id = await findTemplate(client(), args.template);
    const told = await answer(client().v3.vm.templates[":id"]["target-password"].$get({ param: { id } }));
    if (args.json) output.print(JSON.stringify(told, null, 2));
    else if (told.target_password !== "") output.print(told.target_password);
    else output.tell(`${args.template} has no password`);
  },
);

function hasName(members: object): members is { name: string } {
  return "name" in members && typeof members.name === "string";
}

export const template = group("template", "Templates of target machines", {
  list,
  show,
  create,
  delete: remove,
  password,
});
