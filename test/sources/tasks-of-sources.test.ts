import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Ferry, makeTask, register, START, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const show = async (id: string) => (await ferry.call("viewer", "GET", `/v3/sources/${id}`)).json;
const list = async (query = "") => (await ferry.call("viewer", "GET", `/v3/sources${query}`)).json;
const names = async (query: string) => (await list(query)).source_servers.map(({ name }: { name: string }) => name);
const execute = (sql: string, ...args: (string | number)[]) => ferry.database.client.execute({ sql, args });

const task = {
  name: "moving",
  type: "MIGRATE_BLOCK",
  speed_limit: 7,
  start_target_server: false,
  use_public_ip: false,
  exist_server: true,
  vm_template_id: "template-1",
  region_id: "region-2",
  project_name: "p",
  project_id: "p-1",
};
const progress = {
  subtask_name: "MIGRATE_LINUX_FILE",
  progress: 40,
  replicatesize: 9007199254740991,
  totalsize: 10,
  process_trace: "",
  migrate_speed: 12.5,
  compress_rate: 1.5,
  remain_time: 90,
};

describe("current_task", () => {
  test("is absent without a task, and gone with it", async () => {
    const id = await register(ferry);
    expect(await show(id)).not.toHaveProperty("current_task");
    expect((await list()).source_servers[0]).not.toHaveProperty("current_task");
    const task_id = await makeTask(ferry, id);
    expect((await show(id)).current_task.id).toBe(task_id);
    await ferry.call("operator", "DELETE", `/v3/tasks/${task_id}`);
    expect(await show(id)).not.toHaveProperty("current_task");
  });

  test("of the least there is: clone_server is left out by showServer and {} in listServers", async () => {
    const id = await register(ferry);
    const task_id = await makeTask(ferry, id);
    const current_task = {
      id: task_id,
      name: "MigrationTask",
      type: "MIGRATE_FILE",
      state: "READY",
      speed_limit: 0,
      start_target_server: true,
      region_id: "region-1",
      project_name: "region-1",
      project_id: "project-1",
      target_server: {},
      log_collect_status: "INIT",
      use_public_ip: true,
    };
    const source = await show(id);
    expect(source.current_task).toEqual(current_task);
    expect(source).not.toHaveProperty("totalsize");
    const [listed] = (await list()).source_servers;
    expect(listed.current_task).toEqual({ ...current_task, clone_server: {} });
    expect(listed).not.toHaveProperty("replicatesize");
  });

  test("tells of the order, of the progress, the logs and the clone", async () => {
    const id = await register(ferry);
    const { project_id, ...more } = task;
    const target_server = { vm_id: "vm-1", name: "target", disks: [{ name: "/dev/vda" }] };
    const task_id = await makeTask(ferry, id, { ...more, project_id, target_server });
    await ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, { body: progress });
    const logs = "log_bucket = 'logs', log_collect_status = 'UPLOADED', log_upload_time = 5, start_date = 4";
    await execute(`UPDATE tasks SET state = 'RUNNING', ${logs} WHERE id = ?`, task_id);
    const clone_server = { vm_id: "clone-1", clone_state: "READY" };
    await ferry.call("operator", "PUT", `/v3/tasks/${task_id}`, { body: { clone_server } });
    const current_task = {
      id: task_id,
      ...task,
      state: "RUNNING",
      start_date: 4,
      migrate_speed: 12.5,
      target_server: { vm_id: "vm-1", name: "target" },
      log_collect_status: "UPLOADED",
    };
    const sizes = { replicatesize: progress.replicatesize, totalsize: 10 };
    expect(await show(id)).toMatchObject(sizes);
    expect((await show(id)).current_task).toEqual(current_task);
    const [listed] = (await list()).source_servers;
    expect(listed).toMatchObject(sizes);
    expect(listed.current_task).toEqual({
      ...current_task,
      estimate_complete_time: START + 90_000,
      compress_rate: 1.5,
      remain_seconds: 90,
      log_bucket: "logs",
      log_upload_time: 5,
      clone_server,
    });
  });
});

describe("listServers by what the task is", () => {
  test("vm_id is the target of the task; a consistency result is the task's", async () => {
    const ids: string[] = [];
    for (const name of ["none", "plain", "checked"]) ids.push(await register(ferry, name));
    const [, plain = "", checked = ""] = ids;
    await makeTask(ferry, plain, { target_server: { vm_id: "vm-1" } });
    const task_id = await makeTask(ferry, checked, { target_server: { vm_id: "vm-2" } });
    const theirs = await register(ferry, "theirs", {}, "foreign");
    await ferry.call("foreign", "POST", "/v3/tasks", {
      body: { ...task, region_name: "r", source_server: { id: theirs }, target_server: { vm_id: "vm-1" } },
    });
    await execute(
      "INSERT INTO consistency_results (task_seq, finished_time, consistency_result) SELECT seq, 1, '[]' FROM tasks, json_each('[1, 2]') WHERE tasks.id = ?",
      task_id,
    );
    const expected: [string, string[]][] = [
      ["vm_id=vm-1", ["plain"]],
      ["vm_id=vm-2", ["checked"]],
      ["vm_id=vm-2&state=error", []],
      ["vm_id=x", []],
      ["vm_id=", ["none", "plain", "checked"]],
      ["is_consistency_result_exist=true", ["checked"]],
      ["is_consistency_result_exist=False", ["none", "plain"]],
      ["is_consistency_result_exist=false&vm_id=vm-2", []],
    ];
    for (const [query, found] of expected) {
      expect([query, await names(`?${query}`), (await list(`?${query}`)).count]).toEqual([query, found, found.length]);
    }
    const flags = (await list()).source_servers.map(
      (source: { is_consistency_result_exist: boolean }) => source.is_consistency_result_exist,
    );
    expect(flags).toEqual([false, false, true]);
  });
});

test("a page of sources or tasks takes as many statements for many as for one", async () => {
  const { reading } = ferry.database;
  const execute = reading.execute.bind(reading);
  let statements = 0;
  reading.execute = (statement: Parameters<typeof execute>[0]) => {
    statements += 1;
    return execute(statement);
  };
  const taken = async (path: string) => {
    statements = 0;
    expect((await ferry.call("viewer", "GET", path)).json.count).toBeGreaterThan(0);
    return statements;
  };
  const pages = ["/v3/sources", "/v3/sources?is_consistency_result_exist=false", "/v3/tasks"];
  await makeTask(ferry, await register(ferry));
  await taken("/v3/sources");
  const forOne = [];
  for (const path of pages) forOne.push(await taken(path));
  for (const name of ["a", "b", "c"]) await makeTask(ferry, await register(ferry, name));
  const forMany = [];
  for (const path of pages) forMany.push(await taken(path));
  // Where the database is shared, whose key it is is read each time.
  const each = ferry.database.exclusive ? 3 : 4;
  expect([forMany, forMany.every((count) => count === each)]).toEqual([forOne, true]);
});

describe("registerServer of a source with a task", () => {
  test("keeps where the source stands, though the checks are shown; without one it goes through them again", async () => {
    const id = await register(ferry);
    const task_id = await makeTask(ferry, id);
    await execute("UPDATE sources SET state = 'replicate', migration_cycle = 'replicating'");
    await ferry.clock.advance(1_000);
    await ferry.call("agent", "POST", "/v3/sources", { body: { id, has_rsync: false } });
    const source = await show(id);
    expect(source).toMatchObject({
      state: "replicate",
      migration_cycle: "replicating",
      state_action_time: START,
      stage_action_time: START,
      last_visit_time: START + 1_000,
    });
    expect(source.checks[0]).toMatchObject({ name: "has_rsync", result: "ERROR" });
    await ferry.call("operator", "DELETE", `/v3/tasks/${task_id}`);
    await ferry.call("agent", "POST", "/v3/sources", { body: { id } });
    expect(await show(id)).toMatchObject({ state: "unavailable", migration_cycle: "checking" });
  });
});

describe("showOverview", () => {
  const overview = async (as: "viewer" | "foreign" = "viewer") =>
    (await ferry.call(as, "GET", "/v3/sources/overview")).json;
  const nothing = {
    waiting: 0,
    replicate: 0,
    syncing: 0,
    stopped: 0,
    deleting: 0,
    cutovering: 0,
    unavailable: 0,
    stopping: 0,
    skipping: 0,
    finished: 0,
    initialize: 0,
    error: 0,
    cloning: 0,
    unconfigured: 0,
  };

  test("counts the account's sources by state, and those without a task", async () => {
    expect(await overview()).toEqual(nothing);
    const ids: string[] = [];
    for (const name of ["a", "b", "c", "d", "e"]) ids.push(await register(ferry, name));
    await register(ferry, "f", { has_tc: false });
    await register(ferry, "theirs", {}, "foreign");
    for (const id of ids.slice(0, 3)) await makeTask(ferry, id);
    const [a = "", b = "", c = "", , e = ""] = ids;
    await execute("UPDATE sources SET state = 'replicate' WHERE id IN (?, ?)", a, b);
    // No counter is for these, but a source without a task counts as such.
    await execute("UPDATE sources SET state = 'cleared' WHERE id = ?", c);
    await ferry.call("operator", "DELETE", `/v3/sources/${e}`);
    expect(await overview()).toEqual({ ...nothing, replicate: 2, waiting: 1, unavailable: 1, unconfigured: 2 });
    expect(await overview("foreign")).toEqual({ ...nothing, waiting: 1, unconfigured: 1 });
  });

  test.each([...Object.keys(nothing)].filter((state) => state !== "unconfigured"))("counts %s", async (state) => {
    await register(ferry);
    await execute("UPDATE sources SET state = ?", state);
    expect(await overview()).toEqual({ ...nothing, [state]: 1, unconfigured: 1 });
  });
});
