import { answer, api } from "./api.ts";
import type { Command } from "./life.ts";

type Order = Pick<Command, "command_name"> & Partial<Pick<Command, "command_param">>;

/** Ends it, wherever it is. */
export const cancel = (id: string) => answer(api.operate.v1.commands[":id"].cancel.$post({ param: { id } }));

/** Queues one for a source. */
export const send = (source_id: string, json: Order) =>
  answer(api.operate.v1.sources[":source_id"].commands.$post({ param: { source_id }, json }));
