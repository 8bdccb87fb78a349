import { answer, group, jsonFlag, successful, verb } from "./verb.ts";

const show = verb(
  { name: "show", description: "Whether the account has accepted the privacy agreement" },
  { ...jsonFlag },
  async ({ args, client, output }) => {
    const { flag } = await answer(client().v3["privacy-agreements"].$get());
    output.print(args.json ? JSON.stringify({ flag }, null, 2) : flag ? "accepted" : "not accepted");
  },
);

const accept = verb(
  { name: "accept", description: "Accept the privacy agreement for the account" },
  {},
  async ({ client, output }) => {
    await successful(client().v3["privacy-agreements"].$post());
    output.tell("accepted for the account");
  },
);

export const privacy = group("privacy", "The privacy agreement: some agents ask for it", { show, accept });
