import { existsSync, writeFileSync } from "node:fs";
import { workerData } from "node:worker_threads";

/* The thread that commits groups, but for its first start. */

const mark = `${workerData.path}.failed`;
if (!existsSync(mark)) {
  writeFileSync(mark, "");
  throw new Error("the first start fails");
}
await import("../../src/db/group-worker.ts");
