import { join } from "node:path";
import { startFerry } from "../ferry.ts";
import { Fleet } from "../fleet.ts";
import { type Durability, startSqld } from "../sqld.ts";
import type { Subject } from "../subject.ts";

const counted = (processes: number) => (processes === 1 ? "one ferry" : `${processes} ferries`);

/** ferry serve, so many times, on one libSQL server. One on a durable one is the usual case; the others tell more. */
export function ferrySqld(processes: number, durability: Durability): Subject {
  return {
    name: `${counted(processes)}, sqld ${durability}`,
    about: `ferry serve on a libSQL server of its own, durability_mode ${durability}`,
    ...((processes > 1 || durability === "relaxed") && { onlyFull: true }),
    async start(folder) {
      const sqld = await startSqld(join(folder, "sqld"), durability);
      if (!sqld) return undefined;
      const fleet = await Fleet.make(join(folder, "ferry"), sqld.url);
      const ferries = await Promise.all(
        Array.from({ length: processes }, (_, index) => startFerry(join(folder, `ferry-${index}`), sqld.url)),
      );
      return {
        endpoints: ferries.map(({ endpoint }) => endpoint),
        pids: { server: ferries.map(({ pid }) => pid), database: [sqld.pid] },
        load: (work) => fleet.load(work),
        done: (work, sent) => fleet.done(work, sent),
        ids: fleet.busy,
        stop: async () => {
          fleet.close();
          await Promise.all(ferries.map((ferry) => ferry.stop()));
          await sqld.stop();
        },
      };
    },
  };
}
