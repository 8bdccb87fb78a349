import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Caller, type Ferry, makeTask, register, startFerry } from "../harness.ts";
import { boundKey, eventsOf } from "./events-and-keys.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

describe("updateNetworkCheckInfo", () => {
  const info = {
    domain_connectivity: true,
    destination_connectivity: false,
    network_delay: 20.125,
    network_jitter: 0,
    migration_speed: 10000,
    loss_percentage: 100,
    cpu_usage: 0.5,
    mem_usage: 99.9,
    evaluation_result: "excellent",
  };
  let source_id: string;
  let task_id: string;
  beforeEach(async () => {
    source_id = await register(ferry);
    task_id = await makeTask(ferry, source_id);
  });
  const update = (body: object, id = task_id, as: Caller = "agent") =>
    ferry.call(as, "POST", `/v3/${id}/update-network-check-info`, { body });
  const stored = async () => {
    const [row] = await ferry.rows("SELECT network_check_info FROM tasks WHERE id = ?", task_id);
    return JSON.parse(String(row?.network_check_info));
  };

  test("keeps what was measured last and answers the task's id", async () => {
    const { status, json } = await update({ ...info, more: 1 });
    expect([status, json]).toEqual([200, { task_id }]);
    expect(await stored()).toEqual(info);
    const { domain_connectivity: _, ...second } = { ...info, evaluation_result: "worse" };
    await update({ ...second, domain_connectivity: null });
    expect(await stored()).toEqual(second);
    const event = {
      type: "task.checked",
      actor: ferry.keys.agent.access_key,
      source_id,
      data: { task_id, check: "network" },
    };
    expect(await eventsOf(ferry, task_id)).toEqual([event, event]);
  });

  test("changes nothing else of the task", async () => {
    const task = async () => {
      const [row] = await ferry.rows("SELECT * FROM tasks WHERE id = ?", task_id);
      return { ...row, network_check_info: null };
    };
    const before = await task();
    await update(info);
    expect(await task()).toEqual(before);
  });

  test("takes exactly what the contract bounds", async () => {
    const refused: [object, string][] = [
      [{ network_delay: -0.1 }, "network_delay (in the body) must be at least 0"],
      [{ network_jitter: 10000.5 }, "network_jitter (in the body) must be at most 10000"],
      [{ migration_speed: "1" }, "migration_speed (in the body) must be a number"],
      [{ loss_percentage: 100.1 }, "loss_percentage (in the body) must be at most 100"],
      [{ cpu_usage: null }, "cpu_usage (in the body) is missing"],
      [{ mem_usage: undefined }, "mem_usage (in the body) is missing"],
      [{ evaluation_result: "good" }, "evaluation_result (in the body) must have at least 5 characters"],
      [{ evaluation_result: "excellent!" }, "evaluation_result (in the body) must have at most 9 characters"],
      [{ domain_connectivity: "true" }, "domain_connectivity (in the body) must be true or false"],
    ];
    for (const [change, why] of refused) {
      const { status, json } = await update({ ...info, ...change });
      expect([status, json.error_code, json.error_msg]).toEqual([400, "SMS.8001", expect.stringContaining(why)]);
    }
    expect(await stored()).toBeNull();
  });

  test("an unknown task, another account's, and a key bound elsewhere are refused", async () => {
    const bound = await boundKey(ferry, "bound");
    expect((await update(info, "nobody")).json).toEqual({
      error_code: "SMS.8004",
      error_msg: "task nobody is unknown",
    });
    expect((await update(info, task_id, "foreign")).json.error_msg).toBe(`task ${task_id} is unknown`);
    expect((await update(info, task_id, bound.key)).json.error_code).toBe("SMS.9004");
    expect((await update(info, task_id, "viewer")).status).toBe(403);
    expect((await update(info, "x".repeat(37))).status).toBe(400);
    expect((await update({}, "nobody")).status).toBe(400);
    expect(await stored()).toBeNull();
  });

  test("its path takes no other operation's place", async () => {
    for (const [method, path] of [
      ["GET", `/v3/${task_id}/update-network-check-info`],
      ["POST", "/v3/tasks/update-network-check-info/x"],
      ["POST", `/v3/${task_id}/other`],
    ] as const) {
      expect((await ferry.call("admin", method, path, method === "POST" ? { body: {} } : {})).json.error_code).toBe(
        "APIGW.0101",
      );
    }
    expect((await ferry.call("admin", "POST", "/v3/tasks/update-network-check-info", { body: info })).json).toEqual({
      error_code: "SMS.8004",
      error_msg: "task tasks is unknown",
    });
  });
});

describe("listErrorServers", () => {
  const list = async (query = "?offset=0", as: Caller = "viewer") =>
    (await ferry.call(as, "GET", `/v3/errors${query}`)).json;
  const fail = (task_id: string, error_json: string | null) =>
    ferry.database.client.execute({ sql: "UPDATE tasks SET error_json = ? WHERE id = ?", args: [error_json, task_id] });
  const errorJson = (error_msg: string, error_code = "SMS.0805") => JSON.stringify({ error_code, error_msg });
  /** That many failed sources, made with as few calls as can be; their ids, oldest first. */
  async function makeFailed(count: number): Promise<string[]> {
    const task_id = await makeTask(ferry, await register(ferry, "source-0"));
    await fail(task_id, errorJson("no"));
    const numbers = JSON.stringify(Array.from({ length: count - 1 }, (_, index) => index + 1));
    const copy = async (table: string, changed: Record<string, string>) => {
      const columns = (await ferry.rows(`SELECT name FROM pragma_table_info('${table}') WHERE name <> 'seq'`)).map(
        ({ name }) => String(name),
      );
      await ferry.database.client.execute({
        sql: `INSERT INTO ${table} (${columns}) SELECT ${columns.map((name) => changed[name] ?? `of.${name}`)}
          FROM json_each(?), (SELECT * FROM ${table} LIMIT 1) AS of`,
        args: [numbers],
      });
    };
    await copy("sources", { id: "'source-' || value", name: "'source-' || value" });
    await copy("tasks", {
      id: "'task-' || value",
      source_seq: "(SELECT seq FROM sources WHERE id = 'source-' || value)",
    });
    return (await ferry.rows("SELECT id FROM sources ORDER BY seq")).map(({ id }) => String(id));
  }

  test("is empty where no task has failed", async () => {
    await makeTask(ferry, await register(ferry));
    expect(await list()).toEqual({ count: 0, migration_errors: [] });
  });

  test("tells error, source and target of each failed task, oldest task first", async () => {
    const older = await register(ferry, "older", { ip: "192.0.2.9" });
    const source_1 = await register(ferry, "web-1", { hostname: "web-1.example.test", ipv6: "2001:db8::1" });
    const source_2 = await register(ferry, "web-2", { ip: undefined, ipv6: "2001:db8::2" });
    const source_3 = await register(ferry, "web-3");
    const first = await makeTask(ferry, source_1, { migration_ip: "198.51.100.7" });
    await makeTask(ferry, await register(ferry, "well"));
    const second = await makeTask(ferry, source_2);
    const third = await makeTask(ferry, source_3, { migration_ip: "" });
    await fail(await makeTask(ferry, older), errorJson("last"));
    await fail(third, errorJson("third"));
    await fail(second, errorJson("second", "SMS.8010"));
    await fail(first, errorJson("first"));
    expect(await list()).toEqual({
      count: 4,
      migration_errors: [
        {
          error_json: errorJson("first"),
          host_name: "web-1.example.test",
          name: "web-1",
          source_id: source_1,
          source_ip: "192.0.2.10",
          target_ip: "198.51.100.7",
        },
        {
          error_json: errorJson("second", "SMS.8010"),
          name: "web-2",
          source_id: source_2,
          source_ip: "2001:db8::2",
        },
        { error_json: errorJson("third"), name: "web-3", source_id: source_3, source_ip: "192.0.2.10" },
        { error_json: errorJson("last"), name: "older", source_id: older, source_ip: "192.0.2.9" },
      ],
    });
    await fail(first, null);
    const { count, migration_errors } = await list();
    expect([count, migration_errors.map(({ name }: { name: string }) => name)]).toEqual([
      3,
      ["web-2", "web-3", "older"],
    ]);
  });

  test("the target machine's own address goes before the one to migrate over", async () => {
    const task_id = await makeTask(ferry, await register(ferry), { migration_ip: "198.51.100.7" });
    await fail(task_id, errorJson("no"));
    await ferry.database.client.execute(
      "UPDATE tasks SET definition = json_set(definition, '$.target_server.ip', '203.0.113.9')",
    );
    expect((await list()).migration_errors[0].target_ip).toBe("203.0.113.9");
  });

  test("goes page by page; 0 and no limit mean 50, the count is the whole", async () => {
    const ids = await makeFailed(103);
    const page = async (query: string) => {
      const { count, migration_errors } = await list(query);
      return [count, migration_errors.map(({ source_id }: { source_id: string }) => source_id)];
    };
    expect(await page("?offset=0")).toEqual([103, ids.slice(0, 50)]);
    expect(await page("?limit=0&offset=0")).toEqual([103, ids.slice(0, 50)]);
    expect(await page("?limit=100&offset=0")).toEqual([103, ids.slice(0, 100)]);
    expect(await page("?limit=100&offset=100")).toEqual([103, ids.slice(100)]);
    expect(await page("?limit=2&offset=1")).toEqual([103, ids.slice(1, 3)]);
    expect(await page("?offset=103")).toEqual([103, []]);
    expect(await page("?limit=1&offset=65535")).toEqual([103, []]);
  });

  test("enterprise_project_id 0 is the one there is", async () => {
    const task_id = await makeTask(ferry, await register(ferry));
    await fail(task_id, errorJson("no"));
    expect((await list("?offset=0&enterprise_project_id=0")).count).toBe(1);
    expect((await list("?offset=0&enterprise_project_id=")).count).toBe(1);
    expect(await list("?offset=0&enterprise_project_id=1")).toEqual({ count: 0, migration_errors: [] });
  });

  test("offset is needed; what is out of bounds is refused; other accounts see nothing", async () => {
    const task_id = await makeTask(ferry, await register(ferry));
    await fail(task_id, errorJson("no"));
    for (const [query, why] of [
      ["", "offset (in the query) is missing"],
      ["?limit=10", "offset (in the query) is missing"],
      ["?offset=-1", "offset (in the query) must be at least 0, not -1"],
      ["?offset=65536", "offset (in the query) must be at most 65535, not 65536"],
      ["?offset=0&limit=101", "limit (in the query) must be at most 100, not 101"],
      ["?offset=0&limit=x", "limit (in the query): takes a whole number from 0 to 100"],
    ] as const) {
      const { status, json } = await ferry.call("viewer", "GET", `/v3/errors${query}`);
      expect([status, json]).toEqual([400, { error_code: "SMS.8001", error_msg: why }]);
    }
    expect(await list("?offset=0", "foreign")).toEqual({ count: 0, migration_errors: [] });
    expect((await ferry.call("agent", "GET", "/v3/errors?offset=0")).status).toBe(403);
  });
});
