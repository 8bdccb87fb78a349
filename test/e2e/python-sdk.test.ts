import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  cleanEnvironment,
  endAll,
  Ferry,
  firstKey,
  repository,
  startProgram,
  testUnless,
  waitUntil,
} from "./executable.ts";

/* huaweicloudsdksms, as published, over plain HTTP. */

const SDK = "huaweicloudsdksms==3.1.219";
const CALL_DEADLINE_MS = 30_000;

interface Answer {
  /** The SDK's model as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a different model for every call
  reply?: any;
  raised?: { exception: string; status_code: number; error_code: string; error_msg: string; request_id: string };
  received: { status: number; headers: Record<string, string>; text: string };
}

/** The Python that has the SDK: $FERRY_PYTHON, else the one in .cache/venv, which is made here if need be. */
function findPython(): { python: string; missing?: undefined } | { python: ""; missing: string } {
  const given = process.env.FERRY_PYTHON;
  const venv = join(repository, ".cache", "venv");
  const python = given || join(venv, "bin", "python");
  const succeeds = (...command: string[]) => Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
  const hasSdk = () =>
    succeeds(
      python,
      "-c",
      `import importlib.metadata as m; assert m.version("${SDK.split("==")[0]}") == "${SDK.split("==")[1]}"`,
    );
  const install = () => succeeds(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDK);
  try {
    if (!given && !existsSync(python)) succeeds("python3", "-m", "venv", venv);
    if (hasSdk() || (!given && install() && hasSdk())) return { python };
    return { python: "", missing: `${python} does not have ${SDK}` };
  } catch (error) {
    return { python: "", missing: `no Python with ${SDK}: ${error instanceof Error ? error.message : error}` };
  }
}

const { python, missing } = findPython();
const test = testUnless(missing);

let ferry: Ferry;
/** Calls a method of the SDK's client, in a Python of its own. */
let sdk: (method: string, members?: object, key?: typeof firstKey) => Promise<Answer>;

beforeAll(async () => {
  ferry = await Ferry.start();
  if (missing !== undefined) return;
  const { child, printed } = startProgram([python, join(import.meta.dir, "python", "sdk.py"), ferry.url], {
    cwd: ferry.folder.home,
    env: cleanEnvironment(ferry.folder.path),
  });
  let calls = 0;
  sdk = async (method, members = {}, key = firstKey) => {
    child.stdin.write(`${JSON.stringify({ key, method, members })}\n`);
    child.stdin.flush();
    calls += 1;
    const answers = () => printed.stdout.split("\n").slice(0, -1);
    await waitUntil(
      () => answers().length === calls || child.exitCode !== null,
      `the SDK's ${method}`,
      CALL_DEADLINE_MS,
      2,
    );
    const answer = answers()[calls - 1];
    if (answer === undefined) throw new Error(`the SDK's process ended in ${method}:\n${printed.stderr}`);
    return JSON.parse(answer);
  };
});
afterAll(endAll);

const disks = [
  {
    name: "/dev/vda",
    partition_style: "GPT",
    device_use: "BOOT",
    size: 107_374_182_400,
    used_size: 53_687_091_200,
    os_disk: true,
    relation_name: "vda-relation",
    inode_size: 256,
    physical_volumes: [
      {
        name: "/dev/vda1",
        device_use: "BOOT",
        file_system: "ext4",
        index: 1,
        mount_point: "/boot",
        size: 1_073_741_824,
        used_size: 268_435_456,
        inode_size: 256,
        inode_nums: 65_536,
        uuid: "0f1e2d3c-0000-4000-8000-000000000001",
        size_per_cluster: 4096,
      },
      { name: "/dev/vda2", device_use: "VOLUME_GROUP", index: 2, size: 106_300_440_576, used_size: 53_418_655_744 },
    ],
  },
  {
    name: "/dev/vdb",
    partition_style: "MBR",
    device_use: "NORMAL",
    size: 9_007_199_254_740_991,
    used_size: 0,
    os_disk: false,
    physical_volumes: [],
  },
];
const volume_groups = [
  {
    name: "vg0",
    components: "/dev/vda2",
    size: 106_300_440_576,
    free_size: 0,
    logical_volumes: [
      {
        name: "root",
        block_count: 2_000_000,
        block_size: 4096,
        file_system: "xfs",
        inode_size: 512,
        inode_nums: 1_000_000,
        device_use: "OS",
        mount_point: "/",
        size: 53_687_091_200,
        used_size: 10_737_418_240,
        free_size: 42_949_672_960,
      },
      {
        name: "srv",
        file_system: "btrfs",
        mount_point: "/srv",
        size: 52_613_349_376,
        used_size: 1,
        free_size: 52_613_349_375,
      },
    ],
  },
];
const btrfs_list = [
  {
    name: "btrfs-1",
    label: "données",
    uuid: "0f1e2d3c-0000-4000-8000-000000000002",
    device: "/dev/vdb",
    size: 52_613_349_376,
    nodesize: 16_384,
    sectorsize: 4096,
    data_profile: "single",
    system_profile: "DUP",
    metadata_profile: "DUP",
    global_reserve1: "GlobalReserve, single",
    g_vol_used_size: 16_777_216,
    default_subvolid: "5",
    default_subvol_name: "@",
    default_subvol_mountpath: "/srv",
    subvolumn: [
      {
        uuid: "0f1e2d3c-0000-4000-8000-000000000003",
        is_snapshot: "false",
        subvol_id: "256",
        parent_id: "5",
        subvol_name: "@home",
        subvol_mount_path: "/srv/home",
      },
    ],
  },
];
const networks = [
  {
    name: "eth0",
    ip: "192.0.2.10",
    ipv6: "2001:db8::10",
    netmask: "255.255.255.0",
    gateway: "192.0.2.1",
    mtu: 1500,
    mac: "02:00:00:00:00:01",
    id: "0",
  },
  {
    name: "eth1",
    ip: "192.0.2.11",
    netmask: "255.255.255.0",
    gateway: "192.0.2.1",
    mtu: 9000,
    mac: "02:00:00:00:00:02",
  },
];
/** What showServer gives back of a registration. */
const shown = {
  ip: "192.0.2.10",
  name: "db-1",
  hostname: "db-1.example.org",
  os_type: "LINUX",
  os_version: "UBUNTU_20_4_64BIT",
  firmware: "UEFI",
  cpu_quantity: 8,
  memory: 17_179_869_184,
  oem_system: false,
  has_tc: true,
  start_type: "MANUAL",
  agent_version: "25.2.0",
  disks,
  volume_groups,
  btrfs_list,
  networks,
};
const registration = {
  ...shown,
  ipv6: "2001:db8::10",
  linux_block_check: "ok",
  domain_id: "domain-1",
  has_rsync: true,
  paravirtualization: true,
  raw_devices: "",
  driver_files: true,
  system_services: true,
  account_rights: true,
  boot_loader: "GRUB",
  system_dir: "/",
  kernel_version: "5.4.0-42-generic",
  io_read_wait: 0.25,
  platform: "vmware",
};

async function register(members: object = {}): Promise<string> {
  const { reply } = await sdk("register_server", { body: { ...registration, ...members } });
  return reply.id;
}

test("the versions", async () => {
  const version = {
    id: "v3",
    links: [{ href: `${ferry.url}/v3/`, rel: "self" }],
    status: "SUPPORTED",
    updated: "2020-09-02T17:50:00Z",
  };
  expect((await sdk("list_api_version")).reply).toEqual({ versions: [version] });
  expect((await sdk("show_api_version", { version: "v3" })).reply).toEqual(version);
  expect((await sdk("show_api_version", { version: "v2" })).raised).toMatchObject({
    status_code: 404,
    error_code: "SMS.8004",
  });
});

test("a source comes back field by field as it was registered", async () => {
  const before = Date.now();
  const { reply: registered, received } = await sdk("register_server", { body: registration });
  expect(received.status).toBe(200);
  expect(JSON.parse(received.text)).toEqual({ id: registered.id });
  expect(registered.id).toHaveLength(36);

  const { reply } = await sdk("show_server", { source_id: registered.id });
  const { init_target_server, checks, add_date, last_visit_time, state_action_time, stage_action_time, ...rest } =
    reply;
  expect(rest).toEqual({
    ...shown,
    id: registered.id,
    enterprise_project_id: "0",
    connected: false,
    state: "waiting",
    migration_cycle: "setting",
  });
  expect(checks.map(({ name, result }: { name: string; result: string }) => [name, result])).toEqual([
    ["has_rsync", "OK"],
    ["has_tc", "OK"],
    ["boot_loader", "OK"],
  ]);
  for (const time of [add_date, last_visit_time, state_action_time, stage_action_time]) {
    expect(time).toBeWithin(before, Date.now() + 1);
  }
  const { name, size, used_size, device_use, physical_volumes } = init_target_server.disks[0];
  expect({ name, size, used_size, device_use }).toEqual({
    name: "/dev/vda",
    size: 107_374_182_400,
    used_size: 53_687_091_200,
    device_use: "BOOT",
  });
  expect(physical_volumes.map((volume: { name: string }) => volume.name)).toEqual(["/dev/vda1", "/dev/vda2"]);
  expect(init_target_server.volume_groups).toEqual(volume_groups);
});

test("a source that fails its checks is unavailable, and says why", async () => {
  const { reply } = await sdk("show_server", { source_id: await register({ boot_loader: "LILO" }) });
  expect([reply.state, reply.migration_cycle]).toEqual(["unavailable", "checking"]);
  const failed = reply.checks.filter((check: { result: string }) => check.result !== "OK");
  expect(failed).toMatchObject([{ name: "boot_loader", result: "ERROR" }]);
});

test("lists are filtered and paged, and count what there is", async () => {
  const ids = [];
  for (const [name, ip] of [
    ["list_%a", "198.51.100.1"],
    ["list_%b", "198.51.100.2"],
    ["list-xc", "198.51.100.3"],
  ]) {
    ids.push(await register({ name, ip }));
  }
  const list = async (query: object) => {
    const { reply } = await sdk("list_servers", query);
    return { count: reply.count, ids: reply.source_servers.map(({ id }: { id: string }) => id) };
  };
  expect(await list({ name: "list" })).toEqual({ count: 3, ids });
  expect(await list({ name: "list_%" })).toEqual({ count: 2, ids: ids.slice(0, 2) });
  expect(await list({ name: "list", ip: "198.51.100.2" })).toEqual({ count: 1, ids: ids.slice(1, 2) });
  expect(await list({ id: ids[2] })).toEqual({ count: 1, ids: ids.slice(2) });
  expect(await list({ name: "list", limit: 1, offset: 1 })).toEqual({ count: 3, ids: ids.slice(1, 2) });
  expect(await list({ name: "list", limit: 2, offset: 9 })).toEqual({ count: 3, ids: [] });
  expect(await list({ name: "list", state: "waiting", migration_cycle: "setting", connected: false })).toEqual({
    count: 3,
    ids,
  });
  expect(await list({ name: "list", connected: true })).toEqual({ count: 0, ids: [] });
  expect(await list({ name: "list", enterprise_project_id: "0", is_consistency_result_exist: false })).toEqual({
    count: 3,
    ids,
  });
  expect(await list({ name: "nobody" })).toEqual({ count: 0, ids: [] });
  expect((await sdk("list_servers", { limit: 201 })).raised).toMatchObject({
    status_code: 400,
    error_code: "SMS.8001",
  });
});

test("a new name and the disks' settings stay", async () => {
  const source_id = await register();
  const { disks: numbered } = JSON.parse((await sdk("show_server", { source_id })).received.text);
  const body = { name: "renamed", disks: [{ id: String(numbered[1].id), need_migration: false, adjust_size: 1024 }] };
  const { received } = await sdk("update_server_name", { source_id, body });
  expect([received.status, received.text]).toEqual([200, "{}"]);

  const { reply, received: after } = await sdk("show_server", { source_id });
  expect(reply.name).toBe("renamed");
  expect(reply.disks).toEqual(disks);
  expect(JSON.parse(after.text).disks[0]).not.toHaveProperty("adjust_size");
  expect(JSON.parse(after.text).disks[1]).toMatchObject({
    id: numbered[1].id,
    need_migration: false,
    adjust_size: 1024,
  });
});

test("a command is polled, reported and read back", async () => {
  const source_id = await register();
  const idle = await sdk("show_command", { server_id: source_id });
  expect(idle.received.text).toBe('{"command_name":"TASK_NOT_STARTED"}');
  expect(idle.reply).toEqual({ command_name: "TASK_NOT_STARTED" });
  expect(idle.received.headers["x-command-id"]).toBeUndefined();

  const queued = await ferry.queue(source_id, { command_name: "START", command_param: { task_id: "task-1" } });
  for (const attempt of ["1", "2"]) {
    const { reply, received } = await sdk("show_command", { server_id: source_id });
    expect(reply).toEqual({ command_name: "START", command_param: { task_id: "task-1" } });
    expect([received.headers["x-command-id"], received.headers["x-command-attempt"]]).toEqual([queued.id, attempt]);
  }
  expect((await sdk("show_server", { source_id })).reply.connected).toBe(true);

  const result_detail = {
    pid: 4117,
    disks: [{ name: "/dev/vda", done: 0.5 }],
    note: "größer – 🚢",
    nothing: null,
    big: 9007199254740991,
  };
  const reported = await sdk("update_command_result", {
    server_id: source_id,
    body: { command_name: "START", result: "success", result_detail },
  });
  expect([reported.received.status, reported.received.text]).toEqual([200, "{}"]);

  const { state, attempts, reports } = await ferry.command(queued.id);
  expect({ state, attempts }).toEqual({ state: "succeeded", attempts: 2 });
  expect(reports).toMatchObject([{ source_id, command_id: queued.id, kind: "matched", result: "success" }]);
  expect(reports[0]?.result_detail).toEqual(result_detail);
  expect((await sdk("show_command", { server_id: source_id })).reply).toEqual({ command_name: "TASK_NOT_STARTED" });
});

test("a deleted source is gone, and its history is not", async () => {
  const source_id = await register();
  const { id } = await ferry.queue(source_id);
  const { received } = await sdk("delete_server", { source_id });
  expect([received.status, received.text]).toEqual([200, "{}"]);
  for (const [method, members] of [
    ["show_server", { source_id }],
    ["delete_server", { source_id }],
    ["show_command", { server_id: source_id }],
  ] as const) {
    expect((await sdk(method, members)).raised).toMatchObject({ status_code: 404, error_code: "SMS.8004" });
  }
  expect(await ferry.command(id)).toMatchObject({ source_id, state: "cancelled", reason: "source_deleted" });
});

const refusals = [
  { title: "a wrong secret", key: { ...firstKey, secret_key: "wrong" }, status_code: 401, error_code: "APIGW.0301" },
  { title: "an unknown key", key: { ...firstKey, access_key: "UNKNOWN" }, status_code: 401, error_code: "APIGW.0301" },
  { title: "a foreign project", key: { ...firstKey, project_id: "foreign" }, status_code: 403, error_code: "SMS.9004" },
  { title: "an unknown id", status_code: 404, error_code: "SMS.8004" },
  {
    title: "a bad body",
    method: "register_server",
    members: { body: { ...registration, os_type: "BEOS" } },
    status_code: 400,
    error_code: "SMS.8001",
  },
  {
    title: "a body without its networks",
    method: "register_server",
    members: { body: { name: "a", ip: "192.0.2.1", os_type: "LINUX", os_version: "1", agent_version: "1" } },
    status_code: 400,
    error_code: "SMS.8001",
  },
];
for (const {
  title,
  key,
  method = "show_server",
  members = { source_id: "unknown" },
  status_code,
  error_code,
} of refusals) {
  test(`the SDK's exception for ${title} has our code and our request id`, async () => {
    const { raised, received } = await sdk(method, members, key);
    expect(raised).toMatchObject({ exception: "ClientRequestException", status_code, error_code });
    expect(raised?.error_msg).not.toBe("");
    expect(raised?.request_id).toHaveLength(36);
    expect(raised?.request_id).toBe(received.headers["x-request-id"] ?? "");
  });
}
