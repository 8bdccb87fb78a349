import { allPages, EVERY, printList } from "./list.ts";
import { formatTime } from "./output.ts";
import { answer, group, jsonFlag, verb } from "./verb.ts";

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
      EVERY,
    );
    printList(context, found, {
      id: (account) => account.id,
      name: (account) => account.name,
      project: (account) => account.project_id,
      created: (account) => formatTime(account.created_at),
    });
  },
);

export const account = group("account", "Accounts", { create: createAccount, list: listAccounts });
