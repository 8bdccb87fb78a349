import { afterAll, beforeAll, expect, test } from "bun:test";
import { keepProgress, keepSubtasks, postponeHeard } from "../../src/actions/progress-group.ts";
import { insertOrders, recordOrders, supersedeByOrders } from "../../src/commands/order-group.ts";
import {
  bindKeys,
  insertSources,
  recordKnownSources,
  recordNewSources,
  updateSources,
} from "../../src/sources/registration-group.ts";
import { type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

test.each([
  ["keepSubtasks", keepSubtasks(200)],
  ["keepProgress", keepProgress(200)],
  ["postponeHeard", postponeHeard],
  ["insertSources", insertSources(200)],
  ["bindKeys", bindKeys],
  ["recordNewSources", recordNewSources],
  ["recordKnownSources", recordKnownSources(200)],
  ["updateSources", updateSources(200)],
  ["insertOrders", insertOrders],
  ["recordOrders", recordOrders],
  ["supersedeByOrders", supersedeByOrders],
] as const)("%s reads growing tables by key only, the rows of a full group once", async (_name, sql) => {
  const args = Array<string>(sql.split("?").length - 1).fill("[]");
  const steps = (await ferry.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args)).map(({ detail }) => String(detail));
  const tables = "commands|older|events|sources|tasks|subtasks|task_progress|migprojects|project|access_keys";
  expect(steps.filter((step) => new RegExp(`^SCAN (${tables})\\b`).test(step))).toEqual([]);
  const rowScans = steps.filter((step) => /VIRTUAL TABLE|CONSTANT ROWS/.test(step));
  expect(rowScans).toHaveLength(1);
});
