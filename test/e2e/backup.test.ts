import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import type { Result } from "../../src/commands/schema.ts";
import { sqldProgram, startSqld } from "../edge/sqld.ts";
import {
  cleanEnvironment,
  endAll,
  executable,
  Ferry,
  firstKey,
  run,
  startProgram,
  temporaryFolder,
  testUnless,
  waitUntil,
} from "./executable.ts";

/* Copies of a database in use, by the built executable, and kill -9 in the middle of making and moving them. */

afterAll(endAll);

const AGENTS = 16;
/** Rows that make a copy take a while. */
const MANY_REPORTS = 2_000;
const SOME_REPORTS = 500;
const OLD_BYTES = 50_000;

/** A stopped ferry with reports of earlier days. */
async function oldFerry(reports: number): Promise<Ferry> {
  const ferry = await Ferry.start();
  await ferry.registerSource("old");
  await ferry.stop();
  const database = new Database(join(ferry.data, "ferry.db"));
  database.run(`
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${reports})
    INSERT INTO results (id, account_seq, source_seq, command_name, result, result_detail, kind, received_at)
      SELECT 'old-' || x, 1, 1, 'SYNC', 'success', '{"old":"' || hex(randomblob(${OLD_BYTES / 2})) || '"}', 'unmatched', x FROM n`);
  database.close(true);
  return ferry;
}

/** Agents that report without a pause; marks of what was acknowledged, in order. */
async function load(ferry: Ferry) {
  const sources = await Promise.all(Array.from({ length: AGENTS }, (_, index) => ferry.registerSource(`web-${index}`)));
  const acknowledged: string[] = [];
  let isOver = false;
  const agents = sources.map(async (source_id, agent) => {
    for (let report = 0; !isOver; report += 1) {
      const mark = `${agent}-${report}`;
      const { status } = await ferry.report(source_id, { mark });
      if (status !== 200) throw new Error(`a report was answered ${status}`);
      acknowledged.push(mark);
    }
  });
  const end = async () => {
    isOver = true;
    await Promise.all(agents);
  };
  return { acknowledged, end };
}

async function withCopy<Value>(path: string, work: (client: Client) => Promise<Value>): Promise<Value> {
  const client = createClient({ url: `file:${path}` });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** The marks of reports in a copy that SQLite itself finds nothing wrong with. */
function marksIn(path: string): Promise<Set<string>> {
  return withCopy(path, async (client) => {
    expect((await client.execute("PRAGMA integrity_check")).rows.map((row) => row[0])).toEqual(["ok"]);
    expect((await client.execute("PRAGMA foreign_key_check")).rows).toEqual([]);
    const { rows } = await client.execute(
      "SELECT result_detail ->> 'mark' AS mark FROM results WHERE id NOT LIKE 'old-%'",
    );
    return new Set(rows.map(({ mark }) => String(mark)));
  });
}

test("ferry backup beside agents that report all the time: nothing acknowledged before is missing, none waits for it", async () => {
  const ferry = await oldFerry(MANY_REPORTS);
  await ferry.start();
  const { acknowledged, end } = await load(ferry);
  await waitUntil(() => acknowledged.length > 200, "reports");
  const copies = [];
  for (const name of ["one.db", "two.db"]) {
    const before = [...acknowledged];
    const { code, stderr, stdout } = await ferry.cli(["backup", name]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`master key to keep with it, in another place: ${join(ferry.data, "master.key")}`);
    copies.push({ path: join(ferry.folder.home, name), before, meanwhile: acknowledged.length - before.length });
  }
  await end();
  const sent = new Set(acknowledged);
  for (const { path, before, meanwhile } of copies) {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const marks = await marksIn(path);
    expect(before.filter((mark) => !marks.has(mark))).toEqual([]);
    expect([...marks].filter((mark) => !sent.has(mark))).toEqual([]);
    expect(meanwhile).toBeGreaterThan(20);
  }
  const check = await ferry.cli(["restore", "two.db", "--check"]);
  expect([check.code, check.stdout.match(/^ok {4}/gm)?.length]).toEqual([0, 3]);

  // The copy, served: the same key signs in, the reports are there.
  const again = new URL("data-of-copy", `file://${ferry.folder.home}/`).pathname;
  mkdirSync(again, { mode: 0o700 });
  await Bun.write(join(again, "master.key"), Bun.file(join(ferry.data, "master.key")));
  Bun.spawnSync(["chmod", "600", join(again, "master.key")]);
  expect((await ferry.cli(["restore", "two.db", "--data", again])).code).toBe(0);
  await ferry.stop();
  const restored = await Ferry.start({ args: ["--data", again], folder: ferry.folder });
  const newest = await restored.ask<{ items: Result[] }>("GET", "/operate/v1/results?limit=1");
  expect(newest.items).toHaveLength(1);
  await restored.stop();
});

/** Runs ferry until a file that it works on has some size, and kills it then. */
async function killedWhen(
  args: string[],
  options: { cwd: string; env: Record<string, string> },
  isTime: () => boolean | Promise<boolean>,
) {
  const { child, ended } = startProgram([executable, ...args], options);
  await waitUntil(async () => child.exitCode !== null || (await isTime()), "the middle of the work", 20_000, 1);
  child.kill("SIGKILL");
  await ended;
  expect(child.signalCode).toBe("SIGKILL");
}

const hasGrown = (folder: string) => () =>
  existsSync(folder) &&
  readdirSync(folder).some((name) => name.includes(".partial-") && statSync(join(folder, name)).size > 2_000_000);

test("kill -9 in the middle of backup and restore leaves nothing that could be taken for a copy or be served", async () => {
  const ferry = await oldFerry(MANY_REPORTS);
  const options = { cwd: ferry.folder.home, env: cleanEnvironment(ferry.folder.path) };
  const ferryOf = (...args: string[]) => run([executable, ...args], options);
  await killedWhen(["backup", "copy.db"], options, hasGrown(ferry.folder.home));
  expect(existsSync(join(ferry.folder.home, "copy.db"))).toBe(false);
  expect(await ferryOf("backup", "copy.db")).toMatchObject({ code: 0 });
  expect(readdirSync(ferry.folder.home).sort()).toEqual(["copy.db", "ferry-data"]);

  const data = join(ferry.folder.home, "new");
  const key = { ...options.env, FERRY_MASTER_KEY: (await Bun.file(join(ferry.data, "master.key")).text()).trim() };
  await killedWhen(["restore", "copy.db", "--data", data], { ...options, env: key }, hasGrown(data));
  expect(existsSync(join(data, "ferry.db"))).toBe(false);
  const again = await run([executable, "restore", "copy.db", "--data", data], { ...options, env: key });
  expect(again).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(data).filter((name) => !name.includes("-lock"))).toEqual(["ferry.db"]);
  const { rows } = await withCopy(join(data, "ferry.db"), (client) => client.execute("SELECT count(*) FROM results"));
  expect(rows[0]?.[0]).toBe(MANY_REPORTS);
});

const program = await sqldProgram();

testUnless(program === undefined ? "sqld cannot be had" : undefined)(
  "kill -9 in the middle of ferry migrate: ferry does not serve the half of it, and the next run makes it whole",
  async () => {
    const ferry = await oldFerry(SOME_REPORTS);
    const server = await startSqld(program ?? "");
    const remote = createClient({ url: server.url });
    try {
      const options = { cwd: ferry.folder.home, env: cleanEnvironment(ferry.folder.path) };
      const hasRows = async () => {
        const { rows } = await remote.execute("SELECT count(*) AS n FROM results").catch(() => ({ rows: [] }));
        return Number(rows[0]?.n ?? 0) > 50;
      };
      await killedWhen(["migrate", "--to", server.url], options, hasRows);
      const serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database-url",
        server.url,
        "--data",
        temporaryFolder().home,
      ];
      const refused = await run([executable, ...serve], options);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toContain("the database holds a copy that was not finished: run the same ferry migrate");
      // It may still be at work, for all that can be seen.
      const early = await run([executable, "migrate", "--to", server.url], options);
      expect([early.code, early.stderr]).toEqual([5, expect.stringContaining("was at work a moment ago")]);
      await remote.execute(
        "UPDATE ferry_migrations SET applied_at = applied_at - 100000 WHERE name LIKE 'unfinished copy%'",
      );
      const whole = await run([executable, "migrate", "--to", server.url], options);
      expect([whole.code, whole.stdout]).toEqual([
        0,
        expect.stringContaining(`${server.url} has everything of ${ferry.data}`),
      ]);
      const key = (await Bun.file(join(ferry.data, "master.key")).text()).trim();
      const moved = await Ferry.start({ args: ["--database-url", server.url], env: { FERRY_MASTER_KEY: key } });
      const results = await moved.ask<{ items: Result[] }>("GET", "/operate/v1/results?limit=1", undefined, {
        key: firstKey,
      });
      expect(results.items).toHaveLength(1);
      await moved.stop();
      expect((await remote.execute("SELECT count(*) FROM results")).rows[0]?.[0]).toBe(SOME_REPORTS);
    } finally {
      remote.close();
      await server.stop();
    }
  },
);
