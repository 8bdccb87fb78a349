import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { signedRequest } from "../../src/client/client.ts";
import { uuidBytes, uuidTextInSql } from "../../src/db/uuid.ts";
import { type Ferry, poll, queue, register, report, startFerry } from "../harness.ts";

let ferry: Ferry;
let source_id: string;
beforeEach(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
});
afterEach(() => ferry.stop());

const deliver = async (name: string, more: Record<string, unknown> = {}) => {
  const id = await queue(ferry, source_id, name, more);
  await poll(ferry, source_id);
  return id;
};
const stored = () =>
  ferry.rows(
    `SELECT r.kind, ${uuidTextInSql("c.id")} AS command_id, r.command_name, r.result FROM results r LEFT JOIN commands c ON c.seq = r.command_seq ORDER BY r.seq`,
  );
const state = async (id: string) =>
  (await ferry.rows("SELECT state FROM commands WHERE id = ?", uuidBytes(id)))[0]?.state;
const kinds = async () => (await stored()).map(({ kind }) => kind);

describe("updateCommandResult", () => {
  test("ends the delivered command, and command, report and event are one commit", async () => {
    const id = await deliver("START");
    await ferry.clock.advance(1_000);
    const reply = await report(ferry, source_id, "START", "success", { pid: 4117 });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect(await ferry.rows("SELECT state, reason, ended_at FROM commands WHERE id = ?", uuidBytes(id))).toEqual([
      { state: "succeeded", reason: null, ended_at: ferry.clock.now() },
    ]);
    expect(await ferry.rows("SELECT kind, result_detail, received_at FROM results")).toEqual([
      { kind: "matched", result_detail: '{"pid":4117}', received_at: ferry.clock.now() },
    ]);
    const { json } = await ferry.call("viewer", "GET", `/operate/v1/events?command_id=${id}&limit=1`);
    expect(json.items).toEqual([
      {
        id: expect.any(Number),
        at: ferry.clock.now(),
        type: "command.reported",
        actor: ferry.keys.agent.access_key,
        address: "192.0.2.7",
        source_id,
        source_name: "web-1",
        command_id: id,
        data: { command_name: "START", result: "success", kind: "matched" },
      },
    ]);
  });

  test("a failed command is data, not an error", async () => {
    const id = await deliver("STOP");
    expect((await report(ferry, source_id, "STOP", "fail", { reason: "copy still flushing" })).status).toBe(200);
    expect(await state(id)).toBe("failed");
  });

  test("a report for a command that no poll has fetched is unsolicited", async () => {
    const id = await queue(ferry, source_id, "START");
    await report(ferry, source_id, "START");
    expect(await stored()).toEqual([
      { kind: "unsolicited", command_id: null, command_name: "START", result: "success" },
    ]);
    expect(await state(id)).toBe("queued");
  });

  test("a clock that is behind the one that delivered it ends it all the same", async () => {
    const id = await queue(ferry, source_id, "STOP");
    await poll(ferry, source_id);
    ferry.clock.set(ferry.clock.now() - 1_500);
    await report(ferry, source_id, "STOP");
    ferry.clock.set(ferry.clock.now() + 1_500);
    expect((await ferry.call("viewer", "GET", `/operate/v1/commands/${id}`)).json).toMatchObject({
      state: "succeeded",
      reports: [{ kind: "matched" }],
    });
  });

  test("the same report again is a repeat: members in any order, numbers by their text", async () => {
    const id = await deliver("START");
    const send = (text: string) =>
      ferry.call("agent", "POST", `/v3/sources/${source_id}/command_result`, {
        text: `{"command_name":"START","result":"success","result_detail":${text}}`,
      });
    await send('{"a":1,"b":[2.0,{"c":null}]}');
    await send('{ "b": [2.0, {"c": null}], "a": 1 }');
    await send('{"a":1,"b":[2,{"c":null}]}');
    await report(ferry, source_id, "START", "fail", { a: 1 });
    expect(await kinds()).toEqual(["matched", "repeat", "unsolicited", "unsolicited"]);
    expect((await stored())[1]?.command_id).toBe(id);
  });

  test("a report after the command ended otherwise is late and points at it", async () => {
    const cancelled = await deliver("START");
    await ferry.call("operator", "POST", `/operate/v1/commands/${cancelled}/cancel`);
    await report(ferry, source_id, "START");
    const overdue = await deliver("SKIP", { finish_within_s: 10 });
    await ferry.clock.advance(10_000);
    await ferry.runJobs();
    await report(ferry, source_id, "SKIP");
    const superseded = await deliver("SYNC");
    await queue(ferry, source_id, "STOP");
    await report(ferry, source_id, "SYNC");
    expect((await stored()).map(({ kind, command_id }) => [kind, command_id])).toEqual([
      ["late", cancelled],
      ["late", overdue],
      ["late", superseded],
    ]);
    expect([await state(cancelled), await state(overdue), await state(superseded)]).toEqual([
      "cancelled",
      "overdue",
      "superseded",
    ]);
  });

  test("a deadline holds to the millisecond, whether or not the job that ends the command has run", async () => {
    const first = await deliver("UPLOAD_LOG", { finish_within_s: 1 });
    await ferry.clock.advance(999);
    await report(ferry, source_id, "UPLOAD_LOG");
    expect(await state(first)).toBe("succeeded");
    const second = await deliver("UPLOAD_LOG", { finish_within_s: 1 });
    await ferry.clock.advance(1_000);
    await report(ferry, source_id, "UPLOAD_LOG");
    expect(await stored()).toMatchObject([
      { kind: "matched", command_id: first },
      { kind: "late", command_id: second },
    ]);
    await ferry.runJobs();
    expect(await state(second)).toBe("overdue");
  });

  test("of several delivered ones of a name the oldest that is in time is ended", async () => {
    const past = await deliver("UPLOAD_LOG", { finish_within_s: 1 });
    await ferry.clock.advance(1_000);
    const inTime = await deliver("UPLOAD_LOG");
    await report(ferry, source_id, "UPLOAD_LOG");
    expect([await state(past), await state(inTime)]).toEqual(["delivered", "succeeded"]);
  });

  test("result_detail comes back as it was sent", async () => {
    const detail =
      '{"big":12345678901234567890,"one":1.0,"tiny":1e-7,"none":null,"list":[null,{}],"__proto__":{"x":1},"constructor":2,"text":"ü\\u00fc\\ud83d\\ude00 \\"q\\""}';
    await ferry.call("agent", "POST", `/v3/sources/${source_id}/command_result`, {
      text: `{"command_name":"START", "result_detail" : ${detail} ,"result":"success"}\n`,
    });
    const { text } = await ferry.call("viewer", "GET", "/operate/v1/results");
    expect(text).toContain(`"result_detail":${detail}}`);
  });

  test("a member named twice counts as JSON has it: the last one", async () => {
    await ferry.call("agent", "POST", `/v3/sources/${source_id}/command_result`, {
      text: '{"result_detail":{"a":1},"command_name":"START","result":"success","result_detail":{"a":2}}',
    });
    expect(await ferry.rows("SELECT result_detail FROM results")).toEqual([{ result_detail: '{"a":2}' }]);
  });

  test("reports of many sources at once each find their own command", async () => {
    const sources = await Promise.all(Array.from({ length: 40 }, (_, index) => register(ferry, `web-${index}`)));
    const ids = await Promise.all(sources.map((id) => queue(ferry, id, "START")));
    await Promise.all(sources.map((id) => poll(ferry, id)));
    await Promise.all(
      sources.map((id, index) => report(ferry, id, "START", index % 2 ? "fail" : "success", { index })),
    );
    for (const [index, id] of ids.entries()) {
      const { json } = await ferry.call("viewer", "GET", `/operate/v1/commands/${id}`);
      expect([
        json.source_id,
        json.state,
        json.reports.map((item: { result_detail: unknown }) => item.result_detail),
      ]).toEqual([sources[index], index % 2 ? "failed" : "succeeded", [{ index }]]);
    }
  });

  test("the same report 50 times at once: one matched, the rest repeats", async () => {
    await deliver("START");
    await Promise.all(Array.from({ length: 50 }, () => report(ferry, source_id, "START", "success", { a: 1 })));
    const all = await kinds();
    expect([
      all.length,
      all.filter((kind) => kind === "matched").length,
      all.filter((kind) => kind === "repeat").length,
    ]).toEqual([50, 1, 49]);
  });
});

describe("updateCommandResult with X-Command-Id", () => {
  const reportFor = (id: string, name = "START") =>
    report(ferry, source_id, name, "success", {}, { "x-command-id": id });

  test("looks at exactly that command", async () => {
    const log1 = await deliver("UPLOAD_LOG");
    await ferry.call("operator", "POST", `/operate/v1/commands/${log1}/cancel`);
    const log2 = await deliver("UPLOAD_LOG");
    await reportFor(log1, "UPLOAD_LOG");
    expect(await stored()).toMatchObject([{ kind: "late", command_id: log1 }]);
    expect(await state(log2)).toBe("delivered");
    await reportFor(log2, "UPLOAD_LOG");
    expect(await state(log2)).toBe("succeeded");
    await reportFor(log2, "UPLOAD_LOG");
    expect(await kinds()).toEqual(["late", "matched", "repeat"]);
  });

  test("unknown, of another source, of another name or still undelivered: unsolicited", async () => {
    const other = await register(ferry, "web-2");
    const elsewhere = await queue(ferry, other, "START");
    await poll(ferry, other);
    const undelivered = await queue(ferry, source_id, "START");
    await reportFor("no-such-command");
    await reportFor(elsewhere);
    await reportFor(undelivered);
    await poll(ferry, source_id);
    await reportFor(undelivered, "STOP");
    await reportFor(`${undelivered}, ${undelivered}`);
    expect(await kinds()).toEqual(Array(5).fill("unsolicited"));
    expect([await state(elsewhere), await state(undelivered)]).toEqual(["delivered", "delivered"]);
  });

  test("is ignored where the signature does not cover it", async () => {
    const id = await deliver("START");
    const request = await signedRequest(
      { endpoint: "http://ferry.test", ...ferry.keys.agent },
      ferry.clock.now(),
      `http://ferry.test/v3/sources/${source_id}/command_result`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"command_name":"START","result":"success","result_detail":{}}',
      },
    );
    request.headers.set("x-command-id", "something-else");
    expect((await ferry.app.fetch(request, {})).status).toBe(200);
    expect(await stored()).toMatchObject([{ kind: "matched", command_id: id }]);
  });
});

describe("updateCommandResult refuses", () => {
  const good = { command_name: "START", result: "success", result_detail: {} };
  const bodies: [name: string, text: string][] = [
    ["an empty body", ""],
    ["broken JSON", '{"command_name":'],
    ["a list", "[]"],
    ["a text", '"START"'],
    ["null", "null"],
    ["a missing command_name", JSON.stringify({ ...good, command_name: undefined })],
    ["a missing result", JSON.stringify({ ...good, result: undefined })],
    ["a missing result_detail", JSON.stringify({ ...good, result_detail: undefined })],
    ["result_detail null", JSON.stringify({ ...good, result_detail: null })],
    ["result_detail a text", JSON.stringify({ ...good, result_detail: "{}" })],
    ["result_detail a list", JSON.stringify({ ...good, result_detail: [] })],
    ["result_detail a number", JSON.stringify({ ...good, result_detail: 1 })],
    ["result_detail true", JSON.stringify({ ...good, result_detail: true })],
    ["an idle name", JSON.stringify({ ...good, command_name: "TASK_NOT_STARTED" })],
    ["an unknown name", JSON.stringify({ ...good, command_name: "FORMAT" })],
    ["a name in lower case", JSON.stringify({ ...good, command_name: "start" })],
    ["an empty name", JSON.stringify({ ...good, command_name: "" })],
    ["a result in another case", JSON.stringify({ ...good, result: "Success" })],
    ["an unknown result", JSON.stringify({ ...good, result: "done" })],
    ["a result that is no text", JSON.stringify({ ...good, result: true })],
    [
      "JSON nested too deep",
      `{"command_name":"START","result":"success","result_detail":${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}}`,
    ],
  ];
  test.each(bodies)("%s with 400, storing nothing", async (_name, text) => {
    const before = await ferry.rows("SELECT count(*) AS events FROM events");
    const reply = await ferry.call("agent", "POST", `/v3/sources/${source_id}/command_result`, { text });
    expect([reply.status, reply.json.error_code]).toEqual([400, "SMS.8001"]);
    expect(await ferry.rows("SELECT * FROM results")).toEqual([]);
    expect(await ferry.rows("SELECT count(*) AS events FROM events")).toEqual(before);
  });

  test("bytes that are not UTF-8 and other media types", async () => {
    const path = `/v3/sources/${source_id}/command_result`;
    const bytes = new Uint8Array([
      ...new TextEncoder().encode('{"command_name":"START","result":"success","result_detail":{"a":"'),
    ]);
    const body = new Uint8Array([...bytes, 0xff, ...new TextEncoder().encode('"}}')]);
    const request = await signedRequest(
      { endpoint: "", ...ferry.keys.agent },
      ferry.clock.now(),
      `http://ferry.test${path}`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      },
    );
    expect((await ferry.app.fetch(request, {})).status).toBe(400);
    const text = JSON.stringify(good);
    const types: [string, number][] = [
      ["text/plain", 400],
      ["application/x-www-form-urlencoded", 400],
      ["application/jsonp", 400],
      ["application/json; charset=utf-8", 200],
      ["application/json;charset=latin1", 200],
    ];
    for (const [type, status] of types) {
      const reply = await ferry.call("agent", "POST", path, { text, headers: { "content-type": type } });
      expect([type, reply.status]).toEqual([type, status]);
    }
  });

  test("an unknown source and another account's, in the same words", async () => {
    const path = (id: string) => `/v3/sources/${id}/command_result`;
    const unknown = await ferry.call("agent", "POST", path("nobody"), { body: good });
    const foreign = await ferry.call("foreign", "POST", path(source_id), { body: good });
    expect([unknown.status, foreign.status]).toEqual([404, 404]);
    expect(foreign.json.error_msg.replace(source_id, "ID")).toBe(unknown.json.error_msg.replace("nobody", "ID"));
    // A bad body for an unknown id is a bad body.
    expect((await ferry.call("agent", "POST", path("nobody"), { body: {} })).status).toBe(400);
  });
});
