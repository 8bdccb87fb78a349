import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Client, InValue } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql/web";
import { deliverCommands, recordDeliveries } from "../../src/commands/delivery-group.ts";
import { countDeliveries } from "../../src/commands/redelivery-group.ts";
import { endReportedCommands, readOutcomes, recordReports, storeReports } from "../../src/commands/report-group.ts";
import { selectSourcesWithOpen, selectWaiting } from "../../src/commands/store.ts";
import type { Executor } from "../../src/db/executor.ts";
import { type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const report = { source_seq: 1, command_name: "START", result: "success", result_detail: "{}", received_at: 1 };
const delivery = { seq: 1, at: 1 };

test.each([
  ["storeReports", storeReports, [JSON.stringify([report])]],
  ["endReportedCommands", endReportedCommands, [1, "[{}]"]],
  ["recordReports", recordReports, [1, "[{}]"]],
  ["readOutcomes", readOutcomes, [1]],
  ["recordDeliveries", recordDeliveries, [JSON.stringify([delivery])]],
  ["deliverCommands", deliverCommands, [JSON.stringify([delivery])]],
  ["countDeliveries", countDeliveries, [JSON.stringify([delivery])]],
] as const)("%s reads growing tables by key only, and json_each once", async (_name, sql, args) => {
  const steps = (await ferry.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args)).map(({ detail }) => String(detail));
  // max(seq) is the end of the table's own tree: one look, though the plan calls it a search of the table.
  const scans = steps.filter((step) => /^SCAN (commands|results|events|command)\b/.test(step));
  expect(scans).toEqual([]);
  expect(
    steps.filter((step) => step.includes("json_each") || step.includes("VIRTUAL TABLE")).length,
  ).toBeLessThanOrEqual(1);
});

test.each([
  ["selectWaiting", (db: Executor) => selectWaiting(db, "an id")],
  ["selectSourcesWithOpen", (db: Executor) => selectSourcesWithOpen(db, [1, 2])],
] as const)("%s, what polls over a shared database ask, is one statement over indexes", async (_name, ask) => {
  const asked: { sql: string; args: InValue[] }[] = [];
  const execute = async (statement: { sql: string; args: InValue[] }) => {
    asked.push(statement);
    return { rows: [] };
  };
  await ask(drizzle({ client: { execute } as unknown as Client }));
  expect(asked).toHaveLength(1);
  const plan = await ferry.rows(`EXPLAIN QUERY PLAN ${asked[0]?.sql}`, ...(asked[0]?.args ?? []));
  const steps = plan.map(({ detail }) => String(detail));
  expect(steps.filter((step) => /^SCAN (?!json_each)/.test(step))).toEqual([]);
  expect(steps.join()).toContain("commands_open");
});
