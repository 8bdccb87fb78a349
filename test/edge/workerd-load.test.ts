import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { edgeModule } from "./bundle.ts";
import { BOOTSTRAP, Caller, send } from "./command-loop.ts";
import { type Sqld, sqldProgram, startSqld } from "./sqld.ts";
import { startWorkerd, type Workerd, workerdProgram } from "./workerd.ts";

/* One isolate under load, without its database, and with callers that go away. */

const sqldPath = await sqldProgram();
const workerdPath = workerdProgram();

describe.skipIf(!sqldPath || !workerdPath)("one isolate", () => {
  let database: Sqld;
  let workerd: Workerd;
  const caller = () => new Caller(workerd.url("ferry"));

  beforeAll(async () => {
    if (!sqldPath || !workerdPath) return;
    database = await startSqld(sqldPath);
    const bindings = { FERRY_DATABASE_URL: database.url, FERRY_MASTER_KEY: "07".repeat(32), ...BOOTSTRAP };
    workerd = await startWorkerd(workerdPath, await edgeModule(), { ferry: bindings });
  });
  afterAll(() => Promise.all([workerd?.stop(), database?.stop()]));

  test("answers five hundred requests of a hundred callers at once", async () => {
    const sources = await caller().registerMany(20);
    let left = 500;
    const replies: string[] = [];
    const answer = async (source_id: string): Promise<string> => {
      const { status, headers, json } = await caller().call("GET", `/v3/sources/${source_id}/command`);
      // The database server may have too much to do: then it says so, and is asked again.
      if (status === 500 && headers.has("Retry-After")) return answer(source_id);
      return `${status} ${json?.command_name}`;
    };
    const call = async () => {
      while (left > 0) {
        left -= 1;
        replies.push(await answer(sources[left % sources.length] as string));
      }
    };
    await Promise.all(Array.from({ length: 100 }, call));
    expect(replies.filter((reply) => reply !== "200 TASK_NOT_STARTED")).toEqual([]);
    expect(replies).toHaveLength(500);
  }, 90_000);

  test("refuses while the database server is gone, and heals with it", async () => {
    const source_id = await caller().register();
    const { id } = await caller().queue(source_id);
    const polls = Array.from({ length: 50 }, () => caller().call("GET", `/v3/sources/${source_id}/command`));
    await database.kill();
    // Each is answered, whether the kill came before or after.
    for (const { status } of await Promise.all(polls)) expect([200, 500]).toContain(status);
    const refused = await caller().call("GET", `/v3/sources/${source_id}/command`);
    expect(refused).toMatchObject({ status: 500, json: { error_code: "SMS.2007" } });
    expect(refused.headers.get("Retry-After")).not.toBeNull();
    expect((await send(new Request(`${workerd.url("ferry")}/healthz`))).status).toBe(200);
    // The jobs have not run, and that is said; the next run may succeed.
    expect((await workerd.scheduled("ferry")).outcome).toBe("exception");

    await database.start();
    expect(await caller().poll(source_id)).toMatchObject({ status: 200, name: "START", id });
    expect((await caller().report(source_id, "{}", { "X-Command-Id": id })).status).toBe(200);
    expect((await caller().command(id)).json).toMatchObject({ state: "succeeded", reports: [{ kind: "matched" }] });
  }, 60_000);

  test("lets others sign in after callers that went away in the middle", async () => {
    const user = { name: crypto.randomUUID(), password: "a password of the tests", domain: { name: "default" } };
    const { name, password } = user;
    await caller().call("POST", "/operate/v1/users", { name, password, role: "viewer" });
    const signIn = (signal?: AbortSignal) =>
      send(
        new Request(`${workerd.url("ferry")}/v3/auth/tokens`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ auth: { identity: { methods: ["password"], password: { user } } } }),
          ...(signal && { signal }),
        }),
      );
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => signIn(AbortSignal.timeout(5 + index * 40)).catch(() => {})),
    );
    expect((await signIn()).status).toBe(201);
  }, 90_000);
});
