import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { uuidBytes, uuidTextInSql } from "../../src/db/uuid.ts";
import { type Ferry, poll, queue, register, report, START, startFerry } from "../harness.ts";

let ferry: Ferry;
let source_id: string;
let path: string;
beforeEach(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
  path = `/operate/v1/sources/${source_id}/commands`;
});
afterEach(() => ferry.stop());

const find = async (id: string) => (await ferry.call("viewer", "GET", `/operate/v1/commands/${id}`)).json;

describe("queueCommand", () => {
  test("answers 201 with the command as it stands", async () => {
    const body = {
      command_name: "UPLOAD_LOG",
      command_param: { task_id: "t", bucket: "b" },
      deliver_by: START + 1_000,
      finish_within_s: 60,
    };
    const { status, json } = await ferry.call("operator", "POST", path, { body });
    expect(status).toBe(201);
    expect(json).toEqual({
      ...body,
      id: json.id,
      source_id,
      source_name: "web-1",
      state: "queued",
      reason: null,
      attempts: 0,
      created_at: START,
      first_delivered_at: null,
      last_delivered_at: null,
      ended_at: null,
      idempotency_key: null,
    });
  });

  test.each(["START", "STOP", "SYNC", "DELETE", "SKIP", "PREMIGRATE", "UPLOAD_LOG", "RSET_LOG_ACL"])(
    "takes %s",
    async (command_name) => {
      expect((await ferry.call("operator", "POST", path, { body: { command_name } })).json.command_name).toBe(
        command_name,
      );
    },
  );

  test("a raw command without a task has no deadlines", async () => {
    expect(await find(await queue(ferry, source_id, "STOP"))).toMatchObject({
      deliver_by: null,
      finish_within_s: null,
    });
  });

  test("a control command supersedes the older one of the same task, and says which", async () => {
    const ofA = await queue(ferry, source_id, "START", { command_param: { task_id: "a" } });
    const ofNone = await queue(ferry, source_id, "START");
    const log = await queue(ferry, source_id, "UPLOAD_LOG");
    const stop = await queue(ferry, source_id, "STOP");
    expect(await find(ofNone)).toMatchObject({ state: "superseded", reason: `by ${stop}`, ended_at: START });
    expect([(await find(ofA)).state, (await find(log)).state]).toEqual(["queued", "queued"]);
    expect(
      await ferry.rows(
        `SELECT type, ${uuidTextInSql("id")} AS command_id, data FROM events JOIN commands ON commands.seq = command_seq WHERE id IN (?, ?) ORDER BY events.seq DESC LIMIT 2`,
        uuidBytes(stop),
        uuidBytes(ofNone),
      ),
    ).toEqual([
      { type: "command.superseded", command_id: ofNone, data: `{"reason":"by ${stop}"}` },
      { type: "command.queued", command_id: stop, data: null },
    ]);
  });

  test("the same idempotency key and order answer the same command, even after it ended", async () => {
    const order = { idempotency_key: "k", command_param: { task_id: "t" } };
    const id = await queue(ferry, source_id, "START", order);
    const again = await ferry.call("operator", "POST", path, { body: { command_name: "START", ...order } });
    expect([again.status, again.json.id]).toEqual([200, id]);
    await poll(ferry, source_id);
    await report(ferry, source_id, "START");
    expect(await queue(ferry, source_id, "START", order)).toBe(id);
    const both = await Promise.all([1, 2].map(() => queue(ferry, source_id, "STOP", { idempotency_key: "k2" })));
    expect(new Set(both).size).toBe(1);
    expect(await ferry.rows("SELECT count(*) AS n FROM commands")).toEqual([{ n: 2 }]);
    const bare = await queue(ferry, source_id, "UPLOAD_LOG", { idempotency_key: "k3" });
    expect(await queue(ferry, source_id, "UPLOAD_LOG", { idempotency_key: "k3", command_param: {} })).toBe(bare);
    // Another source's key is another key.
    expect(await queue(ferry, await register(ferry, "web-2"), "START", order)).not.toBe(id);
  });

  test("the same idempotency key with another order is refused", async () => {
    await queue(ferry, source_id, "START", { idempotency_key: "k" });
    for (const body of [
      { command_name: "STOP", idempotency_key: "k" },
      { command_name: "START", idempotency_key: "k", finish_within_s: 5 },
    ]) {
      const { status, json } = await ferry.call("operator", "POST", path, { body });
      expect([status, json.error_code]).toEqual([400, "SMS.8009"]);
    }
    expect(await ferry.rows("SELECT count(*) AS n FROM commands")).toEqual([{ n: 1 }]);
  });

  test.each([
    ["no name", {}],
    ["an idle name", { command_name: "TASK_HAS_STOPPED" }],
    ["an unknown member", { command_name: "START", deliver_bye: 1 }],
    ["an unknown parameter", { command_name: "START", command_param: { object: "o" } }],
    ["a deadline that has passed", { command_name: "START", deliver_by: START }],
    ["a deadline as text", { command_name: "START", deliver_by: "2030-01-01" }],
    ["no time to finish", { command_name: "START", finish_within_s: 0 }],
    ["half a second to finish", { command_name: "START", finish_within_s: 0.5 }],
    ["an empty key", { command_name: "START", idempotency_key: "" }],
  ])("refuses %s with 400, changing nothing", async (_name, body) => {
    const { status, json } = await ferry.call("operator", "POST", path, { body });
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(await ferry.rows("SELECT * FROM commands")).toEqual([]);
  });

  test("refuses unknown and deleted sources with 404", async () => {
    const body = { command_name: "START" };
    expect((await ferry.call("operator", "POST", "/operate/v1/sources/nobody/commands", { body })).status).toBe(404);
    expect((await ferry.call("foreign", "POST", path, { body })).status).toBe(404);
    await ferry.call("operator", "DELETE", `/v3/sources/${source_id}`);
    expect((await ferry.call("operator", "POST", path, { body })).status).toBe(404);
  });
});

describe("cancelCommand", () => {
  const cancel = (id: string, as: "operator" | "viewer" | "foreign" = "operator") =>
    ferry.call(as, "POST", `/operate/v1/commands/${id}/cancel`);

  test("ends a queued or delivered command with a reason; it is offered no more", async () => {
    const id = await queue(ferry, source_id, "START");
    await poll(ferry, source_id);
    const { status, json } = await cancel(id);
    expect([status, json.state, json.reason, json.ended_at]).toEqual([200, "cancelled", "by an operator", START]);
    expect((await poll(ferry, source_id)).json.command_name).toBe("TASK_NOT_STARTED");
    expect(await ferry.rows("SELECT actor FROM events WHERE type = 'command.cancelled'")).toEqual([
      { actor: ferry.keys.operator.access_key },
    ]);
  });

  test("refuses one that has ended, an unknown one and another account's", async () => {
    const id = await queue(ferry, source_id, "START");
    expect((await cancel(id, "foreign")).status).toBe(404);
    expect((await cancel(id, "viewer")).status).toBe(403);
    await cancel(id);
    const again = await cancel(id);
    expect([again.status, again.json.error_code]).toEqual([400, "SMS.8009"]);
    expect((await cancel("nobody")).status).toBe(404);
  });
});

describe("deadlines", () => {
  test("a command nobody fetched by deliver_by is undelivered, and never offered after it", async () => {
    const id = await queue(ferry, source_id, "START", { deliver_by: START + 5_000 });
    await ferry.clock.advance(5_000);
    // The job has not come round: the poll sees the deadline by itself.
    expect((await poll(ferry, source_id)).json.command_name).toBe("TASK_NOT_STARTED");
    await ferry.runJobs();
    expect(await find(id)).toMatchObject({
      state: "undelivered",
      reason: "deliver_by_passed",
      ended_at: START + 5_000,
      attempts: 0,
    });
    expect(
      await ferry.rows(
        `SELECT actor, address, ${uuidTextInSql("id")} AS command_id FROM events JOIN commands ON commands.seq = command_seq WHERE type = 'command.undelivered'`,
      ),
    ).toEqual([{ actor: null, address: null, command_id: id }]);
  });

  test("a command fetched in time is measured from there", async () => {
    const id = await queue(ferry, source_id, "START", { deliver_by: START + 5_000, finish_within_s: 10 });
    await ferry.clock.advance(4_999);
    await poll(ferry, source_id);
    await ferry.clock.advance(9_999);
    await ferry.runJobs();
    expect((await find(id)).state).toBe("delivered");
    await ferry.clock.advance(1);
    await ferry.runJobs();
    expect(await find(id)).toMatchObject({ state: "overdue", reason: "finish_within_passed" });
  });

  test("hold for more commands than one transaction ends", async () => {
    await Promise.all(
      Array.from({ length: 250 }, (_, index) =>
        queue(ferry, source_id, "UPLOAD_LOG", { deliver_by: START + 1_000 + index }),
      ),
    );
    await ferry.clock.advance(2_000);
    await ferry.runJobs();
    expect(await ferry.rows("SELECT state, count(*) AS n FROM commands GROUP BY state")).toEqual([
      { state: "undelivered", n: 250 },
    ]);
    expect(await ferry.rows("SELECT count(*) AS n FROM events WHERE type = 'command.undelivered'")).toEqual([
      { n: 250 },
    ]);
  });

  test("hold across a restart and a clock that jumps, both ways", async () => {
    const id = await queue(ferry, source_id, "START", { deliver_by: START + 60_000 });
    ferry.clock.set(START - 3_600_000);
    await ferry.runJobs();
    expect((await find(id)).state).toBe("queued");
    ferry.clock.set(START + 60_000);
    await ferry.restart();
    expect((await poll(ferry, source_id)).json.command_name).toBe("TASK_NOT_STARTED");
    await ferry.runJobs();
    expect((await find(id)).state).toBe("undelivered");
  });
});
