import { oneOf } from "./arguments.ts";
import { readConnection } from "./connection.ts";
import { allPages, printList } from "./list.ts";
import { formatTime } from "./output.ts";
import { answer, group, jsonFlag, verb } from "./verb.ts";

const roles = ["viewer", "agent", "operator", "admin"] as const;
const MOST = 100_000;

const createKey = verb(
  { name: "create", description: "Make an access key; its secret is shown this once" },
  {
    ...jsonFlag,
    role: { type: "string", description: roles.join(", "), required: true },
    account: { type: "string", description: "Account it is for; default: your own" },
    description: { type: "string", description: "What it is for" },
  },
  async ({ args, client, output }) => {
    const json = {
      role: oneOf("--role", args.role, roles),
      ...(args.account !== undefined && { account: args.account }),
      ...(args.description !== undefined && { description: args.description }),
    };
    const { access_key, secret_key, account_id, project_id } = await answer(client().operate.v1.keys.$post({ json }));
    if (args.json) output.print(JSON.stringify({ access_key, secret_key, account_id, project_id }));
    else {
      output.print(
        `FERRY_ENDPOINT=${readConnection(process.env).endpoint}\nFERRY_ACCESS_KEY=${access_key}\nFERRY_SECRET_KEY=${secret_key}\nFERRY_PROJECT_ID=${project_id}`,
      );
      output.tell("the secret is not shown again");
    }
  },
);

const listKeys = verb(
  { name: "list", description: "Access keys of an account" },
  { ...jsonFlag, account: { type: "string", description: "Default: your own" } },
  async (context) => {
    const { account } = context.args;
    const query = { limit: "1000", ...(account !== undefined && { account }) };
    const found = await allPages(
      (cursor) => answer(context.client().operate.v1.keys.$get({ query: { ...query, ...(cursor && { cursor }) } })),
      MOST,
    );
    printList(context, found, {
      "access key": (key) => key.access_key,
      role: (key) => key.role,
      state: (key) => (key.disabled_at === null ? "active" : "disabled"),
      created: (key) => formatTime(key.created_at),
      description: (key) => key.description,
    });
  },
);

const disableKey = verb(
  { name: "disable", description: "Make an access key worthless at once" },
  { ...jsonFlag, key: { type: "positional", required: true, description: "The access key" } },
  async ({ args, client, output }) => {
    const key = await answer(
      client().operate.v1.keys[":access_key"].disable.$post({ param: { access_key: encodeURIComponent(args.key) } }),
    );
    if (args.json) output.print(JSON.stringify(key, null, 2));
    output.tell(`${key.access_key} is disabled`);
  },
);

const createAccount = verb(
  { name: "create", description: "Make an account (a tenant)" },
  { ...jsonFlag, name: { type: "positional", required: true, description: "Its name" } },
  async ({ args, client, output }) => {
    const account = await answer(client().operate.v1.accounts.$post({ json: { name: args.name } }));
    output.print(args.json ? JSON.stringify(account, null, 2) : account.id);
    output.tell(`made account ${account.name}; next: ferry key create --account ${account.name} --role admin`);
  },
);

const listAccounts = verb(
  { name: "list", description: "Accounts of the instance" },
  { ...jsonFlag },
  async (context) => {
    const found = await allPages(
      (cursor) =>
        answer(
          context
            .client()
            .operate.v1.accounts.$get({ query: { limit: "1000", ...(cursor !== undefined && { cursor }) } }),
        ),
      MOST,
    );
    printList(context, found, {
      id: (account) => account.id,
      name: (account) => account.name,
      project: (account) => account.project_id,
      created: (account) => formatTime(account.created_at),
    });
  },
);

export const key = group("key", "Access keys", { create: createKey, list: listKeys, disable: disableKey });
export const account = group("account", "Accounts", { create: createAccount, list: listAccounts });
