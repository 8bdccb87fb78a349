import { afterAll, beforeAll, describe, expect } from "bun:test";
import { edgeModule } from "../edge/bundle.ts";
import { BOOTSTRAP, Caller } from "../edge/command-loop.ts";
import { denoProgram, startDeno } from "../edge/deno.ts";
import { type Sqld, sqldProgram, startSqld } from "../edge/sqld.ts";
import { startWorkerd, workerdProgram } from "../edge/workerd.ts";
import { endAll, temporaryFolder, testUnless } from "./executable.ts";
import { findPython, SDK, type Sdk, startSdk } from "./python.ts";
import { registration, shown } from "./registration.ts";

/* huaweicloudsdksms, as published, against the edge runtimes. */

const firstKey = {
  access_key: BOOTSTRAP.FERRY_BOOTSTRAP_ACCESS_KEY,
  secret_key: BOOTSTRAP.FERRY_BOOTSTRAP_SECRET_KEY,
  project_id: BOOTSTRAP.FERRY_BOOTSTRAP_PROJECT_ID,
};
const { python, missing: missingSdk } = findPython(SDK);
const sqldPath = await sqldProgram();
const [workerdPath, denoPath] = [workerdProgram(), denoProgram()];

const runtimes = {
  workerd: {
    program: workerdPath,
    start: async (bindings: Record<string, string>) => {
      const { url, stop } = await startWorkerd(workerdPath as string, await edgeModule(), { ferry: bindings });
      return { url: url("ferry"), stop };
    },
  },
  Deno: {
    program: denoPath,
    start: async (bindings: Record<string, string>) => startDeno(denoPath as string, await edgeModule(), bindings),
  },
};

afterAll(endAll);

describe.each(Object.entries(runtimes))("the SDK through %s", (name, { program, start }) => {
  const missing = missingSdk ?? (sqldPath === undefined ? "sqld cannot be had" : undefined);
  const test = testUnless(missing ?? (program === undefined ? `${name} cannot be had` : undefined));
  let database: Sqld | undefined;
  let ferry: { url: string; stop(): Promise<unknown> } | undefined;
  let operator: Caller;
  let sdk: Sdk;

  beforeAll(async () => {
    if (sqldPath === undefined || program === undefined || missingSdk !== undefined) return;
    database = await startSqld(sqldPath);
    ferry = await start({ FERRY_DATABASE_URL: database.url, FERRY_MASTER_KEY: "07".repeat(32), ...BOOTSTRAP });
    operator = new Caller(ferry.url);
    const ask = startSdk(python, { url: ferry.url, folder: temporaryFolder() });
    sdk = (method, members, key = firstKey) => ask(method, members, key);
  });
  afterAll(async () => {
    await ferry?.stop();
    await database?.stop();
  });

  test("registers a source, reads it back field by field and finds it by name", async () => {
    const name = "größer & 'x'/~*+ (1)%41";
    const { reply: registered } = await sdk("register_server", { body: { ...registration, name } });
    const { reply } = await sdk("show_server", { source_id: registered.id });
    expect(reply).toMatchObject({ ...shown, name, id: registered.id, state: "waiting" });
    const { reply: list } = await sdk("list_servers", { name, limit: 5 });
    expect(list).toMatchObject({ count: 1, source_servers: [{ id: registered.id, name }] });
  });

  test("polls a command and reports it", async () => {
    const source_id = (await sdk("register_server", { body: registration })).reply.id;
    expect((await sdk("show_command", { server_id: source_id })).reply).toEqual({ command_name: "TASK_NOT_STARTED" });
    const order = { command_name: "START", command_param: { task_id: "task-1" } };
    const { id } = await operator.queue(source_id, order);
    const { reply, received } = await sdk("show_command", { server_id: source_id });
    expect(reply).toEqual(order);
    expect([received.headers["x-command-id"], received.headers["x-command-attempt"]]).toEqual([id, "1"]);

    const result_detail = { pid: 4117, note: "größer – 🚢", nothing: null };
    const body = { command_name: "START", result: "success", result_detail };
    const reported = await sdk("update_command_result", { server_id: source_id, body });
    expect([reported.received.status, reported.received.text]).toEqual([200, "{}"]);
    expect((await operator.command(id)).json).toMatchObject({
      state: "succeeded",
      reports: [{ kind: "matched", result_detail }],
    });
  });

  test("is refused with a wrong secret, and told what else is wrong", async () => {
    const wrong = await sdk("list_servers", {}, { ...firstKey, secret_key: "wrong" });
    expect(wrong.raised).toMatchObject({ status_code: 401, error_code: "APIGW.0301" });
    const unknown = await sdk("show_server", { source_id: "unknown" });
    expect(unknown.raised).toMatchObject({ status_code: 404, error_code: "SMS.8004" });
    expect(unknown.raised?.request_id).toBe(unknown.received.headers["x-request-id"] ?? "");
  });

  test("looks its project up, and works with a temporary key", async () => {
    const { project_id: _, ...withoutProject } = firstKey;
    expect((await sdk("list_servers", {}, { ...withoutProject, region: `through-${name}` })).reply.count).toBe(2);
    const { json: temporary } = await operator.call("POST", "/operate/v1/keys", { expires_in_s: 900 });
    expect((await sdk("list_servers", {}, temporary)).reply.count).toBe(2);
    const { security_token: __, ...withoutToken } = temporary;
    expect((await sdk("list_servers", {}, withoutToken)).raised).toMatchObject({ status_code: 401 });
  });
});
