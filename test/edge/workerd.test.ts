import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BOOTSTRAP, Caller, commandLoop, send } from "./command-loop.ts";
import { type Sqld, sqldProgram, startSqld } from "./sqld.ts";
import { startWorkerd, type Workerd, workerdProgram } from "./workerd.ts";

/* src/edge.ts as it is deployed: one module, in workerd, over a libSQL server. */

const root = join(import.meta.dir, "..", "..");
const MASTER_KEY = "07".repeat(32);
const sqldPath = await sqldProgram();
const workerdPath = workerdProgram();

/** The module that `npm run build:edge` makes, made by the same command. */
async function buildEdge(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "ferry-edge-"));
  try {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const args = (scripts["build:edge"] as string)
      .split(" ")
      .filter((arg) => arg.startsWith("--") && !arg.startsWith("--outfile="));
    const outfile = join(folder, "edge.js");
    const build = Bun.spawn([process.execPath, "build", "src/edge.ts", ...args, `--outfile=${outfile}`], {
      cwd: root,
      stdout: "ignore",
      stderr: "pipe",
    });
    const complaint = await new Response(build.stderr).text();
    if ((await build.exited) !== 0) throw new Error(complaint);
    return readFileSync(outfile, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const built = buildEdge();
built.catch(() => {});

test("the bundle is one module without native driver, files or documentation page", async () => {
  const module = await built;
  const imports = new Bun.Transpiler().scanImports(module).map(({ path }) => path);
  expect([...new Set(imports)].sort()).toEqual(["node:buffer", "node:crypto"]);
  const unwanted = ["@libsql/linux", "SqliteError", "swagger-ui-bundle", "Bun.serve"];
  expect(unwanted.filter((text) => module.includes(text))).toEqual([]);
  expect(module.length).toBeLessThan(700_000);
});

describe.skipIf(!sqldPath || !workerdPath)("in workerd", () => {
  let database: Sqld;
  let emptyDatabase: Sqld;
  let workerd: Workerd;

  beforeAll(async () => {
    if (!sqldPath || !workerdPath) return;
    [database, emptyDatabase] = await Promise.all([startSqld(sqldPath), startSqld(sqldPath)]);
    const bindings = { FERRY_DATABASE_URL: database.url, FERRY_MASTER_KEY: MASTER_KEY, ...BOOTSTRAP };
    const { FERRY_MASTER_KEY: _key, ...keyless } = bindings;
    const { FERRY_DATABASE_URL: _url, ...urlless } = bindings;
    workerd = await startWorkerd(workerdPath, await built, {
      ferry: bindings,
      second: bindings,
      third: bindings,
      keyless,
      urlless,
      badUrl: { ...bindings, FERRY_DATABASE_URL: "file:/tmp/hidden-value" },
      badKey: { ...bindings, FERRY_MASTER_KEY: "hidden-value" },
      otherKey: { ...bindings, FERRY_MASTER_KEY: "08".repeat(32) },
      nobody: { FERRY_DATABASE_URL: emptyDatabase.url, FERRY_MASTER_KEY: MASTER_KEY },
    });
  });
  afterAll(() => Promise.all([workerd?.stop(), database?.stop(), emptyDatabase?.stop()]));

  const ready = (worker: string) => send(new Request(`${workerd.url(worker)}/readyz`));

  test("several isolates start at once on an empty database", async () => {
    const replies = await Promise.all(
      ["ferry", "second", "third"].flatMap((worker) => Array.from({ length: 8 }, () => ready(worker))),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  });

  commandLoop(() => new Caller(workerd.url("ferry")));

  test("a poll that asks to wait is answered at once", async () => {
    const caller = new Caller(workerd.url("ferry"));
    const source_id = await caller.register();
    const start = Date.now();
    expect(await caller.poll(source_id, "?wait=55")).toMatchObject({ status: 200, name: "TASK_NOT_STARTED" });
    expect(Date.now() - start).toBeLessThan(5_000);
  });

  test("what one isolate queues another delivers", async () => {
    const [one, other] = [new Caller(workerd.url("ferry")), new Caller(workerd.url("second"))];
    const source_id = await one.register();
    const { id } = await one.queue(source_id);
    expect(await other.poll(source_id)).toMatchObject({ id, attempt: 1 });
    expect(await one.poll(source_id)).toMatchObject({ id, attempt: 2 });
  });

  test("the scheduled run ends what is past its deadline", async () => {
    const caller = new Caller(workerd.url("ferry"));
    const [fetched, unfetched] = await caller.registerMany(2);
    const overdue = await caller.queue(fetched as string, { command_name: "START", finish_within_s: 1 });
    const undelivered = await caller.queue(unfetched as string, {
      command_name: "START",
      deliver_by: Date.now() + 1_000,
    });
    expect(await caller.poll(fetched as string)).toMatchObject({ attempt: 1 });
    await Bun.sleep(1_100);
    expect((await caller.command(overdue.id)).json.state).toBe("delivered");

    expect(await workerd.scheduled("second")).toMatchObject({ outcome: "ok" });
    expect((await caller.command(overdue.id)).json).toMatchObject({ state: "overdue", reason: "finish_within_passed" });
    expect((await caller.command(undelivered.id)).json).toMatchObject({
      state: "undelivered",
      reason: "deliver_by_passed",
    });
  });

  test.each([
    ["keyless", "FERRY_MASTER_KEY must be set"],
    ["badKey", "FERRY_MASTER_KEY: its value is not allowed"],
    ["urlless", "FERRY_DATABASE_URL must be set"],
    ["badUrl", "FERRY_DATABASE_URL must be set"],
    ["otherKey", "another master key"],
    ["nobody", "FERRY_BOOTSTRAP_ACCESS_KEY and FERRY_BOOTSTRAP_SECRET_KEY must be set"],
  ])("%s: refused, and the log says: %s", async (worker, message) => {
    const { status, headers, json } = await ready(worker);
    expect({ status, json }).toEqual({
      status: 500,
      json: { error_code: "SMS.2007", error_msg: "an unforeseen error; the log has it under this request id" },
    });
    const line = workerd
      .log()
      .split("\n")
      .find((line) => line.includes(headers.get("X-Request-Id") ?? "none"));
    expect(JSON.parse(line ?? "{}").error).toContain(message);
    expect((await workerd.scheduled(worker)).outcome).toBe("exception");
    expect(workerd.log()).not.toContain("hidden-value");
  });

  test("an address that is taken for a file or a page is no operation", async () => {
    expect(await send(new Request(`${workerd.url("ferry")}/nothing`))).toMatchObject({
      status: 404,
      json: { error_code: "APIGW.0101" },
    });
    expect((await send(new Request(`${workerd.url("ferry")}/docs`))).status).toBe(404);
    expect((await send(new Request(`${workerd.url("ferry")}/openapi.json`))).json.openapi).toBe("3.1.0");
  });
});
