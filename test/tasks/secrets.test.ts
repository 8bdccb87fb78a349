import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { type Caller, type Ferry, makeTask, register, START, startFerry } from "../harness.ts";
import { boundKey, eventsOf } from "./events-and-keys.ts";

let ferry: Ferry;
let source_id: string;
let task_id: string;
beforeEach(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
  task_id = await makeTask(ferry, source_id);
});
afterEach(() => ferry.stop());

const passphrase = (id = task_id, as: Caller = "agent") => ferry.call(as, "GET", `/v3/tasks/${id}/passphrase`);
const certKey = (query = "", id = task_id, as: Caller = "agent") =>
  ferry.call(as, "GET", `/v3/tasks/${id}/certkey${query}`);
const stored = () => ferry.rows("SELECT kind, sealed FROM task_secrets ORDER BY seq");

describe("showPassphrase", () => {
  test("gives a random passphrase, the same at every call and after a new start", async () => {
    const { status, json } = await passphrase();
    expect([status, json]).toEqual([200, { task_id, passphrase: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) }]);
    for (const as of ["agent", "operator", "admin"] as const)
      expect((await passphrase(task_id, as)).json).toEqual(json);
    await ferry.restart();
    expect((await passphrase()).json).toEqual(json);
    const other = await makeTask(ferry, await register(ferry, "web-2"));
    expect((await passphrase(other)).json.passphrase).not.toBe(json.passphrase);
  });

  test("is the same for first calls at once", async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => passphrase()));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await stored()).toHaveLength(1);
    expect(await eventsOf(ferry, task_id)).toHaveLength(1);
  });

  test("is kept sealed, for this task alone; its making is an event that does not hold it", async () => {
    const { json } = await passphrase();
    await passphrase();
    const [row] = await stored();
    expect(row).toEqual({ kind: "passphrase", sealed: expect.stringMatching(/^v1\./) });
    expect(String(row?.sealed)).not.toContain(json.passphrase);
    expect(await eventsOf(ferry, task_id)).toEqual([
      {
        type: "task.updated",
        actor: ferry.keys.agent.access_key,
        source_id,
        data: { task_id, made: "passphrase" },
      },
    ]);
    const other = await makeTask(ferry, await register(ferry, "web-2"));
    await passphrase(other);
    const { client } = ferry.database;
    await client.execute("UPDATE task_secrets SET sealed = (SELECT min(sealed) FROM task_secrets)");
    const statuses = [(await passphrase()).status, (await passphrase(other)).status];
    expect(statuses.sort()).toEqual([200, 500]);
  });
});

describe("showCertKey", () => {
  const agentMembers = ["cert", "private_key"];
  const allMembers = [
    ...agentMembers,
    "ca",
    "target_mgmt_cert",
    "target_mgmt_private_key",
    "target_data_cert",
    "target_data_private_key",
  ];

  test("gives the agent's certificate and key alone unless the authority is asked for", async () => {
    for (const query of ["", "?enable_ca_cert=false", "?enable_ca_cert=False"]) {
      expect(Object.keys((await certKey(query)).json)).toEqual(agentMembers);
    }
    for (const query of ["?enable_ca_cert=true", "?enable_ca_cert=True"]) {
      expect(Object.keys((await certKey(query)).json)).toEqual(allMembers);
    }
    expect((await certKey("?enable_ca_cert=1")).status).toBe(400);
  });

  test("gives the same at every call, to every role, and after a new start", async () => {
    const { json } = await certKey("?enable_ca_cert=true");
    await ferry.clock.advance(3600_000);
    await ferry.restart();
    for (const as of ["agent", "operator", "admin"] as const) {
      expect((await certKey("?enable_ca_cert=true", task_id, as)).json).toEqual(json);
    }
    expect((await certKey()).json).toEqual({ cert: json.cert, private_key: json.private_key });
    const ca = new X509Certificate(json.ca);
    expect(new X509Certificate(json.target_data_cert).verify(ca.publicKey)).toBe(true);
    expect(Date.parse(ca.validFrom)).toBe(START - 24 * 3600_000);
  });

  test("is the same for first calls at once", async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => certKey("?enable_ca_cert=true")));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await stored()).toHaveLength(1);
  });

  test("is kept sealed, beside the passphrase; its making is an event that does not hold it", async () => {
    await certKey();
    await passphrase();
    await certKey("?enable_ca_cert=true");
    const rows = await stored();
    expect(rows.map(({ kind }) => kind)).toEqual(["certificates", "passphrase"]);
    expect(JSON.stringify(rows)).not.toContain("BEGIN");
    expect((await eventsOf(ferry, task_id)).map(({ data }: { data: object }) => data)).toEqual([
      { task_id, made: "certificates" },
      { task_id, made: "passphrase" },
    ]);
  });
});

test("an unknown task, another account's, a key bound elsewhere and a viewer get nothing, and nothing is made", async () => {
  const bound = await boundKey(ferry, "bound");
  for (const show of [passphrase, (id: string, as: Caller) => certKey("", id, as)]) {
    expect((await show("nobody", "agent")).json).toEqual({
      error_code: "SMS.8004",
      error_msg: "task nobody is unknown",
    });
    const foreign = await show(task_id, "foreign");
    expect([foreign.status, foreign.json.error_msg]).toEqual([404, `task ${task_id} is unknown`]);
    expect((await show(task_id, bound.key)).json.error_code).toBe("SMS.9004");
    expect((await show("nobody", bound.key)).status).toBe(404);
    expect((await show(task_id, "viewer")).status).toBe(403);
    expect((await show("x".repeat(37), "agent")).status).toBe(400);
  }
  expect(await stored()).toEqual([]);
  expect(await eventsOf(ferry, task_id)).toEqual([]);
});

test("an agent's bound key reads the secrets of its own source's task", async () => {
  const { key, source_id: own } = await boundKey(ferry, "bound");
  const id = await makeTask(ferry, own);
  expect((await passphrase(id, key)).status).toBe(200);
  expect((await certKey("", id, key)).status).toBe(200);
});
