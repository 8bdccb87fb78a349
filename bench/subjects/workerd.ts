import { join } from "node:path";
import { startWorkerd, workerdProgram } from "../../test/edge/workerd.ts";
import { Fleet } from "../fleet.ts";
import { childrenRunning } from "../processes.ts";
import { SETTINGS } from "../requests.ts";
import { startSqld } from "../sqld.ts";
import type { Subject } from "../subject.ts";

const bundle = Bun.file(join(import.meta.dir, "..", "..", "dist", "edge.js"));

export const workerd: Subject = {
  name: "workerd, sqld strong",
  about: "dist/edge.js in one workerd, on a libSQL server of its own, durability_mode strong",
  onlyFull: true,
  async start(folder) {
    const program = workerdProgram();
    const sqld = program && (await startSqld(join(folder, "sqld"), "strong"));
    if (!sqld) return undefined;
    const fleet = await Fleet.make(join(folder, "ferry"), sqld.url);
    const bindings = { FERRY_DATABASE_URL: sqld.url, ...SETTINGS };
    const running = await startWorkerd(program, await bundle.text(), { ferry: bindings });
    return {
      endpoints: [new URL(running.url("ferry")).host],
      pids: { server: childrenRunning("workerd"), database: [sqld.pid] },
      load: (work) => fleet.load(work),
      done: (work, sent) => fleet.done(work, sent),
      ids: fleet.busy,
      stop: async () => {
        fleet.close();
        await running.stop();
        await sqld.stop();
      },
    };
  },
};
