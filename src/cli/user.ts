import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { roles } from "../core/words.ts";
import { oneOf } from "./arguments.ts";
import { askNewSecret } from "./ask-secret.ts";
import { CliFailure } from "./failure.ts";
import { allPages, EVERY, printList } from "./list.ts";
import { formatTime, type Output } from "./output.ts";
import { answer, group, jsonFlag, successful, verb } from "./verb.ts";

type User = InferResponseType<Client["operate"]["v1"]["users"]["$get"]>["items"][number];

const account = { type: "string", description: "The user's account; default: your own" } as const;
const passwordFlag = { type: "boolean", description: "The password is on standard input" } as const;
const who = { ...jsonFlag, account, name: { type: "positional", required: true, description: "The user" } } as const;

const create = verb(
  { name: "create", description: "Make a user, with a password or for access keys only" },
  {
    ...who,
    role: { type: "string", description: roles.join(", "), words: roles, required: true },
    "password-stdin": { type: "boolean", description: "With the password on standard input" },
  },
  async ({ args, client, output }) => {
    const { name } = args;
    const role = oneOf("--role", args.role, roles);
    const password = args["password-stdin"] ? await askNewSecret("password", true) : undefined;
    const json = {
      name,
      role,
      ...(args.account !== undefined && { account: args.account }),
      ...(password !== undefined && { password }),
    };
    const user = await answer(client().operate.v1.users.$post({ json }));
    output.print(args.json ? JSON.stringify(user, null, 2) : user.id);
    const next =
      password === undefined
        ? `ferry key create --user ${name}${role === "agent" ? " --enrolment" : ""}, or ferry user password ${name}`
        : undefined;
    output.tell(`made user ${name}${next === undefined ? "" : `; next: ${next}`}`);
  },
);

const list = verb({ name: "list", description: "Users of an account" }, { ...jsonFlag, account }, async (context) => {
  const found = await usersOf(context.client(), context.args.account);
  printList(context, found, {
    name: (user) => user.name,
    role: (user) => user.role,
    state: (user) => (user.disabled_at === null ? "active" : "disabled"),
    password: (user) => (user.has_password ? "yes" : "no"),
    created: (user) => formatTime(user.created_at),
    id: (user) => user.id,
  });
});

const disable = verb(
  { name: "disable", description: "Make a user's password, tokens and keys worthless" },
  who,
  async (context) => change(context, { disabled: true }, "is disabled"),
);

const enable = verb({ name: "enable", description: "Let a disabled user in again" }, who, async (context) =>
  change(context, { disabled: false }, "is enabled"),
);

const role = verb(
  { name: "role", description: "Change what a user may do" },
  { ...who, role: { type: "positional", required: true, description: roles.join(", "), words: roles } },
  async (context) => {
    const role = oneOf("ROLE", context.args.role, roles);
    await change(context, { role }, `has the role ${role} now`);
  },
);

const password = verb(
  { name: "password", description: "Set a user's password" },
  { ...who, "password-stdin": passwordFlag },
  async (context) => {
    // Found first: nobody likes to type a password for a user who is not there.
    const user = await findUser(context.client(), context.args);
    const password = await askNewSecret("password", context.args["password-stdin"]);
    await change(context, { password }, "has a new password", user);
  },
);

const remove = verb({ name: "delete", description: "Delete a user" }, who, async ({ args, client, output }) => {
  const { id: user_id } = await findUser(client(), args);
  await successful(client().operate.v1.users[":user_id"].$delete({ param: { user_id } }));
  output.tell(`deleted user ${args.name}`);
});

interface UserArgs {
  name: string;
  account?: string | undefined;
}

async function change(
  context: { args: UserArgs & { json?: boolean | undefined }; client: () => Client; output: Output },
  json: { role?: (typeof roles)[number]; password?: string; disabled?: boolean },
  done: string,
  found?: User,
): Promise<void> {
  const { args, client, output } = context;
  const { id: user_id } = found ?? (await findUser(client(), args));
  const user = await answer(client().operate.v1.users[":user_id"].$patch({ param: { user_id }, json }));
  if (args.json) output.print(JSON.stringify(user, null, 2));
  output.tell(`user ${user.name} ${done}`);
}

async function findUser(client: Client, { name, account }: UserArgs): Promise<User> {
  const { items } = await usersOf(client, account, name);
  const user = items.find((candidate) => candidate.name === name);
  if (!user) throw new CliFailure("notFound", `there is no user named ${name}`);
  return user;
}

function usersOf(client: Client, account: string | undefined, name?: string) {
  const query = {
    limit: "1000",
    ...(account !== undefined && { account }),
    ...(name !== undefined && { name }),
  };
  return allPages(
    (cursor) => answer(client.operate.v1.users.$get({ query: { ...query, ...(cursor !== undefined && { cursor }) } })),
    EVERY,
  );
}

export const user = group("user", "Users", { create, list, disable, enable, role, password, delete: remove });
