import { startFerry } from "../ferry.ts";
import { Fleet } from "../fleet.ts";
import { holding, signed, tokenOf } from "../requests.ts";
import type { Subject } from "../subject.ts";

/** ferry serve on a file, whose agents show that proof. */
function onFile(proof: "signature" | "token", described: Pick<Subject, "name" | "about">): Subject {
  return {
    ...described,
    async start(folder, env) {
      const fleet = await Fleet.make(folder);
      const ferry = await startFerry(folder, undefined, env);
      const sender = proof === "token" ? holding(await tokenOf(ferry.endpoint, "agent")) : signed;
      return {
        endpoints: [ferry.endpoint],
        pids: { server: [ferry.pid], database: [] },
        load: (work) => fleet.load(work, sender),
        done: (work, sent) => fleet.done(work, sent),
        ids: fleet.busy,
        stop: async () => {
          fleet.close();
          await ferry.stop();
        },
      };
    },
  };
}

export const ferryFile = onFile("signature", {
  name: "ferry, file",
  about: "ferry serve on a file, every commit on the disk before the reply",
});

export const ferryFileToken = onFile("token", {
  name: "ferry, file, token",
  about: "the same, with X-Auth-Token in place of a signature",
});
