import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { uuidBytes } from "../../src/db/uuid.ts";
import { type Ferry, poll, queue, register, report, START, settle, startFerry } from "../harness.ts";

let ferry: Ferry;
let source_id: string;
beforeEach(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
});
afterEach(() => ferry.stop());

const offer = async (id = source_id) => {
  const { json, headers } = await poll(ferry, id);
  return { ...json, id: headers.get("x-command-id"), attempt: headers.get("x-command-attempt") };
};

describe("showCommand", () => {
  test("a source with nothing to do and no task gets exactly TASK_NOT_STARTED, without command headers", async () => {
    const { status, text, headers } = await poll(ferry, source_id);
    expect({ status, text }).toEqual({ status: 200, text: '{"command_name":"TASK_NOT_STARTED"}' });
    expect([headers.get("x-command-id"), headers.get("x-command-attempt")]).toEqual([null, null]);
  });

  test("offers a command until it is reported, counting deliveries", async () => {
    const id = await queue(ferry, source_id, "START");
    expect(await offer()).toEqual({ command_name: "START", id, attempt: "1" });
    expect(await offer()).toEqual({ command_name: "START", id, attempt: "2" });
    await report(ferry, source_id, "START");
    expect((await offer()).command_name).toBe("TASK_NOT_STARTED");
  });

  test("hands out task_id and bucket where there are any", async () => {
    await queue(ferry, source_id, "UPLOAD_LOG", { command_param: { task_id: "t-1", bucket: "logs" } });
    expect(await offer()).toMatchObject({
      command_name: "UPLOAD_LOG",
      command_param: { task_id: "t-1", bucket: "logs" },
    });
  });

  test("the first delivery is stored before the reply; one at the same time is the second", async () => {
    const id = await queue(ferry, source_id, "START");
    const attempts = (await Promise.all([offer(), offer(), offer()])).map(({ attempt }) => attempt).sort();
    expect(attempts).toEqual(["1", "2", "3"]);
    expect(await ferry.rows("SELECT state, first_delivered_at FROM commands WHERE id = ?", uuidBytes(id))).toEqual([
      { state: "delivered", first_delivered_at: ferry.clock.now() },
    ]);
    expect(
      await ferry.rows(
        "SELECT type, actor, address, sources.id AS source_id FROM events JOIN sources ON sources.seq = source_seq WHERE command_seq = (SELECT seq FROM commands WHERE id = ?) AND type = 'command.delivered'",
        uuidBytes(id),
      ),
    ).toEqual([{ type: "command.delivered", actor: ferry.keys.agent.access_key, address: "192.0.2.7", source_id }]);
  });

  test("a delivery stays marked after a crash", async () => {
    await queue(ferry, source_id, "START");
    await offer();
    await ferry.restart();
    expect((await offer()).attempt).toBe("2");
  });

  test("control commands come before log commands, the oldest first", async () => {
    const log = await queue(ferry, source_id, "UPLOAD_LOG");
    const start = await queue(ferry, source_id, "START", { command_param: { task_id: "a" } });
    await queue(ferry, source_id, "SYNC", { command_param: { task_id: "b" } });
    expect((await offer()).id).toBe(start);
    await report(ferry, source_id, "START");
    expect((await offer()).command_name).toBe("SYNC");
    await report(ferry, source_id, "SYNC");
    expect((await offer()).id).toBe(log);
  });

  test("a STOP queued before the agent fetched START yields STOP only", async () => {
    await queue(ferry, source_id, "START");
    await queue(ferry, source_id, "STOP");
    expect((await offer()).command_name).toBe("STOP");
    await report(ferry, source_id, "STOP");
    expect((await offer()).command_name).toBe("TASK_NOT_STARTED");
  });

  test("DELETE is never superseded and comes before the START after it", async () => {
    const deleted = await queue(ferry, source_id, "DELETE");
    const start = await queue(ferry, source_id, "START");
    expect((await offer()).id).toBe(deleted);
    await report(ferry, source_id, "DELETE");
    expect((await offer()).id).toBe(start);
  });

  test("makes the source connected; looking at it does not", async () => {
    const shown = async () => (await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json;
    expect((await shown()).connected).toBe(false);
    await ferry.clock.advance(5_000);
    await poll(ferry, source_id);
    const { connected, last_visit_time } = await shown();
    expect({ connected, last_visit_time }).toEqual({ connected: true, last_visit_time: ferry.clock.now() });
    await ferry.clock.advance(60_000);
    expect((await shown()).connected).toBe(false);
  });

  test("a clock that was ahead and is set back leaves nobody connected", async () => {
    ferry.clock.set(START + 30 * 86_400_000);
    await poll(ferry, source_id);
    await ferry.runJobs();
    ferry.clock.set(START);
    const connected = async () => (await ferry.call("viewer", "GET", "/v3/sources?connected=true")).json.count;
    expect((await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json).toMatchObject({
      connected: false,
      last_visit_time: START,
    });
    expect(await connected()).toBe(0);
    await poll(ferry, source_id);
    expect(await connected()).toBe(1);
    await ferry.clock.advance(60_000);
    const shown = async () => (await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json;
    expect(await shown()).toMatchObject({ connected: false, last_visit_time: START });
    await ferry.runJobs();
    await ferry.restart();
    expect(await shown()).toMatchObject({ connected: false, last_visit_time: START });
  });

  test("refuses what is wrong, changing nothing", async () => {
    await queue(ferry, source_id, "START");
    const refusals: [string, string, number, string][] = [
      ["agent", "/v3/sources/nobody/command", 404, "SMS.8004"],
      ["agent", `/v3/sources/${"x".repeat(256)}/command`, 400, "SMS.8001"],
      ["agent", `/v3/sources/${source_id}/command?wait=56`, 400, "SMS.8001"],
      ["agent", `/v3/sources/${source_id}/command?wait=-1`, 400, "SMS.8001"],
      ["agent", `/v3/sources/${source_id}/command?wait=1.5`, 400, "SMS.8001"],
      ["agent", `/v3/sources/${source_id}/command?wait=1&wait=2`, 400, "SMS.8001"],
      ["viewer", `/v3/sources/${source_id}/command`, 403, "SMS.9004"],
      ["foreign", `/v3/sources/${source_id}/command`, 404, "SMS.8004"],
    ];
    for (const [as, path, status, error_code] of refusals) {
      const reply = await ferry.call(as as "agent", "GET", path);
      expect([path, reply.status, reply.json.error_code]).toEqual([path, status, error_code]);
    }
    expect(await ferry.rows("SELECT state, attempts FROM commands")).toEqual([{ state: "queued", attempts: 0 }]);
    expect((await poll(ferry, "x".repeat(255))).status).toBe(404);
  });
});

describe("where memory and file disagree", () => {
  test("a poll reads the file and goes on", async () => {
    await queue(ferry, source_id, "START");
    await ferry.database.client.execute("UPDATE commands SET state = 'cancelled', ended_at = 1");
    expect((await offer()).command_name).toBe("TASK_NOT_STARTED");
    const id = await queue(ferry, source_id, "STOP");
    expect(await offer()).toMatchObject({ id, attempt: "1" });
  });
});

describe("showCommand with wait", () => {
  const waitingPoll = async (seconds: number, signal?: AbortSignal) => {
    let done = false;
    const answer = ferry
      .call("agent", "GET", `/v3/sources/${source_id}/command?wait=${seconds}`, { ...(signal && { signal }) })
      .then((reply) => {
        done = true;
        return reply;
      });
    await settle();
    return { answer, isDone: () => done };
  };

  test("answers the moment a command is queued", async () => {
    const { answer, isDone } = await waitingPoll(55);
    await ferry.clock.advance(10_000);
    expect(isDone()).toBe(false);
    const id = await queue(ferry, source_id, "START");
    await ferry.pollsLook();
    const { headers, json } = await answer;
    expect([json.command_name, headers.get("x-command-id")]).toEqual(["START", id]);
    expect(ferry.clock.waiting()).toBe(0);
  });

  test("answers idle when the time is up, and at once when something is there", async () => {
    const { answer, isDone } = await waitingPoll(20);
    await ferry.clock.advance(19_999);
    expect(isDone()).toBe(false);
    await ferry.clock.advance(1);
    expect((await answer).json).toEqual({ command_name: "TASK_NOT_STARTED" });
    await queue(ferry, source_id, "START");
    expect((await (await waitingPoll(20)).answer).json.command_name).toBe("START");
    expect(ferry.clock.waiting()).toBe(0);
  });

  test("an agent that has gone is not handed a command", async () => {
    const gone = new AbortController();
    const { answer } = await waitingPoll(55, gone.signal);
    gone.abort();
    await answer;
    await queue(ferry, source_id, "START");
    expect(await ferry.rows("SELECT attempts FROM commands")).toEqual([{ attempts: 0 }]);
  });

  test("a key disabled meanwhile gets no command any more", async () => {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { role: "agent" } });
    const answer = ferry.call(key, "GET", `/v3/sources/${source_id}/command?wait=55`);
    await settle();
    await ferry.call("admin", "POST", `/operate/v1/keys/${key.access_key}/disable`);
    await queue(ferry, source_id, "START");
    await ferry.pollsLook();
    expect((await answer).status).toBe(401);
    expect(await ferry.rows("SELECT state FROM commands")).toEqual([{ state: "queued" }]);
  });

  test("another source's command wakes nobody", async () => {
    const other = await register(ferry, "web-2");
    const { answer, isDone } = await waitingPoll(30);
    await queue(ferry, other, "START");
    await settle();
    expect(isDone()).toBe(false);
    await ferry.clock.advance(30_000);
    await answer;
  });

  test("ends when the agent goes away or the service stops, leaving nothing behind", async () => {
    const gone = new AbortController();
    const first = await waitingPoll(55, gone.signal);
    gone.abort();
    await first.answer;
    const second = await waitingPoll(55);
    ferry.services.mailbox.close();
    expect((await second.answer).json).toEqual({ command_name: "TASK_NOT_STARTED" });
    expect((await (await waitingPoll(55)).answer).status).toBe(200);
    expect(ferry.clock.waiting()).toBe(0);
  });

  test("a command queued while the poll is on its way is not missed", async () => {
    for (let round = 0; round < 20; round += 1) {
      const answer = ferry.call("agent", "GET", `/v3/sources/${source_id}/command?wait=55`);
      await queue(ferry, source_id, "START");
      await ferry.pollsLook();
      expect((await answer).json.command_name).toBe("START");
      await report(ferry, source_id, "START");
    }
  });
});
