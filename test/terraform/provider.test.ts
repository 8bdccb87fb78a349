import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import contract from "../contract/operations.json" with { type: "json" };
import { type Ferry, poll, report, startFerry } from "../harness.ts";
import { type Json, type Provider, provider } from "./provider.ts";

/* What the Terraform provider relies on: the shapes it sends, and those it takes. */

let ferry: Ferry;
let terraform: Provider;
beforeEach(async () => {
  ferry = await startFerry();
  terraform = await provider(ferry);
});
afterEach(() => ferry.stop());

/** A source as the provider registers it: what has no value is left out, booleans are sent. */
const machine = {
  name: "web-1",
  ip: "192.0.2.10",
  os_type: "LINUX",
  os_version: "any text at all",
  agent_version: "24.9.0",
  firmware: "BIOS",
  boot_loader: "GRUB",
  has_rsync: true,
  has_tc: true,
  paravirtualization: false,
  oem_system: false,
  disks: [
    {
      name: "/dev/vda",
      device_use: "BOOT",
      size: 42_949_672_960,
      used_size: 10_737_418_240,
      physical_volumes: [
        { name: "/dev/vda1", device_use: "OS", file_system: "ext4", mount_point: "/", size: 42_948_624_384 },
      ],
    },
    { name: "/dev/vdb", device_use: "NORMAL", size: 10, physical_volumes: [{ name: "/dev/vdb1", size: 9 }] },
  ],
  volume_groups: [{ name: "vg0", components: "/dev/vdb1", size: 8, logical_volumes: [{ name: "lv0", size: 4 }] }],
  networks: [
    { name: "eth0", ip: "192.0.2.10", mac: "02:00:00:00:00:01", netmask: "255.255.255.0", gateway: "192.0.2.1" },
  ],
};

const register = async (name = "web-1") =>
  (await terraform.ok("POST", "/v3/sources", { ...machine, name })).id as string;
const showServer = (id: string) => terraform.ok("GET", `/v3/sources/${id}`);
const showTask = (id: string) => terraform.ok("GET", `/v3/tasks/${id}`);

/** A task as the provider orders it: the machine is made by a template, so it has neither name nor id. */
function order(source_id: string, more: object = {}) {
  return {
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    os_type: "LINUX",
    source_server: { id: source_id },
    target_server: {},
    vm_template_id: "template-1",
    project_id: terraform.project_id,
    project_name: "region-1",
    region_id: "region-1",
    region_name: "region-1",
    start_target_server: true,
    auto_start: false,
    use_public_ip: true,
    syncing: false,
    ...more,
  };
}
const createTask = async (source_id: string, more: object = {}) =>
  (await terraform.ok("POST", "/v3/tasks", order(source_id, more))).id as string;
const act = (task_id: string, operation: string) => terraform.ok("POST", `/v3/tasks/${task_id}/action`, { operation });

describe("lists", () => {
  test("of sources and projects end at an empty page, asked for from as many rows on as came", async () => {
    for (const name of ["a", "b", "c"]) await register(name);
    expect((await terraform.rowsByOffset("/v3/sources", "source_servers")).map(({ name }) => name)).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(await terraform.ok("GET", "/v3/sources?offset=3")).toEqual({ count: 3, source_servers: [] });
    const projects = await terraform.rowsByOffset("/v3/migprojects", "migprojects");
    expect(projects.map(({ name }) => name)).toEqual(["SystemProject"]);
    expect(await terraform.ok("GET", "/v3/migprojects?offset=1")).toEqual({ count: 1, migprojects: [] });
  });

  test("of tasks and templates end at an empty page, asked for in hundreds", async () => {
    const ids = [await createTask(await register("a")), await createTask(await register("b"))];
    expect((await terraform.rowsInHundreds("/v3/tasks", "tasks")).map(({ id }) => id)).toEqual(ids);
    expect(await terraform.ok("GET", "/v3/tasks?limit=100&offset=100")).toEqual({ count: 2, tasks: [] });
    for (let index = 0; index < 101; index += 1)
      await terraform.ok("POST", "/v3/vm/templates", { template: { name: `t-${index}` } });
    const templates = await terraform.rowsInHundreds("/v3/vm/templates", "templates");
    expect(templates.map(({ name }) => name)).toEqual(Array.from({ length: 101 }, (_, index) => `t-${index}`));
    expect(await terraform.ok("GET", "/v3/errors?limit=100&offset=0")).toEqual({ count: 0, migration_errors: [] });
  });

  test("hold one list each, which a reader of the first one finds", async () => {
    await createTask(await register());
    await terraform.ok("POST", "/v3/vm/templates", { template: { name: "t" } });
    for (const path of ["/v3/sources", "/v3/migprojects", "/v3/tasks", "/v3/vm/templates", "/v3/errors?offset=0"]) {
      const reply = await terraform.ok("GET", path);
      expect([path, Object.values(reply).filter(Array.isArray).length]).toEqual([path, 1]);
    }
  });

  test("of errors are asked for with an offset, and refused without one", async () => {
    expect((await terraform.request("GET", "/v3/errors?limit=100")).status).toBe(400);
    expect((await terraform.request("GET", "/v3/errors?offset=0")).status).toBe(200);
  });
});

describe("a source", () => {
  test("registers without hostname and what its disks have no value for, and reads as it was sent", async () => {
    const id = await register();
    const { disks, volume_groups, networks, paravirtualization: _p, boot_loader: _b, has_rsync: _r, ...rest } = machine;
    const shown = await showServer(id);
    expect(shown).toMatchObject(rest);
    expect(shown.networks).toEqual(networks);
    expect(shown.disks).toEqual([
      { ...disks[0], id: 1, physical_volumes: [{ ...disks[0]?.physical_volumes[0], id: 1 }] },
      { ...disks[1], id: 2, physical_volumes: [{ ...disks[1]?.physical_volumes[0], id: 2 }] },
    ]);
    expect(shown.volume_groups).toEqual([
      { ...volume_groups[0], id: 1, logical_volumes: [{ name: "lv0", size: 4, id: 1 }] },
    ]);
    for (const absent of ["hostname", "current_task"]) expect(shown).not.toHaveProperty(absent);
    // The target machine starts from the same, so that a task can copy it.
    const { partition_style: _s, ...first } = shown.disks[0];
    expect(shown.init_target_server).toEqual({ disks: [first, shown.disks[1]], volume_groups: shown.volume_groups });
  });

  test("takes the ids of its disks and volumes back as the numbers they are, and plans no change after", async () => {
    const id = await register();
    const before = await showServer(id);
    const [first, second] = before.disks;
    await terraform.ok("PUT", `/v3/sources/${id}`, {
      name: "web-1",
      disks: [
        {
          id: first.id,
          need_migration: true,
          adjust_size: 11,
          physical_volumes: [{ id: 1, need_migration: true, adjust_size: 12 }],
        },
        { id: second.id, need_migration: false, adjust_size: 13 },
      ],
      volume_groups: [
        {
          id: 1,
          need_migration: true,
          adjust_size: 14,
          logical_volumes: [{ id: 1, need_migration: false, adjust_size: 0 }],
        },
      ],
    });
    const after = await showServer(id);
    expect(after.disks).toEqual([
      {
        ...first,
        need_migration: true,
        adjust_size: 11,
        physical_volumes: [{ ...first.physical_volumes[0], need_migration: true, adjust_size: 12 }],
      },
      { ...second, need_migration: false, adjust_size: 13 },
    ]);
    expect(after.volume_groups).toEqual([
      {
        ...before.volume_groups[0],
        need_migration: true,
        adjust_size: 14,
        logical_volumes: [{ id: 1, name: "lv0", size: 4, need_migration: false, adjust_size: 0 }],
      },
    ]);
    expect(await showServer(id)).toEqual(after);
  });

  test("keeps its last_visit_time through everything the provider reads and changes", async () => {
    const id = await register();
    const { last_visit_time } = await showServer(id);
    await ferry.clock.advance(5_000);
    const task_id = await createTask(id);
    const reads = contract.filter(({ method, path }) => method === "GET" && !path.endsWith("/command"));
    expect(reads.length).toBe(21);
    for (const { path } of reads.filter(({ path: at }) => !at.includes("templates/"))) {
      const filled = path
        .replace("{source_id}", id)
        .replace("{task_id}", task_id)
        .replace("{version}", "v3")
        .replace("{key}", "k")
        .replace("{mig_project_id}", (await terraform.ok("GET", "/v3/migprojects")).migprojects[0].id);
      await terraform.ok("GET", `${filled}${path === "/v3/errors" ? "?offset=0" : ""}`);
    }
    await terraform.ok("PUT", `/v3/sources/${id}`, { name: "renamed" });
    await terraform.ok("PUT", `/v3/tasks/${task_id}`, { name: "renamed" });
    await terraform.ok("PUT", `/v3/sources/${id}/changestate`, { copystate: "waiting" });
    expect(await showServer(id)).toMatchObject({ last_visit_time, connected: false });
  });

  test("is moved by copystate alone, and by migrationcycle alone", async () => {
    const id = await register();
    await terraform.ok("PUT", `/v3/sources/${id}/changestate`, { copystate: "init" });
    expect(await showServer(id)).toMatchObject({ state: "initialize", migration_cycle: "setting" });
    await terraform.ok("PUT", `/v3/sources/${id}/changestate`, { migrationcycle: "syncing" });
    expect(await showServer(id)).toMatchObject({ state: "initialize", migration_cycle: "syncing" });
    expect((await terraform.request("PUT", `/v3/sources/${id}/changestate`, {})).status).toBe(400);
  });

  test("that nothing was ordered for has a command with a name", async () => {
    const { json, text } = await terraform.request("GET", `/v3/sources/${await register()}/command`);
    expect([json.command_name, text]).toEqual(["TASK_NOT_STARTED", '{"command_name":"TASK_NOT_STARTED"}']);
  });

  test("shows its task without a clone, and lists it with an empty one", async () => {
    const id = await register();
    await createTask(id);
    const { current_task } = await showServer(id);
    expect(current_task).not.toHaveProperty("clone_server");
    const [listed] = (await terraform.ok("GET", "/v3/sources")).source_servers;
    expect(listed.current_task).toEqual({ ...current_task, clone_server: {} });
    expect(Array.isArray(listed.current_task)).toBe(false);
  });

  test("is counted in the overview by numbers, all of them", async () => {
    await register();
    const overview = await terraform.ok("GET", "/v3/sources/overview");
    expect(Object.keys(overview).length).toBe(14);
    expect(overview).toMatchObject({ waiting: 1, unconfigured: 1, error: 0 });
    expect(Object.values(overview).every(Number.isInteger)).toBe(true);
  });
});

describe("a task", () => {
  test("is made without name and vm_id of its target, and reads without inventing any", async () => {
    const { target_server, vm_template_id, ...task } = await showTask(await createTask(await register()));
    expect(vm_template_id).toBe("template-1");
    expect(Object.keys(target_server).sort()).toEqual(["btrfs_list", "disks", "id", "os_type", "volume_groups"]);
    for (const absent of ["migration_ip", "clone_server"]) expect(task).not.toHaveProperty(absent);
  });

  test("copies the disks and volume groups that its source's target starts from", async () => {
    const id = await register();
    const { init_target_server } = await showServer(id);
    const { target_server } = await showTask(await createTask(id, { target_server: init_target_server }));
    expect(target_server.disks).toEqual(init_target_server.disks);
    expect(target_server.volume_groups).toEqual(init_target_server.volume_groups);
  });

  test("always has the values it is compared by, in their own types, and plans no change", async () => {
    const id = await createTask(await register());
    const task = await showTask(id);
    expect(task).toMatchObject({
      name: "MigrationTask",
      type: "MIGRATE_FILE",
      os_type: "LINUX",
      state: "READY",
      project_name: "region-1",
      project_id: terraform.project_id,
      start_target_server: true,
      use_public_ip: true,
      use_ipv6: false,
      syncing: false,
      need_migration_test: false,
      speed_limit: 0,
      enterprise_project_id: "0",
    });
    expect(await showTask(id)).toEqual(task);
    const changed = await showTask(
      await createTask(await register("b"), { use_public_ip: false, use_ipv6: true, syncing: true }),
    );
    expect(changed).toMatchObject({ use_public_ip: false, use_ipv6: true, syncing: true });
  });

  test("sends no number as text: ids, sizes and times are whole numbers, ids of objects are texts", async () => {
    const id = await register();
    const { init_target_server } = await showServer(id);
    const task_id = await createTask(id, { target_server: init_target_server });
    await act(task_id, "start");
    await ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
      body: {
        subtask_name: "SSL_CONFIG",
        progress: 100,
        replicatesize: 1,
        totalsize: 2,
        process_trace: "",
        remain_time: 3,
      },
    });
    const wrong: string[] = [];
    const look = (value: Json, at: string) => {
      if (Array.isArray(value)) for (const [index, item] of value.entries()) look(item, `${at}[${index}]`);
      else if (typeof value === "object")
        for (const [name, member] of Object.entries(value)) look(member, `${at}.${name}`);
      else if (
        /(size|progress|_date|_time|seconds|priority|speed_limit|index|\]\.id)$/.test(at) &&
        !Number.isInteger(value)
      ) {
        if (!/source_servers\[\d+\]\.id|tasks\[\d+\]\.id$/.test(at)) wrong.push(`${at} is ${JSON.stringify(value)}`);
      }
    };
    look(await showTask(task_id), "task");
    look(await showServer(id), "source");
    look(await terraform.ok("GET", "/v3/sources"), "");
    look(await terraform.ok("GET", "/v3/tasks"), "");
    expect(wrong).toEqual([]);
  });

  test("runs at once when it is started, agent or none, and stays so", async () => {
    const id = await createTask(await register());
    expect(await act(id, "start")).toEqual({});
    expect((await showTask(id)).state).toBe("RUNNING");
    await ferry.clock.advance(5 * 60_000);
    await ferry.runJobs();
    expect((await showTask(id)).state).toBe("RUNNING");
  });

  test("that starts by itself stays ready while no agent comes", async () => {
    const id = await createTask(await register(), { auto_start: true });
    await ferry.clock.advance(5 * 60_000);
    await ferry.runJobs();
    expect((await showTask(id)).state).toBe("READY");
  });

  test("is destroyed by one DELETE with a body, in any state while no agent is at work", async () => {
    const inState: Record<string, (source_id: string, task_id: string) => Promise<unknown>> = {
      READY: async () => {},
      RUNNING: (_, id) => act(id, "start"),
      ABORTING: async (_, id) => {
        await act(id, "start");
        await act(id, "stop");
      },
      ABORT: async (source_id, id) => {
        await act(id, "start");
        await act(id, "stop");
        await poll(ferry, source_id);
        await report(ferry, source_id, "STOP");
      },
      MIGRATE_FAIL: async (source_id, id) => {
        await act(id, "start");
        await poll(ferry, source_id);
        await report(ferry, source_id, "START", "fail");
      },
      MIGRATE_SUCCESS: async (source_id, id) => {
        await act(id, "start");
        await terraform.ok("PUT", `/v3/sources/${source_id}/changestate`, { copystate: "finished" });
      },
    };
    for (const [state, bring] of Object.entries(inState)) {
      const source_id = await register(`of-${state}`);
      const id = await createTask(source_id);
      await bring(source_id, id);
      expect((await showTask(id)).state).toBe(state);
      // Whoever was there is gone by now.
      await ferry.clock.advance(61_000);
      expect(await terraform.ok("DELETE", `/v3/tasks/${id}`, { ids: [id] })).toEqual({});
      expect((await terraform.request("GET", `/v3/tasks/${id}`)).status).toBe(404);
      expect(await showServer(source_id)).toMatchObject({ state: "waiting", migration_cycle: "setting" });
      expect(await terraform.ok("DELETE", `/v3/sources/${source_id}`)).toEqual({});
    }
  });

  test("has limits and settings that an empty object clears, and a list replaces", async () => {
    const id = await createTask(await register());
    const limit = { start: "08:00", end: "18:00", speed: 100 };
    const setting = { config_key: "LINUX_CPU_LIMIT", config_value: "50" };
    const limits = async () => (await terraform.ok("GET", `/v3/tasks/${id}/speed-limit`)).speed_limit;
    const settings = async () => (await terraform.ok("GET", `/v3/tasks/${id}/configuration-setting`)).configurations;
    const both = async (speed_limit: object, configurations: object) => {
      expect(await terraform.ok("POST", `/v3/tasks/${id}/speed-limit`, speed_limit)).toEqual({});
      expect(await terraform.ok("POST", `/v3/tasks/${id}/configuration-setting`, configurations)).toEqual({});
      return [await limits(), await settings()];
    };
    expect([await limits(), await settings()]).toEqual([[], []]);
    const two = { ...limit, start: "18:00", end: "08:00" };
    const second = { config_key: "LINUX_MEM_LIMIT", config_value: "1" };
    expect(await both({ speed_limit: [limit, two] }, { configurations: [setting, second] })).toEqual([
      [limit, two],
      [setting, second],
    ]);
    expect(await both({ speed_limit: [two] }, { configurations: [second] })).toEqual([[two], [second]]);
    expect(await both({}, {})).toEqual([[], []]);
  });

  test("tells its consistency results as objects, its certificates whole and its log as collected", async () => {
    const source_id = await register();
    const id = await createTask(source_id);
    const result = {
      dir_check: "/srv",
      num_total_files: 1,
      num_different_files: 0,
      num_target_miss_files: 0,
      num_target_more_files: 0,
    };
    expect(await terraform.ok("POST", `/v3/tasks/${id}/consistency-result`, { consistency_result: [result] })).toEqual(
      {},
    );
    expect(await terraform.ok("GET", `/v3/tasks/${id}/consistency-result`)).toEqual({
      task_id: id,
      result_list: [{ finished_time: ferry.clock.now(), check_result: "finished", consistency_result: [result] }],
    });
    const pair = await terraform.ok("GET", `/v3/tasks/${id}/certkey`);
    expect(Object.keys(pair)).toEqual(["cert", "private_key"]);
    const all = await terraform.ok("GET", `/v3/tasks/${id}/certkey?enable_ca_cert=true`);
    expect(Object.keys(all).sort()).toEqual([
      "ca",
      "cert",
      "private_key",
      "target_data_cert",
      "target_data_private_key",
      "target_mgmt_cert",
      "target_mgmt_private_key",
    ]);
    expect(Object.values(all).every((text) => typeof text === "string" && text.startsWith("-----BEGIN "))).toBe(true);
    expect(await terraform.ok("POST", `/v3/tasks/${id}/log`, { log_bucket: "logs" })).toEqual({});
    const check = {
      network_delay: 20,
      network_jitter: 2,
      migration_speed: 100,
      loss_percentage: 0,
      cpu_usage: 30,
      mem_usage: 40,
    };
    const body = {
      ...check,
      evaluation_result: "excellent",
      domain_connectivity: true,
      destination_connectivity: true,
    };
    expect(await terraform.ok("POST", `/v3/${id}/update-network-check-info`, body)).toEqual({ task_id: id });
    expect((await showTask(id)).network_check_info).toEqual(body);
  });
});

describe("a template", () => {
  const made = {
    name: "template-1",
    is_template: true,
    region: "region-1",
    projectid: "project-1",
    availability_zone: "region-1a",
    target_server_name: "target-1",
    volumetype: "GPSSD",
    vpc: { id: "autoCreate", name: "autoCreate", cidr: "192.168.0.0/16" },
    nics: [{ id: "autoCreate", name: "autoCreate" }],
    security_groups: [{ id: "autoCreate", name: "autoCreate" }],
    disk: [{ index: 0, name: "system", disktype: "GPSSD", size: 40 }],
  };

  test("is wrapped both ways; networks to be made have no cidr, and nothing that was not sent comes back", async () => {
    const { id } = await terraform.ok("POST", "/v3/vm/templates", { template: made });
    const reply = await terraform.ok("GET", `/v3/vm/templates/${id}`);
    expect(reply).toEqual({
      template: {
        ...made,
        id,
        is_template: "true",
        flavor: "",
        data_volume_type: "",
        target_password: "",
        image_id: "",
      },
    });
    await terraform.ok("PUT", `/v3/vm/templates/${id}`, {
      template: { ...made, name: "renamed", flavor: "s6.small.1" },
    });
    expect((await terraform.ok("GET", `/v3/vm/templates/${id}`)).template).toMatchObject({
      name: "renamed",
      flavor: "s6.small.1",
    });
  });

  test("has a public address once it was sent one", async () => {
    const publicip = { type: "5_bgp", bandwidth_size: 5, bandwidth_share_type: "PER" };
    const { id } = await terraform.ok("POST", "/v3/vm/templates", { template: { ...made, publicip } });
    expect((await terraform.ok("GET", `/v3/vm/templates/${id}`)).template.publicip).toEqual(publicip);
  });
});

describe("a migration project", () => {
  test("is made without enterprise_project and start_network_check, which read as default and false", async () => {
    const { id } = await terraform.ok("POST", "/v3/migprojects", {
      name: "wave",
      region: "region-1",
      type: "MIGRATE_BLOCK",
    });
    const shown = await terraform.ok("GET", `/v3/migprojects/${id}`);
    expect(shown).toMatchObject({ enterprise_project: "default", start_network_check: false, isdefault: false });
    expect(await terraform.ok("GET", `/v3/migprojects/${id}`)).toEqual(shown);
  });

  test("becomes the default one by a PUT with an empty object, and goes by a DELETE with a list of ids", async () => {
    const make = async (name: string) =>
      (await terraform.ok("POST", "/v3/migprojects", { name, region: "region-1", type: "MIGRATE_FILE" })).id;
    const [first, second] = [await make("one"), await make("two")];
    const isDefault = async (id: string) => (await terraform.ok("GET", `/v3/migprojects/${id}`)).isdefault;
    expect(await terraform.ok("PUT", `/v3/migprojects/${first}/default`, {})).toEqual({});
    expect(await terraform.ok("PUT", `/v3/migprojects/${second}/default`, {})).toEqual({});
    expect([await isDefault(first), await isDefault(second)]).toEqual([false, true]);
    expect(await terraform.ok("DELETE", `/v3/migprojects/${first}`, { ids: [first] })).toEqual({});
  });

  test("of the system is there in every account, with these values", async () => {
    const [system] = await terraform.rowsByOffset("/v3/migprojects", "migprojects");
    const { id, exist_server: _, ...listed } = system;
    const values = {
      name: "SystemProject",
      description: "",
      isdefault: true,
      region: "region-1",
      start_target_server: true,
      speed_limit: 0,
      use_public_ip: true,
      type: "MIGRATE_FILE",
      enterprise_project: "default",
      syncing: false,
      start_network_check: false,
    };
    expect(listed).toEqual(values);
    expect(await terraform.ok("GET", `/v3/migprojects/${id}`)).toEqual({ ...values, exist_server: true });
  });

  test("is read and deleted with the project of another region than it was made with", async () => {
    const { id } = await terraform.ok("POST", "/v3/migprojects", {
      name: "wave",
      region: "region-1",
      type: "MIGRATE_FILE",
    });
    const elsewhere = await provider(ferry, "region-2");
    expect(elsewhere.project_id).not.toBe(terraform.project_id);
    expect((await elsewhere.ok("GET", `/v3/migprojects/${id}`)).name).toBe("wave");
    expect(await elsewhere.ok("DELETE", `/v3/migprojects/${id}`)).toEqual({});
  });
});

test("what is gone is 404 to a read, a change and a delete, whatever it was", async () => {
  const source_id = await register();
  const task_id = await createTask(source_id);
  const { id: template_id } = await terraform.ok("POST", "/v3/vm/templates", { template: { name: "t" } });
  const { id: project_id } = await terraform.ok("POST", "/v3/migprojects", {
    name: "p",
    region: "r",
    type: "MIGRATE_FILE",
  });
  const objects: [path: string, change: object][] = [
    [`/v3/tasks/${task_id}`, { name: "x" }],
    [`/v3/sources/${source_id}`, { name: "x" }],
    [`/v3/vm/templates/${template_id}`, { template: { name: "x" } }],
    [`/v3/migprojects/${project_id}`, { name: "x" }],
  ];
  for (const [path, change] of objects) {
    await terraform.ok("GET", path);
    await terraform.ok("DELETE", path);
    for (const [method, body] of [["GET"], ["PUT", change], ["DELETE"]] as const) {
      expect([path, method, (await terraform.request(method, path, body)).status]).toEqual([path, method, 404]);
    }
  }
});

test("the agents' configuration has every member the provider looks at, and no empty text", async () => {
  const { config, regions } = await terraform.ok("GET", "/v3/config");
  const wanted = [
    "cloud_type",
    "desc",
    "project_name",
    "region_name",
    "kms_address",
    "dns_domain",
    "ecs_domain",
    "evs_domain",
    "iam_domain",
    "ims_domain",
    "obs_domain",
    "sms_domain",
    "vpc_domain",
    "linux_image_id",
    "linux_uefi_image_id",
    "create_linux_image_id",
    "windows_image_id",
    "windows_ssh_image_id",
    "windows_uefi_image_id",
  ];
  for (const name of ["disktype", "mainRegion", "obs_domain"]) expect(config[name]).toMatch(/./);
  for (const name of wanted) expect(regions[0][name]).toMatch(/./);
});
