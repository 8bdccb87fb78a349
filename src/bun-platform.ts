import { randomBytes } from "node:crypto";
import { jsonLog } from "./core/log.ts";
import type { Platform } from "./core/platform.ts";

/** The process on a machine of its own. */
export const bunPlatform: Platform = {
  now: Date.now,
  newId: () => Bun.randomUUIDv7(),
  randomBytes,
  nextTurn: setImmediate,
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  log: jsonLog(Date.now, (line) => process.stderr.write(`${line}\n`)),
};
