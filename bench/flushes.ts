import { startFerry } from "./ferry.ts";
import { Fleet } from "./fleet.ts";
import { watchFlushes } from "./flush.ts";
import type { Bench } from "./plan.ts";
import { measureRound } from "./round.ts";

/* How many flushes of the disk a report costs where many come at once. */

export interface FlushShare {
  agents: number;
  reports: number;
  flushes: number;
}

/** Undefined where flushes cannot be counted. */
export async function measureFlushes(bench: Bench): Promise<FlushShare | undefined> {
  const folder = bench.folder();
  const watch = watchFlushes(folder, 0);
  if (watch === undefined) return undefined;
  const { rounds, warmUpMs, measureMs } = bench.plan.short;
  const fleet = await Fleet.make(folder);
  let [reports, flushes] = [0, 0];
  try {
    const ferry = await startFerry(folder, undefined, watch.env);
    try {
      const server = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
      for (let turn = 1; turn <= rounds; turn += 1) {
        bench.say(`round ${turn} of ${rounds}: counting flushes`);
        const load = await fleet.load("report");
        const before = watch.count();
        const round = await measureRound(server, load, { ...bench.options, warmUpMs, measureMs });
        flushes += watch.count() - before;
        reports += round.accepted;
        await fleet.done("report", round);
      }
    } finally {
      await ferry.stop();
    }
  } finally {
    fleet.close();
  }
  return { agents: bench.options.connections, reports, flushes };
}

export function flushesText({ agents, reports, flushes }: FlushShare): string {
  return `${agents} agents: ${(flushes / reports).toFixed(3)} flushes a report (${flushes} for ${reports})`;
}
