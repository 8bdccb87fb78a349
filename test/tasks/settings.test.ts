import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configKeys } from "../../src/tasks/schema.ts";
import { type Caller, type Ferry, makeTask, register, startFerry } from "../harness.ts";

let ferry: Ferry;
let id: string;
beforeEach(async () => {
  ferry = await startFerry();
  id = await makeTask(ferry, await register(ferry));
});
afterEach(() => ferry.stop());

const get = async (what: string, as: Caller = "agent", task = id) => ferry.call(as, "GET", `/v3/tasks/${task}/${what}`);
const post = (what: string, text: string, as: Caller = "operator", task = id) =>
  ferry.call(as, "POST", `/v3/tasks/${task}/${what}`, { text });

describe.each([
  {
    what: "speed-limit",
    member: "speed_limit",
    two: [
      { start: "00:00", end: "08:00", speed: 0 },
      { start: "08:00", end: "23:59", speed: 1000, over_speed_threshold: 12.5 },
    ],
    one: [{ start: "any text", end: "" }],
    around: {},
  },
  {
    what: "configuration-setting",
    member: "configurations",
    two: [
      { config_key: "MIGRATE_EXCLUDE_DIR", config_value: "/a;/b", config_status: "set" },
      { config_key: "DYNAMIC_PORT", config_value: "" },
    ],
    one: [{ config_key: "CONSISTENCY_DIR", config_value: "/c" }],
    around: { task_id: "", migrate_type: "LINUX_MIGRATE_FILE" },
  },
])("$what (showsSpeedLimits, updateSpeed; showConfigSetting, uploadSpecialConfigurationSetting)", (setting) => {
  const { what, member, two, one, around } = setting;
  const shown = (items: readonly object[]) => ({
    ...around,
    ...("task_id" in around && { task_id: id }),
    [member]: items,
  });

  test("an empty list at first; a list is given back in its order and replaces the one before", async () => {
    expect((await get(what)).json).toEqual(shown([]));
    for (const items of [two, one]) {
      const { status, text } = await post(what, JSON.stringify({ [member]: items }));
      expect([status, text, (await get(what)).json]).toEqual([200, "{}", shown(items)]);
    }
  });

  test.each(["{}", "absent", "null", "[]"])("%s clears it", async (how) => {
    await post(what, JSON.stringify({ [member]: two }));
    const text = how === "{}" ? "{}\n" : how === "absent" ? '{"other":1}' : `{"${member}":${how}}`;
    expect([(await post(what, text)).status, (await get(what)).json]).toEqual([200, shown([])]);
  });

  test("is on record by name, not by value", async () => {
    await post(what, JSON.stringify({ [member]: one }));
    const [event] = await ferry.rows("SELECT type, data FROM events ORDER BY seq DESC LIMIT 1");
    expect([event?.type, JSON.parse(String(event?.data))]).toEqual([
      "task.updated",
      { task_id: id, changed: [member] },
    ]);
  });

  test("another account's and unknown tasks are 404, a key bound to another source is refused", async () => {
    for (const as of ["foreign", "operator"] as const) {
      const task = as === "foreign" ? id : "nobody";
      const { status, json } = await post(what, "{}", as, task);
      expect([status, json.error_msg]).toEqual([404, `task ${task} is unknown`]);
      expect((await get(what, as, task)).status).toBe(404);
    }
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    await register(ferry, "other", {}, key);
    expect((await get(what, key)).status).toBe(403);
  });
});

describe("updateSpeed", () => {
  test.each([
    ["a list that is none", { speed_limit: {} }, "speed_limit"],
    ["an entry without an end", { speed_limit: [{ start: "00:00" }] }, "end"],
    ["more than 1000", { speed_limit: [{ start: "", end: "", speed: 1001 }] }, "at most 1000"],
    ["a threshold below 10", { speed_limit: [{ start: "", end: "", over_speed_threshold: 9.9 }] }, "at least 10"],
  ])("refuses %s, and the list stays", async (_name, body, said) => {
    const kept = [{ start: "00:00", end: "08:00" }];
    await post("speed-limit", JSON.stringify({ speed_limit: kept }));
    const { status, json } = await post("speed-limit", JSON.stringify(body));
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
    expect((await get("speed-limit")).json.speed_limit).toEqual(kept);
  });
});

describe("uploadSpecialConfigurationSetting", () => {
  const upload = (configurations: unknown) => post("configuration-setting", JSON.stringify({ configurations }));
  const settings = async (query = "") => (await get(`configuration-setting${query}`)).json.configurations;

  test("takes every key there is; of equal ones the last counts", async () => {
    const all = configKeys.map((config_key) => ({ config_key, config_value: "x" }));
    expect((await upload(all)).status).toBe(200);
    expect(await settings()).toEqual(all);
    const [a, b] = ["LINUX_CPU_LIMIT", "LINUX_MEM_LIMIT"];
    await upload([
      { config_key: a, config_value: "1", config_status: "old" },
      { config_key: b, config_value: "2" },
      { config_key: a, config_value: "3" },
    ]);
    expect(await settings()).toEqual([
      { config_key: b, config_value: "2" },
      { config_key: a, config_value: "3" },
    ]);
    expect(await settings(`?config_key=${a}`)).toEqual([{ config_key: a, config_value: "3" }]);
    expect(await settings("?config_key=")).toHaveLength(2);
    expect(await settings("?config_key=UNKNOWN")).toEqual([]);
  });

  test("migrate_type is the system and the way of the task, of Windows by file too", async () => {
    const win = await makeTask(ferry, await register(ferry, "win", { os_type: "WINDOWS" }));
    const type = async () => (await get("configuration-setting", "viewer", win)).json.migrate_type;
    expect(await type()).toBe("WINDOWS_MIGRATE_FILE");
    await ferry.call("operator", "PUT", `/v3/tasks/${win}`, { body: { type: "MIGRATE_BLOCK" } });
    expect(await type()).toBe("WINDOWS_MIGRATE_BLOCK");
  });

  test.each([
    ["an unknown key", [{ config_key: "WHATEVER", config_value: "" }], "config_key"],
    ["a setting without a value", [{ config_key: "DYNAMIC_PORT" }], "config_value"],
    ["a value of 1025", [{ config_key: "DYNAMIC_PORT", config_value: "x".repeat(1025) }], "config_value"],
    ["more than 50", Array(51).fill({ config_key: "DYNAMIC_PORT", config_value: "" }), "at most 50 items"],
  ])("refuses %s, and the settings stay", async (_name, configurations, said) => {
    const kept = [{ config_key: "DYNAMIC_PORT", config_value: "kept" }];
    await upload(kept);
    const { status, json } = await upload(configurations);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
    expect(await settings()).toEqual(kept);
  });
});
