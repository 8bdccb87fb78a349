import { answer, api } from "./api.ts";
import type { Command } from "./life.ts";
import type { Call } from "./shell.ts";

/** Ends it, wherever it is. */
export const cancelling = (id: string) => ({
  call: { method: "POST", path: `/operate/v1/commands/${id}/cancel` } satisfies Call,
  cli: `ferry command cancel ${id}`,
  run: () => answer(api.operate.v1.commands[":id"].cancel.$post({ param: { id } })),
});

/** Queues one for a source. */
export function sending(
  source_id: string,
  json: Pick<Command, "command_name"> & Partial<Pick<Command, "command_param">>,
) {
  return {
    call: { method: "POST", path: `/operate/v1/sources/${source_id}/commands`, body: json } satisfies Call,
    run: () => answer(api.operate.v1.sources[":source_id"].commands.$post({ param: { source_id }, json })),
  };
}
