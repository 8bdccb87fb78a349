import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Ferry, makeTask, poll, register, START, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const show = async (id: string) => (await ferry.call("viewer", "GET", `/v3/tasks/${id}`)).json;
const list = async (query = "", as: "viewer" | "foreign" = "viewer") =>
  (await ferry.call(as, "GET", `/v3/tasks${query}`)).json;
const set = (id: string, columns: string, ...args: (string | number)[]) =>
  ferry.database.client.execute({ sql: `UPDATE tasks SET ${columns} WHERE id = ?`, args: [...args, id] });
const tell = async (id: string, subtask_name: string, progress: number, more = {}) => {
  const body = { subtask_name, progress, replicatesize: 5, totalsize: 10, process_trace: `${progress} %`, ...more };
  expect((await ferry.call("agent", "PUT", `/v3/tasks/${id}/progress`, { body })).status).toBe(200);
};

const fileSystem = { name: "data", label: "l", subvolumn: [{ subvol_id: "256" }] };
const group = { name: "vg0", size: 9, components: "/dev/vdb1", logical_volumes: [{ name: "lv0", size: 4 }] };

/** Everything createTask takes. */
const full = {
  name: "web-1_迁移",
  type: "MIGRATE_BLOCK",
  os_type: "LINUX",
  start_target_server: false,
  target_server: {
    name: "target",
    vm_id: "vm-1",
    btrfs_list: [fileSystem, { label: "without a name" }],
    disks: [
      {
        device_use: "BOOT",
        disk_id: "d-1",
        name: "/dev/vda",
        size: 100,
        used_size: 50,
        physical_volumes: [
          { device_use: "any text", file_system: "ext4", index: 0, mount_point: "/", name: "/dev/vda1", size: 90 },
          { name: "/dev/vda2", inode_size: 4294967296, uuid: "u-2", used_size: 1 },
        ],
      },
      { name: "/dev/vdb", physical_volumes: [{ name: "/dev/vdb1" }] },
      { name: "/dev/vdc" },
    ],
    volume_groups: [group],
  },
  migration_ip: "192.0.2.50",
  region_name: "Region one",
  region_id: "region-1",
  project_name: "project",
  project_id: "p-1",
  priority: 2,
  vm_template_id: "template-1",
  clonevm_template_id: "template-2",
  use_public_ip: false,
  use_ipv6: true,
  syncing: true,
  exist_server: true,
  start_network_check: true,
  speed_limit: 1000,
  over_speed_threshold: 12.5,
  is_need_consistency_check: true,
  need_migration_test: true,
};

describe("showTask", () => {
  test("gives back what createTask was sent, with an id for the target and on its disks and volumes", async () => {
    const source_id = await register(ferry, "web-1", { oem_system: false });
    const id = await makeTask(ferry, source_id, full);
    const [first, second] = full.target_server.disks[0]?.physical_volumes ?? [];
    const task = await show(id);
    expect(task.target_server.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(task).toEqual({
      id,
      name: "web-1_迁移",
      type: "MIGRATE_BLOCK",
      os_type: "LINUX",
      state: "READY",
      priority: 2,
      speed_limit: 1000,
      start_target_server: false,
      enterprise_project_id: "0",
      migration_ip: "192.0.2.50",
      region_name: "Region one",
      region_id: "region-1",
      project_name: "project",
      project_id: "p-1",
      vm_template_id: "template-1",
      use_public_ip: false,
      use_ipv6: true,
      syncing: true,
      need_migration_test: true,
      create_date: START,
      connected: false,
      source_server: {
        id: source_id,
        ip: "192.0.2.10",
        name: "web-1",
        os_type: "LINUX",
        os_version: "DEBIAN_12_64BIT",
        oem_system: false,
        state: "waiting",
        migration_cycle: "setting",
      },
      target_server: {
        id: task.target_server.id,
        vm_id: "vm-1",
        name: "target",
        os_type: "LINUX",
        disks: [
          {
            ...full.target_server.disks[0],
            id: 1,
            physical_volumes: [
              { ...first, id: 1 },
              { ...second, inode_size: undefined, id: 2 },
            ],
          },
          { name: "/dev/vdb", id: 2, physical_volumes: [{ name: "/dev/vdb1", id: 3 }] },
          { name: "/dev/vdc", id: 3 },
        ],
        volume_groups: [{ ...group, id: 1, logical_volumes: [{ ...group.logical_volumes[0], id: 1 }] }],
        btrfs_list: ["data"],
      },
      sub_tasks: [],
    });
  });

  test("of the least there is: what always has a value; nothing is invented", async () => {
    const source_id = await register(ferry, "win", { os_type: "WINDOWS", ip: undefined, ipv6: "2001:db8::1" });
    const id = await makeTask(ferry, source_id);
    const { target_server, source_server, ...task } = await show(id);
    expect(task).toEqual({
      id,
      name: "MigrationTask",
      type: "MIGRATE_FILE",
      os_type: "WINDOWS",
      state: "READY",
      priority: 1,
      speed_limit: 0,
      start_target_server: true,
      enterprise_project_id: "0",
      region_name: "region-1",
      region_id: "region-1",
      project_name: "region-1",
      project_id: "project-1",
      use_public_ip: true,
      use_ipv6: false,
      syncing: false,
      need_migration_test: false,
      create_date: START,
      connected: false,
      sub_tasks: [],
    });
    expect(target_server).toEqual({
      id: expect.any(String),
      os_type: "WINDOWS",
      disks: [],
      volume_groups: [],
      btrfs_list: [],
    });
    expect(source_server).not.toHaveProperty("ip");
  });

  test("disks copied from init_target_server come back with the same ids, whatever else they carry", async () => {
    const disks = [{ name: "/dev/vda", size: 1, physical_volumes: [{ name: "/dev/vda1" }, { name: "/dev/vda2" }] }];
    const source_id = await register(ferry, "web-1", { disks, volume_groups: [group] });
    const setting = { disks: [{ id: 1, adjust_size: 7, need_migration: true }] };
    await ferry.call("operator", "PUT", `/v3/sources/${source_id}`, { body: setting });
    const { init_target_server } = (await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json;
    expect(init_target_server.disks[0]).toMatchObject({ id: 1, adjust_size: 7 });
    const id = await makeTask(ferry, source_id, { target_server: init_target_server });
    expect((await show(id)).target_server).toMatchObject({
      disks: [{ ...disks[0], id: 1, physical_volumes: [{ id: 1 }, { id: 2 }] }],
      volume_groups: [{ name: "vg0", id: 1, logical_volumes: [{ name: "lv0", id: 1 }] }],
    });
    expect((await show(id)).target_server.disks[0]).not.toHaveProperty("adjust_size");
  });

  test.each([
    [0, 0],
    [2, 2],
    [3, 2],
    [65535, 2],
  ])("priority %d is shown as %d", async (priority, shown) => {
    const id = await makeTask(ferry, await register(ferry), { priority });
    expect([(await show(id)).priority, (await list()).tasks[0].priority]).toEqual([shown, shown]);
  });

  test("a state is shown as it is, one that the contract lists for the query only too", async () => {
    const id = await makeTask(ferry, await register(ferry));
    for (const state of ["RESETING", "SYNC_F_ROLLBACKING", "SYNC_F_ROLLBACK_SUCCESS"]) {
      await set(id, "state = ?", state);
      expect([(await show(id)).state, (await list()).tasks[0].state]).toEqual([state, state]);
    }
  });

  test("tells how far it is: numbers of the last report, subtasks in the order they were first named", async () => {
    const id = await makeTask(ferry, await register(ferry));
    const measured = {
      migrate_speed: 12.5,
      compress_rate: 1.5,
      total_cpu_usage: 99.5,
      agent_cpu_usage: 1,
      total_mem_usage: 1048576,
      agent_mem_usage: 2.5,
      total_disk_io: 10000,
      agent_disk_io: 0,
      need_migration_test: true,
    };
    await tell(id, "SSL_CONFIG", 100, { migrate_speed: 3 });
    await ferry.clock.advance(1_000);
    await tell(id, "MIGRATE_LINUX_FILE", 40, { ...measured, remain_time: 90 });
    const subtasks = [
      { id: 1, name: "SSL_CONFIG", progress: 100, start_date: START, end_date: START, process_trace: "100 %" },
      { id: 2, name: "MIGRATE_LINUX_FILE", progress: 40, start_date: START + 1_000, process_trace: "40 %" },
    ];
    const estimate_complete_time = START + 91_000;
    const task = await show(id);
    expect(task).toMatchObject({ ...measured, remain_seconds: 90, estimate_complete_time, connected: true });
    expect(task.sub_tasks).toEqual([
      { ...subtasks[0], migrate_speed: 3 },
      { ...subtasks[1], migrate_speed: 12.5 },
    ]);
    const [listed] = (await list()).tasks;
    expect(listed).toMatchObject({ ...measured, estimate_complete_time });
    expect(listed.sub_tasks).toEqual(subtasks);
    await set(id, "finish_date = ?", START + 5);
    const done = await show(id);
    expect(done).toMatchObject({ finish_date: START + 5, remain_seconds: 90 });
    expect(done).not.toHaveProperty("estimate_complete_time");
  });

  test("tells what went wrong, when it ran and how the network is", async () => {
    const id = await makeTask(ferry, await register(ferry));
    const network_check_info = {
      domain_connectivity: true,
      network_delay: 0.5,
      network_jitter: 1,
      migration_speed: 100,
      loss_percentage: 0,
      cpu_usage: 1,
      mem_usage: 2,
      evaluation_result: "fluent",
    };
    const error_json = '{"error_code":"SMS.0805","error_msg":"no"}';
    const columns = "error_json = ?, start_date = ?, network_check_info = ?";
    await set(id, columns, error_json, START + 1, JSON.stringify(network_check_info));
    expect(await show(id)).toMatchObject({ error_json, start_date: START + 1, network_check_info });
    expect((await list()).tasks[0]).toMatchObject({ error_json, network_check_info });
  });

  test("connected is the source's; the source's values are of now", async () => {
    const source_id = await register(ferry);
    const id = await makeTask(ferry, source_id);
    await poll(ferry, source_id);
    await ferry.call("agent", "POST", "/v3/sources", { body: { id: source_id, os_version: "DEBIAN_13_64BIT" } });
    await ferry.call("operator", "PUT", `/v3/sources/${source_id}`, { body: { name: "renamed" } });
    expect(await show(id)).toMatchObject({
      connected: true,
      source_server: { name: "renamed", os_version: "DEBIAN_13_64BIT" },
    });
    await ferry.clock.advance(60_000);
    expect((await show(id)).connected).toBe(false);
  });

  test("unknown and another account's are 404 in the same words; a bound key sees its own source's only", async () => {
    const source_id = await register(ferry);
    const id = await makeTask(ferry, source_id);
    const foreign = await ferry.call("foreign", "GET", `/v3/tasks/${id}`);
    const missing = await ferry.call("viewer", "GET", "/v3/tasks/nobody");
    expect([foreign.status, foreign.json]).toEqual([
      404,
      { error_code: "SMS.8004", error_msg: `task ${id} is unknown` },
    ]);
    expect([missing.status, missing.json.error_msg]).toEqual([404, "task nobody is unknown"]);
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const own = await makeTask(ferry, await register(ferry, "own", {}, key));
    expect((await ferry.call(key, "GET", `/v3/tasks/${own}`)).status).toBe(200);
    const { status, json } = await ferry.call(key, "GET", `/v3/tasks/${id}`);
    expect([status, json.error_code]).toEqual([403, "SMS.9004"]);
  });
});

describe("listTasks", () => {
  const names = async (query: string) => (await list(query)).tasks.map(({ name }: { name: string }) => name);
  let sources: string[];
  let tasks: string[];
  beforeEach(async () => {
    sources = [];
    tasks = [];
    for (const name of ["web-1", "web_2", "db-1"]) {
      const source_id = await register(ferry, name);
      sources.push(source_id);
      tasks.push(await makeTask(ferry, source_id, { name }));
    }
    const theirs = await register(ferry, "theirs", {}, "foreign");
    await ferry.call("foreign", "POST", "/v3/tasks", { body: { ...full, source_server: { id: theirs } } });
  });

  test("the account's tasks, oldest first, with the count", async () => {
    const configurations = [{ config_key: "LINUX_CPU_LIMIT", config_value: "5" }];
    await ferry.call("operator", "POST", `/v3/tasks/${tasks[0]}/configuration-setting`, { body: { configurations } });
    const page = await list();
    expect([page.count, page.tasks.map(({ id }: { id: string }) => id)]).toEqual([3, tasks]);
    expect(page.tasks[0]).toEqual({
      id: tasks[0],
      name: "web-1",
      type: "MIGRATE_FILE",
      os_type: "LINUX",
      state: "READY",
      priority: 1,
      speed_limit: 0,
      start_target_server: true,
      enterprise_project_id: "0",
      syncing: false,
      need_migration_test: false,
      create_date: START,
      source_server: {
        id: sources[0],
        ip: "192.0.2.10",
        name: "web-1",
        os_type: "LINUX",
        os_version: "DEBIAN_12_64BIT",
        state: "waiting",
      },
      target_server: { id: expect.any(String), os_type: "LINUX" },
      log_collect_status: "INIT",
      special_config: configurations,
      sub_tasks: [],
    });
    const foreign = await list("", "foreign");
    expect([foreign.count, foreign.tasks[0].name]).toEqual([1, full.name]);
  });

  test("filters", async () => {
    await set(tasks[1] ?? "", "state = ?", "SYNC_FAIL");
    await set(tasks[2] ?? "", "state = ?", "SYNC_F_ROLLBACKING");
    const theirs = (await list("", "foreign")).tasks[0];
    const expected: [string, string[]][] = [
      ["state=READY", ["web-1"]],
      ["state=SYNC_FAIL", ["web_2"]],
      ["state=SYNC_F_ROLLBACKING", ["db-1"]],
      ["state=RESETING", []],
      ["name=web", ["web-1", "web_2"]],
      ["name=_", ["web_2"]],
      ["name=%25", []],
      ["name=WEB", []],
      ["name=", ["web-1", "web_2", "db-1"]],
      [`id=${tasks[1]}`, ["web_2"]],
      [`id=${theirs.id}`, []],
      [`source_server_id=${sources[2]}`, ["db-1"]],
      [`source_server_id=${theirs.source_server.id}`, []],
      [`source_server_id=${sources[2]}&state=READY`, []],
      ["enterprise_project_id=0", ["web-1", "web_2", "db-1"]],
      ["enterprise_project_id=", ["web-1", "web_2", "db-1"]],
      ["enterprise_project_id=x", []],
      ["unknown=ignored&name=web-", ["web-1"]],
    ];
    for (const [query, found] of expected) {
      expect([query, await names(`?${query}`), (await list(`?${query}`)).count]).toEqual([query, found, found.length]);
    }
  });

  test("pages by limit and offset with the true count; 0 and none are 100", async () => {
    expect(await names("?limit=2")).toEqual(["web-1", "web_2"]);
    expect(await names("?offset=1")).toEqual(["web_2", "db-1"]);
    expect(await names("?limit=1&offset=2&name=b")).toEqual(["db-1"]);
    expect(await list("?limit=200&offset=65535")).toEqual({ count: 3, tasks: [] });
    const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)";
    const { client } = ferry.database;
    await client.execute(`${rows} INSERT INTO sources SELECT 1000 + i, 'source-' || i, account_seq, migproject_seq, name,
      ip, ipv6, state, migration_cycle, registration, add_date, registered_at, state_action_time, stage_action_time,
      deleted_at FROM n, sources WHERE sources.id = '${sources[0]}'`);
    const columns = (await client.execute("SELECT name FROM pragma_table_info('tasks')")).rows.map(
      ({ name }) => `${name}`,
    );
    const others = columns.filter((name) => !["seq", "id", "source_seq"].includes(name));
    const quoted = others.map((name) => `"${name}"`).join();
    await client.execute(`${rows} INSERT INTO tasks (seq, id, source_seq, ${quoted})
      SELECT 1000 + i, 'task-' || i, 1000 + i, ${quoted} FROM n, tasks WHERE tasks.id = '${tasks[0]}'`);
    for (const query of ["", "?limit=0"]) {
      const page = await list(query);
      expect([page.count, page.tasks.length]).toEqual([153, 100]);
    }
    expect((await list("?limit=200")).tasks.length).toBe(153);
  });

  test("what other tasks report does not mix in", async () => {
    await tell(tasks[0] ?? "", "SSL_CONFIG", 1);
    await tell(tasks[2] ?? "", "SSL_CONFIG", 3);
    await tell(tasks[0] ?? "", "CLONE_VM", 2, { migrate_speed: 4 });
    const page = (await list()).tasks;
    expect(
      page.map(({ sub_tasks }: { sub_tasks: { id: number; progress: number }[] }) =>
        sub_tasks.map(({ id, progress }) => [id, progress]),
      ),
    ).toEqual([
      [
        [1, 1],
        [2, 2],
      ],
      [],
      [[1, 3]],
    ]);
    expect(page.map(({ migrate_speed }: { migrate_speed?: number }) => migrate_speed)).toEqual([
      4,
      undefined,
      undefined,
    ]);
  });

  test("a page has all its tasks, however much each one or its source holds", async () => {
    const lot = Array.from({ length: 6_000 }, (_, index) => ({ name: `${index}`.padEnd(255, "x") }));
    for (const name of ["big-1", "big-2", "big-3"]) {
      const source_id = await register(ferry, name, { disks: lot });
      const id = await makeTask(ferry, source_id, { name, target_server: { disks: lot, vm_id: "vm-9" } });
      expect((await show(id)).target_server.disks.length).toBe(6_000);
    }
    const { text, json } = await ferry.call("viewer", "GET", "/v3/tasks?name=big");
    expect([json.count, json.tasks.length, text.length < 3_000]).toEqual([3, 3, true]);
    // Reading a version out of a registration of megabytes is left out.
    expect(json.tasks[0]).toMatchObject({ source_server: { os_type: "LINUX" }, target_server: { vm_id: "vm-9" } });
    expect(json.tasks[0].source_server).not.toHaveProperty("os_version");
    expect((await show(json.tasks[0].id)).source_server.os_version).toBe("DEBIAN_12_64BIT");
  });

  test.each([
    "limit=201",
    "limit=-1",
    "offset=65536",
    "state=sleeping",
    "state=",
    "id=",
    `id=${"x".repeat(37)}`,
    "source_server_id=",
    "name=a&name=b",
    `name=${"x".repeat(256)}`,
  ])("refuses %s", async (query) => {
    const { status, json } = await ferry.call("viewer", "GET", `/v3/tasks?${query}`);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
  });
});
