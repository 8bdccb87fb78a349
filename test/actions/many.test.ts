import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Client } from "@libsql/client";
import { type Ferry, makeTask, poll, queue, register, startFerry } from "../harness.ts";

/* What takes many at once takes as many statements as for two. */

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

/** How many statements the call takes, in transactions and beside them. */
async function statementsOf(call: () => Promise<{ status: number }>): Promise<number> {
  const clients: Client[] = [...new Set([ferry.database.client, ferry.database.reading])];
  let count = 0;
  const undo = clients.map((client) => {
    const { execute, transaction } = client;
    const outside = execute.bind(client) as (...args: unknown[]) => ReturnType<typeof execute>;
    client.execute = ((...args: unknown[]) => {
      count += 1;
      return outside(...args);
    }) as typeof execute;
    const begin = transaction.bind(client) as (mode: "write") => ReturnType<typeof transaction>;
    client.transaction = async () => {
      const opened = await begin("write");
      const inside = opened.execute.bind(opened);
      opened.execute = (statement) => {
        count += 1;
        return inside(statement);
      };
      return opened;
    };
    return () => Object.assign(client, { execute, transaction });
  });
  try {
    expect((await call()).status).toBe(200);
  } finally {
    for (const one of undo) one();
  }
  return count;
}

const MANY = 50;

/** Sources with a task that has run, an open command of it and one that is not. */
async function make(count: number): Promise<{ source_id: string; task_id: string }[]> {
  const made = [];
  for (let index = 0; index < count; index += 1) {
    const source_id = await register(ferry, `s${index}`);
    const task_id = await makeTask(ferry, source_id);
    await ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, { body: { operation: "start" } });
    await queue(ferry, source_id, "UPLOAD_LOG");
    made.push({ source_id, task_id });
  }
  return made;
}

test("deleting tasks, and deleting sources with theirs", async () => {
  const made = await make(MANY + 2);
  const remove = (path: string, ids: string[]) => () => ferry.call("operator", "POST", path, { body: { ids } });
  for (const [path, name] of [
    ["/v3/tasks/delete", "task_id"],
    ["/v3/sources/delete", "source_id"],
  ] as const) {
    const ids = made.map((one) => one[name]);
    const forTwo = await statementsOf(remove(path, ids.slice(0, 2)));
    expect(await statementsOf(remove(path, ids.slice(2)))).toBe(forTwo);
  }
  expect(await ferry.rows("SELECT seq FROM tasks")).toEqual([]);
  expect(await ferry.rows("SELECT seq FROM commands WHERE ended_at IS NULL")).toEqual([]);
  expect(await ferry.rows("SELECT seq FROM events WHERE type = 'source.deleted'")).toHaveLength(MANY + 2);
});

test("deleting templates", async () => {
  const ids: string[] = [];
  for (let index = 0; index < MANY + 2; index += 1) {
    ids.push((await ferry.call("operator", "POST", "/v3/vm/templates", { body: { template: { name: "t" } } })).json.id);
  }
  const remove = (some: string[]) => () =>
    ferry.call("operator", "POST", "/v3/vm/templates/delete", { body: { ids: some } });
  const forTwo = await statementsOf(remove(ids.slice(0, 2)));
  expect(await statementsOf(remove(ids.slice(2)))).toBe(forTwo);
  expect(await ferry.rows("SELECT seq FROM templates")).toEqual([]);
});

test.each(["/v3/sources", "/v3/tasks", "/v3/migprojects", "/v3/vm/templates", "/v3/errors"])(
  "a page of %s",
  async (path) => {
    for (const { source_id } of await make(12)) await poll(ferry, source_id);
    for (let index = 0; index < 12; index += 1) {
      await ferry.call("operator", "POST", "/v3/vm/templates", { body: { template: { name: "t" } } });
      const body = { name: `p${index}`, region: "region-1", type: "MIGRATE_FILE" };
      await ferry.call("operator", "POST", "/v3/migprojects", { body });
    }
    await ferry.database.client.execute(`UPDATE tasks SET error_json = '{"error_code":"SMS.8010","error_msg":"no"}'`);
    const page = (limit: number) => () => ferry.call("viewer", "GET", `${path}?limit=${limit}&offset=0`);
    // The first call of all looks up who calls.
    const [few, all] = [(await page(2)()).text, (await page(12)()).text];
    expect(all.length).toBeGreaterThan(3 * few.length);
    const forTwo = await statementsOf(page(2));
    expect(await statementsOf(page(12))).toBe(forTwo);
  },
);
