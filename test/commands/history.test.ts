import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { background } from "../../src/background.ts";
import { uuidBytes } from "../../src/db/uuid.ts";
import { type Ferry, poll, queue, type Reply, register, report, START, startFerry } from "../harness.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let ferry: Ferry;
let web1: string;
let web2: string;
let started: string;
let failed: string;
let waiting: string;

/** web-1: START succeeded (reported twice), STOP failed 10 s later; web-2, deleted since: an unsolicited report and a cancelled SYNC. */
beforeAll(async () => {
  ferry = await startFerry();
  web1 = await register(ferry, "web-1");
  web2 = await register(ferry, "web-2");
  started = await queue(ferry, web1, "START", { command_param: { task_id: "t-1" } });
  await poll(ferry, web1);
  await report(ferry, web1, "START", "success", { n: 1 });
  await report(ferry, web1, "START", "success", { n: 1 });
  await ferry.clock.advance(10_000);
  failed = await queue(ferry, web1, "STOP");
  await poll(ferry, web1);
  await poll(ferry, web1);
  await report(ferry, web1, "STOP", "fail", { n: 2 });
  waiting = await queue(ferry, web2, "SYNC");
  await report(ferry, web2, "SYNC", "fail", { n: 3 });
  await ferry.call("operator", "DELETE", `/v3/sources/${web2}`);
});
afterAll(() => ferry.stop());

const ids = async (path: string, as: "viewer" | "foreign" = "viewer") =>
  (await ferry.call(as, "GET", path)).json.items.map((item: { id: string }) => item.id);
const details = async (query: string) =>
  (await ferry.call("viewer", "GET", `/operate/v1/results${query}`)).json.items.map(
    (item: { result_detail: { n: number } }) => item.result_detail.n,
  );

describe("listCommands", () => {
  test("newest first, the other way on request, those of deleted sources too", async () => {
    expect(await ids("/operate/v1/commands")).toEqual([waiting, failed, started]);
    expect(await ids("/operate/v1/commands?order=oldest")).toEqual([started, failed, waiting]);
  });

  test("filters", async () => {
    const expected: [string, string[]][] = [
      [`source_id=${web1}`, [failed, started]],
      [`source_id=${web2}`, [waiting]],
      ["source_id=nobody", []],
      ["state=failed", [failed]],
      ["state=cancelled", [waiting]],
      ["command_name=START", [started]],
      [`since=${START + 1}`, [waiting, failed]],
      [`until=${START + 1}`, [started]],
      [`since=${START}&until=${START + 10_000}&source_id=${web1}&state=succeeded`, [started]],
    ];
    for (const [query, found] of expected)
      expect([query, await ids(`/operate/v1/commands?${query}`)]).toEqual([query, found]);
  });

  test("pages until next_cursor is null, each item once", async () => {
    for (const order of ["newest", "oldest"]) {
      const seen: string[] = [];
      let cursor = "";
      do {
        const { json } = await ferry.call(
          "viewer",
          "GET",
          `/operate/v1/commands?limit=1&order=${order}${cursor && `&cursor=${cursor}`}`,
        );
        seen.push(...json.items.map((item: { id: string }) => item.id));
        cursor = json.next_cursor ?? "";
      } while (cursor !== "");
      expect(seen).toEqual(await ids(`/operate/v1/commands?order=${order}`));
    }
  });

  test("shows another account nothing", async () => {
    expect(await ids("/operate/v1/commands", "foreign")).toEqual([]);
    expect(await ids("/operate/v1/results", "foreign")).toEqual([]);
  });

  test.each([
    "limit=0",
    "limit=1001",
    "limit=x",
    "cursor=x",
    "order=random",
    "state=open",
    "sorce_id=1",
    "since=yesterday",
    "limit=1&limit=2",
  ])("refuses %s", async (query) => {
    for (const list of ["commands", "results", "events"]) {
      const { status, json } = await ferry.call("viewer", "GET", `/operate/v1/${list}?${query}`);
      expect([list, status, json.error_code]).toEqual([list, 400, "SMS.8001"]);
    }
  });
});

describe("findCommand", () => {
  test("tells deliveries and every report on it", async () => {
    const { json } = await ferry.call("viewer", "GET", `/operate/v1/commands/${failed}`);
    expect(json).toMatchObject({
      state: "failed",
      attempts: 2,
      first_delivered_at: START + 10_000,
      last_delivered_at: START + 10_000,
    });
    expect(json.reports).toMatchObject([
      { kind: "matched", result: "fail", result_detail: { n: 2 }, received_at: START + 10_000, command_id: failed },
    ]);
    const repeated = (await ferry.call("viewer", "GET", `/operate/v1/commands/${started}`)).json.reports;
    expect(repeated.map((item: { kind: string }) => item.kind)).toEqual(["matched", "repeat"]);
  });

  test("a cancelled one has its reason; unknown ones and another account's are 404", async () => {
    const { json } = await ferry.call("viewer", "GET", `/operate/v1/commands/${waiting}`);
    expect(json).toMatchObject({ state: "cancelled", reason: "source_deleted", reports: [] });
    expect((await ferry.call("viewer", "GET", "/operate/v1/commands/nobody")).status).toBe(404);
    expect((await ferry.call("foreign", "GET", `/operate/v1/commands/${waiting}`)).status).toBe(404);
  });

  test("later deliveries are written by a job", async () => {
    await ferry.runJobs();
    expect(await ferry.rows("SELECT attempts FROM commands WHERE id = ?", uuidBytes(failed))).toEqual([
      { attempts: 2 },
    ]);
  });
});

describe("listResults", () => {
  test("every report whole, newest first, with filters", async () => {
    expect(await details("")).toEqual([3, 2, 1, 1]);
    const expected: [string, number[]][] = [
      [`?source_id=${web2}`, [3]],
      ["?command_name=START", [1, 1]],
      ["?result=fail", [3, 2]],
      ["?kind=repeat", [1]],
      ["?kind=unsolicited", [3]],
      [`?since=${START + 1}&order=oldest`, [2, 3]],
      [`?until=${START + 1}`, [1, 1]],
    ];
    for (const [query, found] of expected) expect([query, await details(query)]).toEqual([query, found]);
    const [newest] = (await ferry.call("viewer", "GET", "/operate/v1/results")).json.items;
    expect(newest).toEqual({
      id: newest.id,
      source_id: web2,
      source_name: "web-2",
      command_id: null,
      command_name: "SYNC",
      result: "fail",
      kind: "unsolicited",
      received_at: START + 10_000,
      result_detail: { n: 3 },
    });
  });

  test("streams all that match as lines of JSON, whatever the limit", async () => {
    const { headers, text } = await ferry.call("viewer", "GET", "/operate/v1/results?limit=1&order=oldest", {
      headers: { accept: "application/x-ndjson" },
    });
    expect(headers.get("content-type")).toBe("application/x-ndjson");
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).result_detail.n),
    ).toEqual([1, 1, 2, 3]);
  });

  test("streams past one page of the database", async () => {
    await Promise.all(Array.from({ length: 1_100 }, (_, n) => report(ferry, web1, "RSET_LOG_ACL", "success", { n })));
    const { text } = await ferry.call("viewer", "GET", "/operate/v1/results?command_name=RSET_LOG_ACL", {
      headers: { accept: "application/x-ndjson" },
    });
    const seen = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).result_detail.n);
    expect(new Set(seen).size).toBe(1_100);
  });
});

test("a detail with line breaks is one line of the stream, and the same value", async () => {
  await ferry.call("agent", "POST", `/v3/sources/${web1}/command_result`, {
    text: '{"command_name":"SKIP","result":"success","result_detail":{"a":1,\r\n "b":"x\\ny"}}',
  });
  const { text } = await ferry.call("viewer", "GET", "/operate/v1/results?command_name=SKIP", {
    headers: { accept: "application/x-ndjson" },
  });
  expect(text.split("\n").length).toBe(2);
  expect(JSON.parse(text).result_detail).toEqual({ a: 1, b: "x\ny" });
});

describe("retention", () => {
  const count = async (table: string, column: string) =>
    Number((await ferry.rows(`SELECT count(*) AS n FROM ${table} WHERE ${column} < ?`, START + 1))[0]?.n);

  test("deletes what is older, in small batches, and nothing else", async () => {
    const [total] = await ferry.rows("SELECT count(*) AS n FROM results");
    expect(await ferry.services.history.deleteOldResults(START + 1, 1)).toBe(1);
    expect(await ferry.services.history.deleteOldResults(START + 1, 500)).toBe(1);
    expect(await ferry.services.history.deleteOldResults(START + 1, 500)).toBe(0);
    expect(await ferry.rows("SELECT count(*) AS n FROM results")).toEqual([{ n: Number(total?.n) - 2 }]);
  });

  test("the job deletes everything past its age, also behind rows from a clock that was ahead", async () => {
    const own = await startFerry();
    const id = await register(own);
    own.clock.set(START + 400 * DAY_MS);
    for (let n = 0; n < 3; n += 1) await report(own, id, "STOP");
    own.clock.set(START);
    for (let n = 0; n < 3; n += 1) await report(own, id, "STOP");
    own.clock.set(START + 31 * DAY_MS);
    const settings = { results_retention_days: 30, events_retention_days: 30 };
    await background(own.platform, own.database, own.services, settings).runAll();
    expect(await own.rows("SELECT count(*) AS n FROM results")).toEqual([{ n: 3 }]);
    expect(await own.rows("SELECT count(*) AS n FROM events WHERE at = ?", START)).toEqual([{ n: 0 }]);
    await own.stop();
  });

  test("is off by default", async () => {
    const before = await count("events", "at");
    await ferry.clock.advance(400 * DAY_MS);
    await ferry.runJobs();
    expect(await count("events", "at")).toBe(before);
    expect(before).toBeGreaterThan(0);
  });
});

describe("listResults with long details", () => {
  const MiB = 1024 * 1024;
  test("gives shorter pages instead of huge ones, and skips nothing", async () => {
    const own = await startFerry();
    const id = await register(own);
    for (let n = 0; n < 6; n += 1) await report(own, id, "STOP", "success", { n, text: "x".repeat(1.5 * MiB) });
    await report(own, id, "STOP", "success", { n: 6, text: "x".repeat(own.database.exclusive ? 9 * MiB : 4.5 * MiB) });
    const pages: number[][] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { json }: Reply = await own.call(
        "viewer",
        "GET",
        `/operate/v1/results?order=oldest${cursor && `&cursor=${cursor}`}`,
      );
      pages.push(json.items.map((item: { result_detail: { n: number } }) => item.result_detail.n));
      cursor = json.next_cursor;
    }
    expect(pages).toEqual([[0, 1], [2, 3], [4, 5], [6]]);
    const { text } = await own.call("viewer", "GET", "/operate/v1/results", {
      headers: { accept: "application/x-ndjson" },
    });
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).result_detail.n),
    ).toEqual([6, 5, 4, 3, 2, 1, 0]);
    await own.stop();
  });

  test("a stream ends with the credentials it was asked for with", async () => {
    const own = await startFerry();
    const id = await register(own);
    for (let n = 0; n < 3; n += 1) await report(own, id, "STOP", "success", { n, text: "x".repeat(3 * MiB) });
    const streaming = await own.send("viewer", "GET", "/operate/v1/results", {
      headers: { accept: "application/x-ndjson" },
    });
    const reader = streaming.body?.getReader();
    await reader?.read();
    await own.call("admin", "POST", `/operate/v1/keys/${own.keys.viewer.access_key}/disable`);
    await expect(
      (async () => {
        for (;;) if ((await reader?.read())?.done) return;
      })(),
    ).rejects.toThrow();
    await own.stop();
  });

  test("a stream whose first page fails is refused; one that fails later breaks off and is logged", async () => {
    const own = await startFerry();
    const id = await register(own);
    for (let n = 0; n < 3; n += 1) await report(own, id, "STOP", "success", { n, text: "x".repeat(3 * MiB) });
    const ask = () => own.send("viewer", "GET", "/operate/v1/results", { headers: { accept: "application/x-ndjson" } });
    const streaming = await ask();
    const reader = streaming.body?.getReader();
    await reader?.read();
    own.database.close();
    await expect(
      (async () => {
        for (;;) if ((await reader?.read())?.done) return;
      })(),
    ).rejects.toThrow();
    expect(own.logged.at(-1)?.message).toBe("a stream broke off");
    expect((await ask()).status).toBe(500);
    await own.stop();
  });
});
