import { runChild } from "./child.ts";
import { startFerry } from "./ferry.ts";
import { Fleet } from "./fleet.ts";
import type { Bench } from "./plan.ts";
import { mostConnections } from "./processes.ts";
import { amount, markdown } from "./table.ts";
import type { WakeJob } from "./waker.ts";

/* How soon a waiting agent has a command that is queued for it, and what it weighs meanwhile. */

export interface Wake {
  /** Polls that wait all the time. */
  agents: number;
  /** How many of them were woken, one after the other. */
  wakes: number;
  /** From sending POST .../commands to the whole answer at the agent. */
  p50_ms: number;
  p99_ms: number;
  /** Memory of the server for each waiting poll with its connection, in bytes; the kernel's is not in it. */
  bytes: number;
}

export async function measureWake(bench: Bench): Promise<Wake> {
  const { agents: wanted, wakes } = bench.plan.wake;
  const agents = Math.min(wanted, mostConnections() - wakes);
  if (agents < wanted) console.error(`\n${agents} polls wait instead of ${wanted}: for more, raise ulimit -n`);
  const folder = bench.folder();
  const fleet = await Fleet.make(folder, undefined, { busy: agents + wakes });
  fleet.close();
  const ferry = await startFerry(folder);
  try {
    bench.say(`${agents} polls wait, ${wakes} are woken`);
    const job: WakeJob = { endpoint: ferry.endpoint, pid: ferry.pid, ids: fleet.busy, wakes };
    const woken = await runChild<Omit<Wake, "agents">>("waker.ts", job, bench.options.generatorCores);
    return { agents, ...woken };
  } finally {
    await ferry.stop();
  }
}

export function wakeTable({ agents, wakes, p50_ms, p99_ms, bytes }: Wake): string {
  const head = ["", "woken", "p50 ms", "p99 ms", "kB each"];
  const row = [`${agents} polls wait`, `${wakes}`, p50_ms.toFixed(2), p99_ms.toFixed(2), amount(bytes / 1000)];
  return markdown(head, [row]);
}
