import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { act, changestate, taskThatIs } from "../actions/standing.ts";
import { type Caller, type Ferry, makeTask, poll, queue, register, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

/** A space is %20 here: a plus sign is one. */
const queryOf = (query: Record<string, string>) =>
  Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");

async function list(query: Record<string, string> = {}, as: Caller = "viewer") {
  const { status, json } = await ferry.call(as, "GET", `/operate/v1/sources?${queryOf(query)}`);
  expect([query, status, json.error_msg]).toEqual([query, 200, undefined]);
  return json as {
    count: number;
    // biome-ignore lint/suspicious/noExplicitAny: `call` has checked it
    items: any[];
    next_cursor: string | null;
  };
}
const names = async (query: Record<string, string> = {}, as: Caller = "viewer") =>
  (await list(query, as)).items.map(({ name }) => name);
const refused = async (query: Record<string, string>) => {
  const { status, json } = await ferry.call("viewer", "GET", `/operate/v1/sources?${queryOf(query)}`);
  return [status, json.error_code];
};
/** Sources of these names, each made a second after the one before. */
async function registerAll(...all: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of all) {
    ids.push(await register(ferry, name));
    await ferry.clock.advance(1_000);
  }
  return ids;
}
/** All pages of a list, by so many. */
async function walk(query: Record<string, string>, limit = 1, between?: () => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await list({ ...query, limit: String(limit), ...(cursor !== null && { cursor }) });
    found.push(...page.items.map(({ name }) => name));
    cursor = page.next_cursor;
    await between?.();
  } while (cursor !== null && found.length < 100);
  return found;
}

describe("an item", () => {
  test("tells all a row of a screen needs", async () => {
    const registered_at = ferry.clock.now();
    const id = await register(ferry, "web-1", { hostname: "web-1.example", ipv6: "2001:db8::1" });
    await ferry.clock.advance(1_000);
    const task_id = await makeTask(ferry, id);
    await act(ferry, task_id, "start");
    const state_since = ferry.clock.now();
    await ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
      body: {
        subtask_name: "MIGRATE_LINUX_FILE",
        progress: 40,
        replicatesize: 4,
        totalsize: 10,
        process_trace: "",
        migrate_speed: 12.5,
        remain_time: 90,
      },
    });
    const { count, items, next_cursor } = await list();
    expect([count, next_cursor]).toEqual([1, null]);
    expect(items).toEqual([
      {
        id,
        name: "web-1",
        ip: "192.0.2.10",
        ipv6: "2001:db8::1",
        hostname: "web-1.example",
        os_type: "LINUX",
        os_version: "DEBIAN_12_64BIT",
        state: "initialize",
        migration_cycle: "replicating",
        connected: true,
        last_seen_at: state_since,
        registered_at,
        state_since,
        reason: null,
        task: {
          id: task_id,
          name: "MigrationTask",
          type: "MIGRATE_FILE",
          state: "RUNNING",
          progress: 40,
          migrate_speed: 12.5,
          remain_seconds: 90,
          error: null,
        },
        open_command: { id: expect.any(String), command_name: "START", state: "queued", created_at: state_since },
      },
    ]);
  });

  test("of a source nothing is known of but its registration has nulls", async () => {
    await register(ferry, "bare");
    const { items } = await list();
    expect(items[0]).toMatchObject({ hostname: null, ipv6: null, last_seen_at: null, connected: false });
    expect(items[0]).toMatchObject({ reason: null, task: null, open_command: null });
  });

  test("progress is that of the subtask the agent is at, 100 once all are done", async () => {
    const { task_id } = await taskThatIs(ferry, "copying");
    const tell = (subtask_name: string, progress: number) =>
      ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
        body: { subtask_name, progress, replicatesize: 0, totalsize: 0, process_trace: "" },
      });
    const progress = async () => (await list()).items[0].task.progress;
    expect(await progress()).toBeNull();
    await tell("SSL_CONFIG", 100);
    expect(await progress()).toBe(100);
    await tell("FORMAT_DISK_LINUX", 7);
    await tell("MIGRATE_LINUX_FILE", 3);
    expect(await progress()).toBe(7);
    await tell("FORMAT_DISK_LINUX", 100);
    expect(await progress()).toBe(3);
  });

  test("open_command is what a poll is offered: control before log, the oldest of them", async () => {
    const id = await register(ferry);
    await queue(ferry, id, "RSET_LOG_ACL");
    const open = async () => (await list({ ids: id })).items[0].open_command;
    expect((await open()).command_name).toBe("RSET_LOG_ACL");
    await queue(ferry, id, "UPLOAD_LOG");
    const control = await queue(ferry, id, "DELETE");
    await queue(ferry, id, "START");
    expect(await open()).toMatchObject({ id: control, command_name: "DELETE", state: "queued" });
    expect((await poll(ferry, id)).headers.get("x-command-id")).toBe(control);
    expect(await open()).toMatchObject({ id: control, state: "delivered" });
  });
});

describe("reason", () => {
  const reasonOf = async (id: string) => (await list({ ids: id })).items[0].reason;

  test("of an unavailable source: the checks it fails", async () => {
    const id = await register(ferry, "web-1", { has_rsync: false, boot_loader: "LILO" });
    expect(await reasonOf(id)).toBe(
      "has_rsync: rsync is missing on the source; boot_loader: the boot loader must be GRUB",
    );
    await register(ferry, "web-1", { id, has_rsync: true, boot_loader: "GRUB" });
    expect(await reasonOf(id)).toBeNull();
    await changestate(ferry, id, "unavailable");
    expect(await reasonOf(id)).toBe("the agent reported the state unavailable");
  });

  test("of a failed task: its error, in the source's reason and in the task's error", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "SYNC_FAIL");
    const error = "SMS.8010: the agent reported a failure";
    expect((await list({ ids: source_id })).items[0]).toMatchObject({ reason: error, task: { error } });
    // The source has moved on, the task has not.
    await changestate(ferry, source_id, "stopped");
    expect(await reasonOf(source_id)).toBe(error);
    await act(ferry, task_id, "restart");
    expect((await list({ ids: source_id })).items[0]).toMatchObject({ reason: null, task: { error: null } });
  });

  test("of a source without a task that is in error: who said so", async () => {
    const id = await register(ferry);
    await changestate(ferry, id, "error");
    expect(await reasonOf(id)).toBe("the agent reported the state error");
  });
});

describe("filters", () => {
  test("state, connected, os_type, task_state and several at once", async () => {
    const linux = await register(ferry, "linux");
    await register(ferry, "windows", { os_type: "WINDOWS" });
    await register(ferry, "broken", { has_tc: false });
    const task_id = await makeTask(ferry, linux);
    expect((await names({ state: "waiting" })).sort()).toEqual(["linux", "windows"]);
    expect(await names({ state: "unavailable" })).toEqual(["broken"]);
    expect(await names({ os_type: "WINDOWS" })).toEqual(["windows"]);
    expect((await names({ os_type: "LINUX" })).sort()).toEqual(["broken", "linux"]);
    expect(await names({ os_type: "LINUX", state: "waiting" })).toEqual(["linux"]);
    expect(await names({ task_state: "READY" })).toEqual(["linux"]);
    expect(await names({ task_state: "RUNNING" })).toEqual([]);
    await act(ferry, task_id, "start");
    expect(await names({ task_state: "RUNNING", state: "initialize" })).toEqual(["linux"]);
    expect(await names({ task_state: "RUNNING", state: "waiting" })).toEqual([]);
    expect(await names({ connected: "true" })).toEqual([]);
    await poll(ferry, linux);
    expect(await names({ connected: "true" })).toEqual(["linux"]);
    expect(await names({ connected: "true", os_type: "WINDOWS" })).toEqual([]);
    expect((await names({ connected: "false" })).sort()).toEqual(["broken", "windows"]);
    await ferry.clock.advance(60_000);
    expect(await names({ connected: "true" })).toEqual([]);
  });

  test("count is all that match, whatever the page, for each filter alone and two of them", async () => {
    const [first = ""] = await registerAll("a-1", "a-2", "b-1");
    await makeTask(ferry, first);
    const queries: [Record<string, string>, number][] = [
      [{}, 3],
      [{ state: "waiting" }, 3],
      [{ state: "error" }, 0],
      [{ q: "A-" }, 2],
      [{ connected: "false" }, 3],
      [{ os_type: "LINUX" }, 3],
      [{ os_type: "WINDOWS" }, 0],
      [{ task_state: "READY" }, 1],
      [{ task_state: "READY", state: "waiting" }, 1],
      [{ ids: first }, 1],
      [{ q: "b", state: "waiting" }, 1],
    ];
    for (const [query, count] of queries) {
      for (const sort of ["added", "name", "state", "last_seen"]) {
        const page = await list({ ...query, sort, limit: "1" });
        expect([query, sort, page.count, page.items.length]).toEqual([query, sort, count, Math.min(count, 1)]);
      }
    }
  });

  test("q is a part of name, ip or ipv6, upper or lower case; not of the hostname", async () => {
    await register(ferry, "Web-1", { ip: "192.0.2.10", hostname: "inside.example" });
    await register(ferry, "db-1", { ip: "198.51.100.7", ipv6: "2001:DB8::AF" });
    expect(await names({ q: "wEB" })).toEqual(["Web-1"]);
    expect(await names({ q: "51.100" })).toEqual(["db-1"]);
    expect(await names({ q: "::af" })).toEqual(["db-1"]);
    expect((await names({ q: "-1" })).sort()).toEqual(["Web-1", "db-1"]);
    expect(await names({ q: "inside" })).toEqual([]);
  });

  test("q knows the cases of other letters than A to Z too", async () => {
    await registerAll("Größe-Ä*", "grosse", "ЖУК", "京都-1");
    for (const q of ["größe", "GRÖSSE", "gRÖßE", "ä*", "жук", "京都", "ßE-ä"]) {
      const expected = { GRÖSSE: [], жук: ["ЖУК"], 京都: ["京都-1"] }[q] ?? ["Größe-Ä*"];
      expect([q, await names({ q })]).toEqual([q, expected]);
    }
  });

  test("q is literal, whatever is in it", async () => {
    const hostile = [
      "%",
      "_",
      "'",
      '"',
      "\\",
      "*",
      "?",
      "[a]",
      "^",
      "--",
      "ä%",
      "ö_",
      "ü[",
      "é]",
      "'; DROP TABLE x; --",
    ];
    for (const [index, name] of hostile.entries()) await register(ferry, `x${index}${name}y`);
    for (const [index, name] of hostile.entries()) {
      expect([name, await names({ q: `${index}${name}Y` })]).toEqual([name, [`x${index}${name}y`]]);
      expect([name, await names({ q: `z${name}` })]).toEqual([name, []]);
    }
    for (const pattern of ["x0_y", "x%y", "x?_y", "10ä?", "10ä*y", "12ü[x", "12[uü]"]) {
      expect([pattern, await names({ q: pattern })]).toEqual([pattern, []]);
    }
    expect((await names({ q: "%" })).length).toBe(2);
    expect((await names({ q: "\\" })).length).toBe(1);
    expect(await refused({ q: "a\u0000b" })).toEqual([400, "SMS.8001"]);
    expect(await refused({ q: "" })).toEqual([400, "SMS.8001"]);
    expect(await refused({ q: "x".repeat(256) })).toEqual([400, "SMS.8001"]);
  });

  test("ids reads those rows and no others; unknown ones are passed over; up to 200 are one page", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 102; n += 1) ids.push(await register(ferry, `n-${n}`));
    const { count, items, next_cursor } = await list({ ids: [...ids.slice(0, 101), "nobody"].join(",") });
    expect([count, items.length, next_cursor]).toEqual([101, 101, null]);
    expect(await names({ ids: `${ids[5]},${ids[3]}`, state: "waiting" })).toEqual(["n-5", "n-3"]);
    expect(await names({ ids: `${ids[5]}`, state: "error" })).toEqual([]);
    expect(await names({ ids: `${ids[5]},${ids[6]}`, os_type: "LINUX", q: "N-5" })).toEqual(["n-5"]);
    for (const wrong of ["", ",", "a,", "a b", "x".repeat(37), Array(201).fill("a").join(",")]) {
      expect([wrong.slice(0, 9), await refused({ ids: wrong })]).toEqual([wrong.slice(0, 9), [400, "SMS.8001"]]);
    }
  });
});

describe("order", () => {
  test("added, name, state and last_seen, both ways; the default of each", async () => {
    const [b = "", , c = ""] = await registerAll("b", "A", "c");
    await changestate(ferry, b, "error");
    await poll(ferry, c);
    await ferry.clock.advance(1_000);
    await poll(ferry, b);
    const both = async (sort: string) => [
      await names({ sort, order: "asc" }),
      await names({ sort, order: "desc" }),
      await names({ sort }),
    ];
    expect(await names()).toEqual(["c", "A", "b"]);
    expect(await both("added")).toEqual([
      ["b", "A", "c"],
      ["c", "A", "b"],
      ["c", "A", "b"],
    ]);
    expect(await both("name")).toEqual([
      ["A", "b", "c"],
      ["c", "b", "A"],
      ["A", "b", "c"],
    ]);
    expect(await both("state")).toEqual([
      ["b", "A", "c"],
      ["c", "A", "b"],
      ["b", "A", "c"],
    ]);
    expect(await both("last_seen")).toEqual([
      ["A", "c", "b"],
      ["b", "c", "A"],
      ["b", "c", "A"],
    ]);
  });

  test("last_seen goes by memory and by what is stored", async () => {
    const [a = "", b = ""] = await registerAll("a", "b");
    await poll(ferry, a);
    await ferry.runJobs();
    await ferry.clock.advance(1_000);
    await poll(ferry, b);
    expect(await names({ sort: "last_seen" })).toEqual(["b", "a"]);
    // Where processes share a database what is stored counts as new for 15 s.
    await ferry.clock.advance(20_000);
    await poll(ferry, a);
    expect(await names({ sort: "last_seen" })).toEqual(["a", "b"]);
    await ferry.runJobs();
    await ferry.restart();
    expect(await names({ sort: "last_seen" })).toEqual(["a", "b"]);
    expect((await list({ sort: "last_seen" })).items[0].last_seen_at).toBe(ferry.clock.now());
  });
});

describe("pages", () => {
  const sorts = ["added", "name", "state", "last_seen"];
  const orders = ["asc", "desc"];

  test("walk through every list without gap or double, alone and with filters", async () => {
    const ids = await registerAll("same", "b", "same", "a", "same", "c");
    await changestate(ferry, ids[1] ?? "", "error");
    for (const id of [ids[4], ids[0]]) await poll(ferry, id ?? "");
    for (const sort of sorts) {
      for (const order of orders) {
        for (const more of [{}, { state: "waiting" }, { q: "a" }, { connected: "false" }, { os_type: "LINUX" }]) {
          const query = { sort, order, ...more } as Record<string, string>;
          const whole = await names(query);
          for (const limit of [1, 2, 5]) expect([query, await walk(query, limit)]).toEqual([query, whole]);
        }
      }
    }
  });

  test("nothing of what was there is missed or told twice while rows are added", async () => {
    const there = ["m", "e", "x", "b", "q"];
    await registerAll(...there);
    for (const sort of sorts) {
      for (const order of orders) {
        let n = 0;
        const found = await walk({ sort, order }, 1, async () => {
          n += 1;
          if (n <= 4) await register(ferry, `${"agnz"[n - 1]}-${sort}-${order}`);
        });
        const old = found.filter((name) => there.includes(name));
        expect([sort, order, old.sort()]).toEqual([sort, order, [...there].sort()]);
        expect(new Set(found).size).toBe(found.length);
      }
    }
  });

  test("a cursor of another list, or none at all, is refused", async () => {
    await registerAll("a", "b");
    const { next_cursor } = await list({ limit: "1" });
    const cursor = next_cursor ?? "";
    expect((await list({ cursor, limit: "7" })).items.map(({ name }) => name)).toEqual(["a"]);
    expect((await list({ cursor, order: "desc" })).items.length).toBe(1);
    const others = [{ order: "asc" }, { sort: "name" }, { q: "a" }, { state: "waiting" }, { connected: "false" }];
    for (const more of others) expect([more, await refused({ cursor, ...more })]).toEqual([more, [400, "SMS.8001"]]);
    const forged = (told: unknown) => Buffer.from(JSON.stringify(told)).toString("base64url");
    const [list_of, key, seq] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const wrong = [
      "5",
      "",
      "%",
      "a".repeat(4097),
      forged({}),
      forged([list_of, "x", seq]),
      forged([list_of, key, "1"]),
    ];
    for (const one of [...wrong, forged([list_of, key, 1.5]), forged(["x", key, seq])]) {
      expect([one.slice(0, 40), await refused({ cursor: one })]).toEqual([one.slice(0, 40), [400, "SMS.8001"]]);
    }
    expect((await list({ cursor: forged([list_of, key, seq]) })).items.length).toBe(1);
  });

  test("very large registrations make shorter pages, and none is left out", async () => {
    const networks = Array.from({ length: 40_000 }, () => ({
      name: "eth0",
      ip: "192.0.2.10",
      mac: "02:00:00:00:00:01",
    }));
    for (const name of ["a", "b", "c", "d", "e"]) await register(ferry, name, { networks });
    const first = await list({ sort: "name" });
    expect(first.count).toBe(5);
    expect(first.items.length).toBeLessThan(5);
    expect(await walk({ sort: "name" }, 100)).toEqual(["a", "b", "c", "d", "e"]);
    expect((await names({ os_type: "LINUX" })).length).toBe(first.items.length);
    expect(await walk({ os_type: "LINUX", sort: "name" }, 100)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("take 1 to 500 items, and refuse what they do not know", async () => {
    for (const wrong of [{ limit: "0" }, { limit: "501" }, { sort: "ip" }, { order: "newest" }, { name: "x" }]) {
      expect([wrong, await refused(wrong as Record<string, string>)]).toEqual([wrong, [400, "SMS.8001"]]);
    }
    expect((await list({ limit: "500" })).items).toEqual([]);
  });
});

describe("who sees what", () => {
  test("an account its own sources only, deleted ones not", async () => {
    const [id = "", gone = ""] = await registerAll("own", "gone");
    await register(ferry, "theirs", {}, "foreign");
    await ferry.call("operator", "DELETE", `/v3/sources/${gone}`);
    for (const query of [{}, { sort: "name" }, { sort: "state" }, { sort: "last_seen" }, { q: "o" }] as Record<
      string,
      string
    >[]) {
      expect([query, await names(query), await names(query, "foreign")]).toEqual([
        query,
        ["own"],
        query.q ? [] : ["theirs"],
      ]);
    }
    const others = await list({ ids: `${id},${gone}` }, "foreign");
    expect([others.count, others.items]).toEqual([0, []]);
    for (const filter of [{ state: "waiting" }, { connected: "false" }, { os_type: "LINUX" }] as Record<
      string,
      string
    >[]) {
      expect((await list(filter)).count).toBe(1);
      expect(await names(filter, "foreign")).toEqual(["theirs"]);
    }
  });

  test("viewers, operators and admins see it, agents do not", async () => {
    await register(ferry);
    for (const as of ["viewer", "operator", "admin"] as const) expect((await list({}, as)).count).toBe(1);
    expect((await ferry.call("agent", "GET", "/operate/v1/sources")).status).toBe(403);
  });
});

describe("countSources", () => {
  test("counts the account's live sources, in every state there is one in", async () => {
    const counts = async (as: Caller = "viewer") => (await ferry.call(as, "GET", "/operate/v1/sources/counts")).json;
    expect(await counts()).toEqual({ count: 0, states: [] });
    const [gone, gone2] = [await register(ferry, "gone"), await register(ferry, "idle")];
    await register(ferry, "web-1");
    const { source_id } = await taskThatIs(ferry, "copying");
    await ferry.call("admin", "DELETE", `/v3/sources/${gone}`);
    const { states, count } = await counts();
    expect(count).toBe(3);
    const { state } = (await list({ ids: source_id })).items[0];
    expect(new Map(states.map((one: { state: string; count: number }) => [one.state, one.count]))).toEqual(
      new Map([
        ["waiting", 2],
        [state, 1],
      ]),
    );
    // A state of which showOverview knows nothing.
    await changestate(ferry, gone2, "cleared");
    expect((await counts()).states).toContainEqual({ state: "cleared", count: 1 });
    expect(await counts("foreign")).toEqual({ count: 0, states: [] });
  });
});
