import { ACCOUNT_ID, PlainFleet } from "../plain-fleet.ts";
import { startProgram } from "../processes.ts";
import { KEY } from "../requests.ts";
import type { Subject } from "../subject.ts";

/** For a server that is not written in TypeScript. */
const SETTINGS = { ACCESS_KEY: KEY.access_key, SECRET_KEY: KEY.secret_key, ACCOUNT_ID };

/** A server program on the plain tables, that says where it listens. */
export function plain(
  described: Pick<Subject, "name" | "about" | "onlyFull">,
  /** How to start it; the file comes last. Undefined, said aloud, where it cannot be. */
  command: () => Promise<string[] | undefined>,
): Subject {
  return {
    ...described,
    async start(folder, env) {
      const words = await command();
      if (!words) return undefined;
      const fleet = new PlainFleet(folder);
      const { pid, said, stop } = await startProgram(
        [...words, fleet.file],
        { cwd: folder, env: { ...SETTINGS, ...env } },
        /listening on (\S+)/,
      );
      return {
        endpoints: [said[1] ?? ""],
        pids: { server: [pid], database: [] },
        load: (work) => fleet.load(work),
        done: (work, sent) => fleet.done(work, sent),
        ids: fleet.ids,
        stop: async () => {
          fleet.close();
          await stop();
        },
      };
    },
  };
}
