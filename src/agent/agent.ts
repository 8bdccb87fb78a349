import type { Connection } from "../client/client.ts";
import { Caller } from "./caller.ts";
import { AgentEnd } from "./end.ts";
import type { Journal } from "./journal.ts";
import { stderrLog } from "./log.ts";
import { Loop, type LoopOptions } from "./loop.ts";
import { endProcesses, processesOf } from "./processes.ts";
import { Service } from "./service.ts";
import { identify, openState, type SourceChoice } from "./source.ts";

export { AgentEnd } from "./end.ts";

type AgentOptions = Pick<LoopOptions, "hooks" | "killAfterMs" | "stop" | "hurry"> &
  SourceChoice & {
    /** Where to call and as whom; asked before each call, as keys and certificates are renewed. */
    connect: () => Connection;
    state: string;
  };

/** Runs the agent of one source server until it is stopped. Throws `AgentEnd`. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { connect, state } = options;
  const { endpoint } = connect();
  const log = stderrLog;
  const journal = openState(state, options);
  const service = new Service(new Caller(connect, log), log);
  await endLeftovers(journal, options);
  try {
    const source_id = await identify(options, journal, service);
    if (source_id === undefined) return;
    log(`agent of source ${source_id} at ${endpoint}`);
    const problems = options.register ? await service.problems(source_id, options.stop) : [];
    // Commands are carried out all the same; a whole migration would fail.
    if (problems.length > 0) log(`the service shows this machine as unavailable: ${problems.join("; ")}`);
    await new Loop({ ...options, source_id, journal, service, log }).run();
  } catch (error) {
    if (!(error instanceof AgentEnd) || error.reason !== "notFound") throw error;
    const stored = journal.source_id === undefined ? "" : `; remove ${journal.path} to register this machine anew`;
    throw new AgentEnd("notFound", `the service does not know this source: ${error.message}${stored}`);
  }
}

/** Ends what a crash of the agent has left running, before anything is run again. */
async function endLeftovers(journal: Journal, { killAfterMs, hurry }: AgentOptions): Promise<void> {
  const ids = journal.entries.filter(({ report }) => !report).map(({ command_id }) => command_id);
  const find = () => processesOf(ids);
  const left = find().length;
  if (left === 0) return;
  stderrLog(`an earlier run has left processes behind (${left}): ending them`);
  const alive = await endProcesses(find, killAfterMs, hurry);
  if (alive.length > 0) stderrLog(`cannot be ended: ${alive.join(", ")}; going on beside them`);
}
