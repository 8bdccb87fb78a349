import { join } from "node:path";
import { startProgram } from "../processes.ts";
import { poll, report } from "../requests.ts";
import type { Subject } from "../subject.ts";

const SOURCES = 2_000;

export const bareHono: Subject = {
  name: "bare Hono",
  about: "a Hono app of 15 routes on Bun that parses the body and answers: no signature checked, nothing stored",
  async start(folder) {
    const command = [process.execPath, join(import.meta.dir, "bare-hono-server.ts")];
    const { pid, said, stop } = await startProgram(command, { cwd: folder }, /listening on (\S+)/);
    const ids = Array.from({ length: SOURCES }, () => Bun.randomUUIDv7());
    return {
      endpoints: [said[1] ?? ""],
      pids: { server: [pid], database: [] },
      load: async (work) => ({ requests: await Promise.all(ids.map((id) => (work === "poll" ? poll : report)(id))) }),
      stop,
    };
  },
};
