import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AgentEnd } from "./end.ts";
import { Journal } from "./journal.ts";
import { lock } from "./lock.ts";
import { readMachine } from "./machine.ts";
import type { Service } from "./service.ts";

export interface SourceChoice {
  /** Folder of the hooks. */
  hooks: string;
  server_id: string | undefined;
  register: boolean;
  /** As the source's registration tells it. */
  agent_version: string;
  stop: AbortSignal;
}

/** The journal in the state folder, which is this process's alone from here on. */
export function openState(state: string, { hooks, server_id, register }: SourceChoice): Journal {
  if (!statSync(hooks, { throwIfNoEntry: false })?.isDirectory()) {
    throw new AgentEnd("usage", `--hooks takes the folder of the hooks: there is none at ${hooks}`);
  }
  mkdirSync(state, { recursive: true, mode: 0o700 });
  if (!lock(state)) throw new AgentEnd("refused", `another agent uses ${state}: give this one a --state of its own`);
  // What a kill in the middle of a write has left.
  for (const name of readdirSync(state))
    if (/^journal\.json\.\d+\.new$/.test(name)) rmSync(join(state, name), { recursive: true });
  const journal = new Journal(state);
  const stored = journal.source_id;
  if (server_id !== undefined && stored !== undefined && server_id !== stored) {
    throw new AgentEnd(
      "usage",
      `${journal.path} is of source ${stored}: leave --server-id out, or give another --state`,
    );
  }
  if (!register && server_id === undefined && stored === undefined) {
    throw new AgentEnd("usage", "which source is this? --register registers this machine, --server-id names one");
  }
  return journal;
}

/** The id of the source; with --register declared to the service anew. Undefined if it is stopped first. */
export async function identify(
  { register, server_id, agent_version, stop }: SourceChoice,
  journal: Journal,
  service: Service,
): Promise<string | undefined> {
  const known = server_id ?? journal.source_id;
  if (!register) return known;
  const machine = { ...(await readMachine(agent_version)), ...(known !== undefined && { id: known }) };
  const answer = await service.register(machine, stop);
  if (!answer) return undefined;
  if ("refused" in answer) throw new AgentEnd("refused", `this machine cannot be registered: ${answer.refused}`);
  journal.keepSource(answer.id);
  return answer.id;
}
