import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { edgeModule } from "./bundle.ts";
import { BOOTSTRAP, Caller, commandLoop, send } from "./command-loop.ts";
import { eventStream } from "./event-stream.ts";
import { type Sqld, sqldProgram, startSqld } from "./sqld.ts";
import { startDeployed, startWorkerd, type Workerd, workerdProgram } from "./workerd.ts";

/* src/edge.ts as it is deployed: one module, in workerd, over a libSQL server. */

const MASTER_KEY = "07".repeat(32);
const sqldPath = await sqldProgram();
const workerdPath = workerdProgram();

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
    workerd = await startWorkerd(workerdPath, await edgeModule(), {
      ferry: bindings,
      second: bindings,
      third: bindings,
      keyless,
      urlless,
      badUrl: { ...bindings, FERRY_DATABASE_URL: "file:/tmp/hidden-value" },
      behindProxy: { ...bindings, FERRY_CLIENT_ADDRESS_HEADER: "CF-Connecting-IP" },
      badHeader: { ...bindings, FERRY_CLIENT_ADDRESS_HEADER: "CF Connecting: IP" },
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

  eventStream(
    () => new Caller(workerd.url("ferry")),
    () => new Caller(workerd.url("second")),
  );

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
    ["badHeader", 'FERRY_CLIENT_ADDRESS_HEADER: "CF Connecting: IP" is not allowed'],
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

  test("by deploy/workerd/config.capnp it starts with the settings that must be set alone", async () => {
    const environment = { FERRY_DATABASE_URL: database.url, FERRY_MASTER_KEY: MASTER_KEY };
    const deployed = await startDeployed(workerdPath as string, await edgeModule(), environment);
    try {
      const caller = new Caller(deployed.url("http"));
      expect(await caller.poll(await caller.register())).toMatchObject({ status: 200, name: "TASK_NOT_STARTED" });
      expect(deployed.log()).toBe("");
    } finally {
      await deployed.stop();
    }
  });

  describe("the caller's address", () => {
    const ordered = async (worker: string, headers: Record<string, string>) => {
      const caller = new Caller(workerd.url(worker));
      const source_id = await caller.register();
      const order = { command_name: "START" };
      const { json } = await caller.call("POST", `/operate/v1/sources/${source_id}/commands`, order, headers);
      const events = await caller.call("GET", `/operate/v1/events?command_id=${json.id}`);
      return events.json.items[0].address;
    };
    const signIn = (worker: string, address: string) =>
      send(
        new Request(`${workerd.url(worker)}/v3/auth/tokens`, {
          method: "POST",
          headers: { "Content-Type": "application/json", "CF-Connecting-IP": address },
          body: JSON.stringify({
            auth: {
              identity: {
                methods: ["password"],
                password: { user: { name: "nobody", password: "a wrong one", domain: { name: "default" } } },
              },
            },
          }),
        }),
      );

    test.each([
      ["192.0.2.1", "192.0.2.1"],
      ["2001:db8::1", "2001:db8::1"],
      ["::ffff:192.0.2.1", "192.0.2.1"],
      ["192.0.2.1, 198.51.100.1", null],
      ["somebody", null],
    ])("is what the named header says if that is one address: %s", async (header, address) => {
      expect(await ordered("behindProxy", { "CF-Connecting-IP": header })).toBe(address);
    });

    test("is not known without the header, or where none is named", async () => {
      expect(await ordered("behindProxy", { "X-Forwarded-For": "192.0.2.1" })).toBeNull();
      expect(await ordered("ferry", { "CF-Connecting-IP": "192.0.2.1" })).toBeNull();
    });

    test("has to wait after five wrong passwords, and no other one has to", async () => {
      for (let attempt = 0; attempt < 5; attempt += 1) await signIn("behindProxy", "192.0.2.1");
      expect((await signIn("behindProxy", "192.0.2.1")).json.error.message).toContain("too many failed attempts");
      expect((await signIn("behindProxy", "192.0.2.2")).json.error.message).not.toContain("too many");
    });
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
