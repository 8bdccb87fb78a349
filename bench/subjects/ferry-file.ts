import { startFerry } from "../ferry.ts";
import { Fleet } from "../fleet.ts";
import type { Subject } from "../subject.ts";

export const ferryFile: Subject = {
  name: "ferry, file",
  about: "ferry serve on a file, every commit on the disk before the reply",
  async start(folder) {
    const fleet = await Fleet.make(folder);
    const ferry = await startFerry(folder);
    return {
      endpoints: [ferry.endpoint],
      pids: { server: [ferry.pid], database: [] },
      load: (work) => fleet.load(work),
      done: (work, sent) => fleet.done(work, sent),
      ids: fleet.busy,
      stop: async () => {
        fleet.close();
        await ferry.stop();
      },
    };
  },
};
