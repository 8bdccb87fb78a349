import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Ferry, makeTask, poll, register, report, settle, startFerry } from "../harness.ts";
import { act, changestate, commandsOf, standing, taskThatIs } from "./standing.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const remove = (path: string) => ferry.call("operator", "DELETE", path);
const removeAll = (what: "tasks" | "sources", ids: string[]) =>
  ferry.call("operator", "POST", `/v3/${what}/delete`, { body: { ids } });
const rowsLeft = async () => {
  const tables = ["tasks", "subtasks", "task_progress", "task_secrets", "consistency_results"];
  const counts = await Promise.all(tables.map((table) => ferry.rows(`SELECT count(*) AS n FROM ${table}`)));
  return counts.map(([row]) => row?.n);
};
const fill = (task_id: string) =>
  ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
    body: { subtask_name: "SSL_CONFIG", progress: 1, replicatesize: 0, totalsize: 1, process_trace: "" },
  });

describe("deleteTask", () => {
  test("works in any state while no agent is there; the agent of a started task is told by DELETE", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await fill(task_id);
    await ferry.clock.advance(60_001);
    expect((await remove(`/v3/tasks/${task_id}`)).text).toBe("{}");
    expect(await rowsLeft()).toEqual([0, 0, 0, 0, 0]);
    expect((await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json).toMatchObject({
      state: "waiting",
      migration_cycle: "setting",
    });
    expect(await ferry.rows("SELECT command_name, state, reason FROM commands ORDER BY seq")).toEqual([
      { command_name: "START", state: "cancelled", reason: "task_deleted" },
      { command_name: "DELETE", state: "queued", reason: null },
    ]);
    expect((await poll(ferry, source_id)).json).toEqual({ command_name: "DELETE", command_param: { task_id } });
    expect((await remove(`/v3/tasks/${task_id}`)).status).toBe(404);
  });

  test("of a task that never ran tells the agent nothing", async () => {
    const source_id = await register(ferry);
    const task_id = await makeTask(ferry, source_id, { auto_start: true });
    await remove(`/v3/tasks/${task_id}`);
    expect((await poll(ferry, source_id)).json).toEqual({ command_name: "TASK_NOT_STARTED" });
  });

  test("DELETE comes before the START of the next task", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await remove(`/v3/tasks/${task_id}`);
    const next = await makeTask(ferry, source_id);
    await act(ferry, next, "start");
    expect((await poll(ferry, source_id)).json.command_param.task_id).toBe(task_id);
    await report(ferry, source_id, "DELETE");
    expect((await poll(ferry, source_id)).json).toEqual({ command_name: "START", command_param: { task_id: next } });
    expect(await standing(ferry, next)).toBe("RUNNING initialize replicating");
  });

  test("is refused while the agent is there and at work, and only then", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    const { status, json } = await remove(`/v3/tasks/${task_id}`);
    expect([status, json.error_code]).toEqual([400, "SMS.2015"]);
    expect((await remove(`/v3/sources/${source_id}`)).json.error_code).toBe("SMS.2015");
    for (const copystate of ["syncing", "cloning", "clearing", "premiging", "deleting", "stopping", "skipping"]) {
      await changestate(ferry, source_id, copystate);
      expect([copystate, (await remove(`/v3/tasks/${task_id}`)).status]).toEqual([copystate, 400]);
    }
    await changestate(ferry, source_id, "stopped");
    expect((await remove(`/v3/tasks/${task_id}`)).status).toBe(200);
  });

  test("after a crash a connected agent is still known as such once it was written", async () => {
    const { task_id } = await taskThatIs(ferry, "copying");
    await ferry.runJobs();
    await ferry.restart();
    expect((await remove(`/v3/tasks/${task_id}`)).json.error_code).toBe("SMS.2015");
  });
});

describe("deleteTasks", () => {
  test("deletes all it names, the same one twice too, in so many statements whatever their number", async () => {
    const tasks = [];
    for (let n = 0; n < 3; n += 1) tasks.push(await taskThatIs(ferry, "RUNNING"));
    for (const { task_id } of tasks) await fill(task_id);
    await ferry.clock.advance(60_001);
    const ids = tasks.map(({ task_id }) => task_id);
    const { status, text } = await removeAll("tasks", [...ids, ids[0] ?? ""]);
    expect([status, text]).toEqual([200, "{}"]);
    expect(await rowsLeft()).toEqual([0, 0, 0, 0, 0]);
    for (const { source_id } of tasks) {
      expect(await commandsOf(ferry, source_id)).toEqual(["START cancelled", "DELETE queued"]);
    }
  });

  test("or none: one that is unknown or at work keeps them all", async () => {
    const idle = await taskThatIs(ferry, "READY");
    const busy = await taskThatIs(ferry, "copying");
    const unknown = await removeAll("tasks", [idle.task_id, "nobody"]);
    expect([unknown.status, unknown.json.error_msg]).toEqual([404, "task nobody is unknown"]);
    expect((await removeAll("tasks", [idle.task_id, busy.task_id])).json.error_code).toBe("SMS.2015");
    expect(await rowsLeft()).toEqual([2, 0, 0, 0, 0]);
  });

  test("takes 1 to 50 ids", async () => {
    for (const ids of [[], Array.from({ length: 51 }, () => "x"), [""], ["x".repeat(37)]]) {
      expect((await removeAll("tasks", ids)).status).toBe(400);
      expect((await removeAll("sources", ids)).status).toBe(400);
    }
  });
});

describe("deleteServers", () => {
  test("takes sources away with their tasks; history stays, polls that wait are told", async () => {
    const one = await taskThatIs(ferry, "RUNNING");
    const other = await register(ferry, "other");
    await fill(one.task_id);
    await ferry.clock.advance(60_001);
    const waiting = ferry.call("agent", "GET", `/v3/sources/${other}/command?wait=30`);
    while (ferry.clock.waiting() === 0) await settle();
    expect((await removeAll("sources", [one.source_id, other])).text).toBe("{}");
    await ferry.pollsLook();
    expect((await waiting).status).toBe(404);
    expect(await rowsLeft()).toEqual([0, 0, 0, 0, 0]);
    expect((await ferry.call("viewer", "GET", "/v3/sources")).json).toEqual({ count: 0, source_servers: [] });
    expect(await ferry.rows("SELECT command_name, state, reason FROM commands")).toEqual([
      { command_name: "START", state: "cancelled", reason: "source_deleted" },
    ]);
    expect(await commandsOf(ferry, one.source_id)).toEqual(["START cancelled"]);
    expect((await poll(ferry, one.source_id)).status).toBe(404);
    const left = await ferry.rows("SELECT registration FROM sources WHERE id = ?", other);
    expect(JSON.parse(String(left[0]?.registration))).toEqual({
      name: "other",
      os_type: "LINUX",
      os_version: "DEBIAN_12_64BIT",
      agent_version: "5.0.1",
      networks: [],
    });
  });

  test("or none", async () => {
    const source_id = await register(ferry);
    expect((await removeAll("sources", [source_id, "nobody"])).status).toBe(404);
    expect((await ferry.call("foreign", "POST", "/v3/sources/delete", { body: { ids: [source_id] } })).status).toBe(
      404,
    );
    expect((await ferry.call("viewer", "GET", "/v3/sources")).json.count).toBe(1);
  });
});
