import { answer, group, verb } from "./verb.ts";

const show = verb(
  { name: "show", description: "What agents are told of the cloud that targets are in" },
  {},
  async ({ client, output }) => output.print(JSON.stringify(await answer(client().v3.config.$get()), null, 2)),
);

export const config = group("config", "What agents are told", { show });
