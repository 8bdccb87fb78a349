import { afterEach, beforeEach, describe, expect, test } from "bun:test";
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

const result = (dir_check: string, more: Record<string, unknown> = {}) => ({
  dir_check,
  num_total_files: 1000,
  num_different_files: 3,
  num_target_miss_files: 2,
  num_target_more_files: 1,
  ...more,
});
const upload = (body: object, id = task_id, as: Caller = "agent") =>
  ferry.call(as, "POST", `/v3/tasks/${id}/consistency-result`, { body });
const show = (id = task_id, as: Caller = "viewer") => ferry.call(as, "GET", `/v3/tasks/${id}/consistency-result`);
const exported = (task_info: unknown, as: Caller = "operator") =>
  ferry.call(as, "POST", "/v3/tasks/consistency-results/export", { body: { task_info } });
const stored = async () =>
  (await ferry.rows("SELECT finished_time, consistency_result FROM consistency_results ORDER BY seq")).map(
    ({ finished_time, consistency_result }) => [finished_time, JSON.parse(String(consistency_result))],
  );

const HEADER =
  "task_id,source_id,source_name,finished_time,dir_check,num_total_files,num_different_files,num_target_miss_files,num_target_more_files";

describe("updateConsistencyResult and showConsistencyResult", () => {
  test("a task without results has an empty list", async () => {
    const { status, json } = await show();
    expect([status, json]).toEqual([200, { task_id, result_list: [] }]);
  });

  test("each upload is an entry of its own, oldest first, as it was sent", async () => {
    const [one, two] = [
      result("/root/data", { num_total_files: 0 }),
      result('C:\\Users\\é "x"', { num_total_files: 1e6 }),
    ];
    const { status, text } = await upload({ consistency_result: [one, two] });
    expect([status, text]).toEqual([200, "{}"]);
    await ferry.clock.advance(1500);
    await upload({ consistency_result: [two] });
    await upload({});
    await upload({ consistency_result: null });
    expect((await show()).json).toEqual({
      task_id,
      result_list: [
        { finished_time: START, check_result: "finished", consistency_result: [one, two] },
        { finished_time: START + 1500, check_result: "finished", consistency_result: [two] },
        { finished_time: START + 1500, check_result: "finished", consistency_result: [] },
        { finished_time: START + 1500, check_result: "finished", consistency_result: [] },
      ],
    });
  });

  test("is an event with who uploaded; what was found is not part of it", async () => {
    await upload({ consistency_result: [result("/a")] });
    expect(await eventsOf(ferry, task_id)).toEqual([
      {
        type: "task.checked",
        actor: ferry.keys.agent.access_key,
        source_id,
        data: { task_id, check: "consistency" },
      },
    ]);
  });

  test("takes exactly what the contract bounds, and unknown members without a word", async () => {
    const longest = "ä".repeat(1024);
    const most = Array.from({ length: 30 }, () => result(longest));
    const sent = { consistency_result: most.map((one) => ({ ...one, extra: 1 })), more: true };
    expect((await upload(sent)).status).toBe(200);
    expect((await show()).json.result_list[0].consistency_result).toEqual(most);
    const refused: [unknown, string][] = [
      [[...most, result("/")], "consistency_result (in the body) must have at most 30 items"],
      [[result(`${longest}x`)], "consistency_result.0.dir_check (in the body) must have at most 1024 characters"],
      [[result("/", { num_total_files: 1_000_001 })], "num_total_files (in the body) must be at most 1000000"],
      [[result("/", { num_different_files: -1 })], "num_different_files (in the body) must be at least 0"],
      [[result("/", { num_target_miss_files: 1.5 })], "num_target_miss_files (in the body) must be a whole number"],
      [[result("/", { num_target_more_files: "1" })], "num_target_more_files (in the body) must be a number"],
      [[result("/", { num_target_more_files: null })], "num_target_more_files (in the body) is missing"],
      [[result("/"), { dir_check: "/" }], "consistency_result.1.num_total_files (in the body) is missing"],
      [result("/"), "consistency_result (in the body) must be a list"],
    ];
    for (const [consistency_result, why] of refused) {
      const { status, json } = await upload({ consistency_result });
      expect([status, json.error_code, json.error_msg]).toEqual([400, "SMS.8001", expect.stringContaining(why)]);
    }
    expect(await stored()).toHaveLength(1);
  });

  test("shows the newest uploads that a reply holds", async () => {
    const dir_check = "\u0001".repeat(1024);
    const body = { consistency_result: Array.from({ length: 30 }, () => result(dir_check)) };
    await upload({ consistency_result: [result("/oldest")] });
    await upload(body);
    const [{ bytes } = { bytes: 0 }] = await ferry.rows(
      "SELECT octet_length(consistency_result) AS bytes FROM consistency_results ORDER BY seq DESC LIMIT 1",
    );
    const fitting = Math.floor((8 * 1024 * 1024) / Number(bytes));
    // Some more than fit, so that an export is more than a libSQL server answers at once.
    for (let count = 1; count <= fitting + 12; count += 1) await upload(body);
    expect((await show()).json.result_list).toHaveLength(fitting);
    await upload({ consistency_result: [result("/newest")] });
    const { result_list } = (await show()).json;
    expect(result_list.at(-1).consistency_result[0].dir_check).toBe("/newest");
    expect(result_list[0].consistency_result[0].dir_check).toBe(dir_check);
    expect((await exported([{ task_id }])).text.split("\r\n")[1]).toContain("/oldest");
  });

  test("an unknown task, another account's, and a key bound elsewhere are refused, and nothing is stored", async () => {
    const bound = await boundKey(ferry, "bound");
    const body = { consistency_result: [result("/")] };
    expect((await upload(body, "nobody")).json).toEqual({
      error_code: "SMS.8004",
      error_msg: "task nobody is unknown",
    });
    expect((await upload(body, task_id, "foreign")).json.error_msg).toBe(`task ${task_id} is unknown`);
    expect((await upload(body, task_id, bound.key)).json.error_code).toBe("SMS.9004");
    expect((await upload(body, task_id, "viewer")).status).toBe(403);
    expect((await show(task_id, "foreign")).status).toBe(404);
    expect((await show("nobody")).status).toBe(404);
    expect((await show(task_id, "agent")).status).toBe(403);
    expect(await stored()).toEqual([]);
    expect(await eventsOf(ferry, task_id)).toEqual([]);
  });
});

describe("exportConsistencyResults", () => {
  test("is a download with a header row and one row for each directory", async () => {
    await upload({ consistency_result: [result("/a"), result("/b", { num_different_files: 0 })] });
    await ferry.clock.advance(1000);
    await upload({ consistency_result: [result("/a", { num_total_files: 7 })] });
    await upload({});
    const { status, headers, text } = await exported([{ task_id }]);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(headers.get("content-disposition")).toBe('attachment; filename="consistency-results.csv"');
    expect(text).toBe(
      [
        HEADER,
        `${task_id},${source_id},web-1,${START},/a,1000,3,2,1`,
        `${task_id},${source_id},web-1,${START},/b,1000,0,2,1`,
        `${task_id},${source_id},web-1,${START + 1000},/a,7,3,2,1`,
        "",
      ].join("\r\n"),
    );
  });

  test("of a task without results is the header alone", async () => {
    expect((await exported([{ task_id }])).text).toBe(`${HEADER}\r\n`);
  });

  test("goes task by task in the order they were made, ids and names as stored, each task once", async () => {
    const [source_2, source_3] = [await register(ferry, "web-2"), await register(ferry, "web-3")];
    const [second, third] = [await makeTask(ferry, source_2), await makeTask(ferry, source_3)];
    await upload({ consistency_result: [result("/3")] }, third);
    await upload({ consistency_result: [result("/2")] }, second);
    await upload({ consistency_result: [result("/1")] });
    await upload({ consistency_result: [result("/2 again")] }, second);
    await ferry.call("operator", "PUT", `/v3/sources/${source_id}`, { body: { name: "renamed" } });
    const { text } = await exported([
      { task_id: second, source_id: "what was sent", source_name: "what was sent" },
      { task_id, source_id: source_3 },
      { task_id: second },
    ]);
    expect(
      text
        .trimEnd()
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(",").slice(0, 5)),
    ).toEqual([
      [task_id, source_id, "renamed", String(START), "/1"],
      [second, source_2, "web-2", String(START), "/2"],
      [second, source_2, "web-2", String(START), "/2 again"],
    ]);
  });

  test("an entry without task_id means the task of its source", async () => {
    await upload({ consistency_result: [result("/1")] });
    const { text } = await exported([
      { source_id, source_name: "" },
      { task_id, source_id },
    ]);
    expect(text).toBe(`${HEADER}\r\n${task_id},${source_id},web-1,${START},/1,1000,3,2,1\r\n`);
  });

  test("quotes what needs quotes, and keeps a spreadsheet from running text as a formula", async () => {
    const written: [string, string][] = [
      ["", ""],
      ["/with space/é/\u{1f600}", "/with space/é/\u{1f600}"],
      ["C:\\a,b", '"C:\\a,b"'],
      ['/"quoted"', '"/""quoted"""'],
      ["/line\nfeed\r\n", '"/line\nfeed\r\n"'],
      [" /blank", '" /blank"'],
      ["/a=b+c-d@e", "/a=b+c-d@e"],
      ["'already", "'already"],
      ["=1+1", "'=1+1"],
      ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
      ["+1", "'+1"],
      ["-1", "'-1"],
      ["@SUM(A1)", "'@SUM(A1)"],
      ["\uff1d1", "'\uff1d1"],
      ["\t=1", "'\t=1"],
    ];
    await upload({ consistency_result: written.map(([dir_check]) => result(dir_check)) });
    const prefix = `${task_id},${source_id},web-1,${START}`;
    expect((await exported([{ task_id }])).text).toBe(
      [HEADER, ...written.map(([, csv]) => `${prefix},${csv},1000,3,2,1`), ""].join("\r\n"),
    );
    const shown = (await show()).json.result_list[0].consistency_result;
    expect(shown.map(({ dir_check }: { dir_check: string }) => dir_check)).toEqual(written.map(([sent]) => sent));
  });

  test("quotes and disarms the source's name too", async () => {
    const named = await makeTask(ferry, await register(ferry, '=cmd|"a",b'));
    await upload({ consistency_result: [result("/")] }, named);
    expect((await exported([{ task_id: named }])).text).toContain(`,"'=cmd|""a"",b",${START},/,`);
  });

  test("reads on page by page until the end", async () => {
    const second = await makeTask(ferry, await register(ferry, "web-2"));
    const many = JSON.stringify(Array.from({ length: 250 }, (_, index) => [index % 2, index]));
    await ferry.database.client.execute({
      sql: `INSERT INTO consistency_results (task_seq, finished_time, consistency_result)
        SELECT (SELECT seq FROM tasks WHERE id = iif(value ->> 0, ?, ?)), value ->> 1,
          json_array(json_object('dir_check', '/' || (value ->> 1), 'num_total_files', 1, 'num_different_files', 0, 'num_target_miss_files', 0, 'num_target_more_files', 0))
        FROM json_each(?)`,
      args: [second, task_id, many],
    });
    const { text } = await exported([{ task_id: second }, { task_id }]);
    const paths = text
      .trimEnd()
      .split("\r\n")
      .slice(1)
      .map((line) => line.split(",")[4]);
    const numbers = (first: number) => Array.from({ length: 125 }, (_, index) => `/${2 * index + first}`);
    expect(paths).toEqual([...numbers(0), ...numbers(1)]);
    // A page that is full to the last row is followed by nothing.
    await ferry.database.client.execute("DELETE FROM consistency_results WHERE finished_time >= 200");
    expect((await exported([{ task_id }, { task_id: second }])).text.trimEnd().split("\r\n")).toHaveLength(201);
  });

  test("one unknown id refuses the whole call", async () => {
    await upload({ consistency_result: [result("/")] });
    const taskless = await ferry.call("admin", "POST", "/v3/sources", {
      body: {
        name: "no-task",
        ip: "192.0.2.11",
        os_type: "WINDOWS",
        os_version: "W",
        agent_version: "1",
        networks: [],
      },
    });
    const refused: [unknown[], string][] = [
      [[{ task_id }, { task_id: "nobody" }], "task nobody is unknown"],
      [[{ task_id: source_id }, { source_id }], `task ${source_id} is unknown`],
      [[{ source_id: task_id }, { task_id }], `source ${task_id} is unknown or has no task`],
      [[{ source_id: "nobody" }, { task_id }], "source nobody is unknown or has no task"],
      [[{ source_id: task_id }], `source ${task_id} is unknown or has no task`],
      [[{ source_id: taskless.json.id }], `source ${taskless.json.id} is unknown or has no task`],
    ];
    for (const [task_info, why] of refused) {
      const { status, json, headers } = await exported(task_info);
      expect([status, json]).toEqual([404, { error_code: "SMS.8004", error_msg: why }]);
      expect(headers.get("content-disposition")).toBeNull();
    }
    expect((await exported([{ task_id }], "foreign")).json.error_msg).toBe(`task ${task_id} is unknown`);
    expect((await exported([{ source_id }], "foreign")).json.error_msg).toBe(
      `source ${source_id} is unknown or has no task`,
    );
  });

  test("takes 1 to 200 entries, each with an id", async () => {
    const entries = (count: number) => Array.from({ length: count }, () => ({ task_id }));
    expect((await exported(entries(200))).status).toBe(200);
    const refused: [unknown, string][] = [
      [entries(201), "task_info (in the body) must have at most 200 items"],
      [[], "task_info (in the body) must have at least 1"],
      [undefined, "task_info (in the body) is missing"],
      [[{ task_id }, {}], "task_info.1 (in the body) takes a task_id or a source_id"],
      [[{ source_name: "web-1", source_id: "" }], "task_info.0 (in the body) takes a task_id or a source_id"],
      [[{ task_id: "" }], "task_info.0.task_id (in the body) must have at least 1 characters"],
      [[{ task_id: "x".repeat(37) }], "task_info.0.task_id (in the body) must have at most 36 characters"],
    ];
    for (const [task_info, why] of refused) {
      const { status, json } = await exported(task_info);
      expect([status, json.error_code, json.error_msg]).toEqual([400, "SMS.8001", expect.stringContaining(why)]);
    }
    for (const as of ["viewer", "agent"] as const) expect((await exported([{ task_id }], as)).status).toBe(403);
  });

  test("breaks off when the caller's key is disabled on the way", async () => {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { role: "operator" } });
    const body = { consistency_result: [result("/")] };
    await Promise.all(Array.from({ length: 300 }, () => upload(body)));
    const response = await ferry.send(key, "POST", "/v3/tasks/consistency-results/export", {
      body: { task_info: [{ task_id }] },
    });
    const reader = response.body?.getReader();
    await reader?.read();
    const disabled = await ferry.call("admin", "POST", `/operate/v1/keys/${key.access_key}/disable`);
    expect(disabled.status).toBe(200);
    const readOn = async () => {
      for (;;) if ((await reader?.read())?.done) return "whole";
    };
    expect(await readOn().catch(() => "broken off")).toBe("broken off");
    expect(ferry.logged.map(({ message }) => message)).toContain("a stream broke off");
  });
});
