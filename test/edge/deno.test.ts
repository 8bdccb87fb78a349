import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { edgeModule } from "./bundle.ts";
import { BOOTSTRAP, Caller, commandLoop, send } from "./command-loop.ts";
import { denoProgram, type RunningDeno, startDeno } from "./deno.ts";
import { type Sqld, sqldProgram, startSqld } from "./sqld.ts";

/* src/edge.ts as it is deployed in Deno: one module and deploy/deno/main.js, over a libSQL server. */

const sqldPath = await sqldProgram();
const denoPath = denoProgram();

describe.skipIf(!sqldPath || !denoPath)("in Deno", () => {
  let database: Sqld;
  let deno: RunningDeno;
  const others: RunningDeno[] = [];

  const start = async (environment: Record<string, string>) =>
    startDeno(denoPath as string, await edgeModule(), {
      FERRY_DATABASE_URL: database.url,
      FERRY_MASTER_KEY: "07".repeat(32),
      ...environment,
    });

  beforeAll(async () => {
    if (!sqldPath || !denoPath) return;
    database = await startSqld(sqldPath);
    deno = await start(BOOTSTRAP);
  });
  afterAll(async () => {
    await Promise.all([deno, ...others].map((one) => one?.stop()));
    await database?.stop();
  });

  const caller = () => new Caller(deno.url);

  commandLoop(caller);

  test("a poll that asks to wait is answered at once", async () => {
    const source_id = await caller().register();
    const start = Date.now();
    expect(await caller().poll(source_id, "?wait=55")).toMatchObject({ status: 200, name: "TASK_NOT_STARTED" });
    expect(Date.now() - start).toBeLessThan(5_000);
  });

  test("the record has the caller's address, whatever a header claims", async () => {
    const source_id = await caller().register();
    const { json } = await caller().call(
      "POST",
      `/operate/v1/sources/${source_id}/commands`,
      { command_name: "START" },
      {
        "X-Forwarded-For": "198.51.100.7",
        "X-Real-IP": "198.51.100.7",
      },
    );
    const events = await caller().call("GET", `/operate/v1/events?command_id=${json.id}`);
    expect(events.json.items).toMatchObject([{ type: "command.queued", address: "127.0.0.1" }]);
  });

  test("the jobs run at the start, and end what is past its deadline", async () => {
    const source_id = await caller().register();
    const { id } = await caller().queue(source_id, { command_name: "START", deliver_by: Date.now() + 1_000 });
    await Bun.sleep(1_100);
    others.push(await start({}));
    const state = async () => (await caller().command(id)).json.state;
    for (const end = Date.now() + 10_000; Date.now() < end && (await state()) === "queued"; await Bun.sleep(50));
    expect(await state()).toBe("undelivered");
  });

  test("without its settings it refuses, and the log says why", async () => {
    const keyless = await start({ FERRY_MASTER_KEY: "" });
    others.push(keyless);
    const { status, headers } = await send(new Request(`${keyless.url}/readyz`));
    expect(status).toBe(500);
    const line = keyless
      .log()
      .split("\n")
      .find((line) => line.includes(headers.get("X-Request-Id") ?? "none"));
    expect(JSON.parse(line ?? "{}").error).toContain("FERRY_MASTER_KEY must be set");
    expect(keyless.log()).toContain('"message":"the background jobs could not run"');
    expect(await keyless.stop()).toBe(0);
  });

  test("it refuses while the database server is gone, and heals with it", async () => {
    const source_id = await caller().register();
    const { id } = await caller().queue(source_id);
    await database.kill();
    const { status, headers } = await caller().call("GET", `/v3/sources/${source_id}/command`);
    expect([status, headers.has("Retry-After")]).toEqual([500, true]);
    await database.start();
    expect(await caller().poll(source_id)).toMatchObject({ status: 200, name: "START", id, attempt: 1 });
  });
});
