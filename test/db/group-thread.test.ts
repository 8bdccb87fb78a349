import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client/sqlite3";
import type { BoundValue } from "../../src/db/group-job.ts";
import { GroupThread } from "../../src/db/group-thread.ts";
import { troubleOf } from "../../src/db/storage-failure.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ferry-thread-"));
  path = join(folder, "t.db");
  const client = createClient({ url: `file:${path}` });
  await client.execute("PRAGMA journal_mode=WAL");
  await client.execute("CREATE TABLE t (n NUMERIC NOT NULL)");
  client.close();
});
afterEach(() => rmSync(folder, { recursive: true }));

const store = (n: BoundValue) => [
  { sql: "INSERT INTO t (n) VALUES (?)", args: [n] },
  { sql: "SELECT count(*) AS count, max(n) AS n FROM t", args: [] },
];
const said = async (thread: GroupThread, n: BoundValue) => (await thread.commit(store(n)))[1]?.rows;
const refusal = (job: Promise<unknown>) =>
  job.then(
    () => "done",
    (error) => `${troubleOf(error)}: ${error.message}`,
  );

test("a job is answered with what it did itself, also after a thread that never came up", async () => {
  const thread = new GroupThread(path, 100, new URL("./fails-once.ts", import.meta.url));
  expect(await refusal(thread.commit(store(1)))).toBe("lost: the thread that commits groups has ended");
  // At once: the first thread's end has not been heard of in full.
  expect(await said(thread, 2)).toEqual([{ count: 1, n: 2 }]);
  for (let n = 3; n < 20; n += 1) expect(await said(thread, n)).toEqual([{ count: n - 1, n }]);
  thread.close();
});

test("a job that is refused leaves nothing behind, and the next one passes", async () => {
  const thread = new GroupThread(path, 100);
  expect(await said(thread, 1)).toEqual([{ count: 1, n: 1 }]);
  expect(await refusal(thread.commit([...store(2), ...store(null)]))).toContain("NOT NULL constraint failed");
  expect(await refusal(thread.commit([{ sql: "INSERT INTO nowhere VALUES (1)", args: [] }]))).toContain(
    "no such table",
  );
  expect(await said(thread, 3)).toEqual([{ count: 2, n: 3 }]);
  thread.close();
});

test("a value the driver would die of is refused before it gets there", async () => {
  const thread = new GroupThread(path, 100);
  expect(await said(thread, true)).toEqual([{ count: 1, n: 1 }]);
  expect(await refusal(thread.commit(store(Number.NaN)))).toContain("number cannot be bound");
  expect(await refusal(thread.commit(store(undefined as never)))).toContain("undefined cannot be bound");
  expect(await said(thread, 2)).toEqual([{ count: 2, n: 2 }]);
  thread.close();
});

test("one job at a time, and none once it is closed; the one under way is done", async () => {
  const thread = new GroupThread(path, 100);
  const first = said(thread, 1);
  expect(() => thread.commit(store(2))).toThrow("a group is under way");
  thread.close();
  expect(await first).toEqual([{ count: 1, n: 1 }]);
  expect(() => thread.commit(store(3))).toThrow("the database is closed");
});

test("where no thread is to be had, the job was not done, and a later one is", async () => {
  const thread = new GroupThread(path, 100, new URL("ferry-nowhere:/x"));
  const outcome = await refusal((async () => thread.commit(store(1)))());
  expect(outcome).toMatch(/^(unable|lost): /);
  const again = new GroupThread(path, 100);
  expect(await said(again, 1)).toEqual([{ count: 1, n: 1 }]);
  again.close();
});

test.if(process.platform === "linux")(
  "both threads have the same copy of SQLite, or its locks were worth nothing",
  async () => {
    const thread = new GroupThread(path, 100);
    await thread.commit(store(1));
    const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
    const copies = new Set(
      maps.filter((line) => line.includes(".node")).map((line) => line.split(/\s+/).slice(5).join(" ")),
    );
    expect([...copies].filter((name) => /libsql|\.bun-/.test(name))).toHaveLength(1);
    thread.close();
  },
);
