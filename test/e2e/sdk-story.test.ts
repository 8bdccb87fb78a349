import { afterAll, beforeAll, expect } from "bun:test";
import operations from "../contract/operations.json" with { type: "json" };
import { endAll, Ferry, testUnless } from "./executable.ts";
import { findPython, SDK, type Sdk, startSdk } from "./python.ts";
import { disks, registration, shown, volume_groups } from "./registration.ts";

/*
 * One migration from the agreement to the last delete, through every method of huaweicloudsdksms as published. Each reply
 * is looked at whole. The chapters build on each other.
 */

const { python, missing } = findPython(SDK);
const test = testUnless(missing);

let ferry: Ferry;
let sdk: Sdk;
beforeAll(async () => {
  ferry = await Ferry.start();
  if (missing === undefined) sdk = startSdk(python, ferry);
});
afterAll(endAll);

const began = Date.now();
const called = new Set<string>();

// biome-ignore lint/suspicious/noExplicitAny: a different model for every call
type Json = any;

/** A call that has to succeed; its reply is this JSON, to the member, and the SDK reads from it what is in it. */
async function says(method: string, members: object, expected: unknown): Promise<Json> {
  const json = await answers(method, members);
  expect(json).toEqual(expected);
  return json;
}

/** The same for a reply that is looked at elsewhere. */
async function answers(method: string, members: object = {}): Promise<Json> {
  const { reply, raised, received } = await sdk(method, members);
  expect([method, raised, received.status]).toEqual([method, undefined, 200]);
  called.add(method);
  const json = JSON.parse(received.text);
  // The body of a void reply is no member of the SDK's model that means anything.
  if (received.text !== "{}") expect(json).toMatchObject(reply);
  return json;
}

async function refuses(method: string, members: object, status_code: number, error_code: string): Promise<void> {
  const { raised } = await sdk(method, members);
  expect([method, raised]).toMatchObject([method, { exception: "ClientRequestException", status_code, error_code }]);
}

/** Any moment since the story began. */
const moment = expect.any(Number);
function isMoment(...times: number[]): void {
  for (const time of times) expect(time).toBeWithin(began, Date.now() + 1);
}

const id36 = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = expect.stringMatching(/./);

const system: Json = {
  name: "SystemProject",
  description: "",
  isdefault: true,
  region: "region-1",
  start_target_server: true,
  speed_limit: 0,
  use_public_ip: true,
  exist_server: true,
  type: "MIGRATE_FILE",
  enterprise_project: "default",
  syncing: false,
  start_network_check: false,
};
const wave = {
  name: "wave-1",
  description: "the first ones",
  isdefault: false,
  region: "region-1",
  start_target_server: false,
  speed_limit: 500,
  use_public_ip: false,
  exist_server: false,
  type: "MIGRATE_BLOCK",
  enterprise_project: "ep-1",
  syncing: true,
  start_network_check: true,
};
const template = {
  name: "small",
  is_template: true,
  region: "region-1",
  projectid: "project-1",
  target_server_name: "target-1",
  availability_zone: "region-1a",
  volumetype: "GPSSD",
  flavor: "s6.small.1",
  vpc: { id: "autoCreate", name: "autoCreate", cidr: "192.168.0.0/16" },
  nics: [
    { id: "autoCreate", name: "autoCreate" },
    { id: "n-1", name: "net", cidr: "192.168.0.0/24", ip: "192.168.0.9" },
  ],
  security_groups: [{ id: "sg-1", name: "default" }],
  publicip: { type: "5_bgp", bandwidth_size: 5, bandwidth_share_type: "PER" },
  disk: [{ id: 0, index: 0, name: "system", disktype: "GPSSD", size: 40, device_use: "BOOT" }],
  data_volume_type: "SAS",
  target_password: "correct horse 🐎",
  image_id: "image-1",
};
const shownTemplate = { ...template, is_template: "true", target_password: "" };

/** Ids as ferry gives them: each kind counted from 1 through the whole source. */
const numberedDisks: Json[] = [
  {
    ...disks[0],
    id: 1,
    physical_volumes: disks[0]?.physical_volumes.map((volume, index) => ({ ...volume, id: index + 1 })),
  },
  { ...disks[1], id: 2 },
];
const numberedGroups: Json[] = volume_groups.map((group) => ({
  ...group,
  id: 1,
  logical_volumes: group.logical_volumes.map((volume, index) => ({ ...volume, id: index + 1 })),
}));
const { inode_nums: _n, size_per_cluster: _s, ...bootVolume } = numberedDisks[0].physical_volumes[0];
const initTargetServer: Json = {
  disks: [
    {
      id: 1,
      name: "/dev/vda",
      size: 107_374_182_400,
      used_size: 53_687_091_200,
      device_use: "BOOT",
      physical_volumes: [bootVolume, numberedDisks[0].physical_volumes[1]],
    },
    { id: 2, name: "/dev/vdb", size: 9_007_199_254_740_991, used_size: 0, device_use: "NORMAL", physical_volumes: [] },
  ],
  volume_groups: numberedGroups,
};
const checks = [
  { id: 1, name: "has_rsync", params: ["true"], result: "OK" },
  { id: 2, name: "has_tc", params: ["true"], result: "OK" },
  { id: 3, name: "boot_loader", params: ["GRUB"], result: "OK" },
];

/** What the story is about; each chapter leaves here what the next ones need. */
let wave_id = "";
let template_id = "";
let source_id = "";
let task_id = "";

/** What showServer says of the source, where it differs from its registration. */
let source: Json = {};
/** What showTask says of the task. */
let task: Json = {};

async function showsServer(changes: object = {}): Promise<Json> {
  source = { ...source, ...changes };
  return says("show_server", { source_id }, source);
}

async function showsTask(changes: object = {}): Promise<Json> {
  task = { ...task, ...changes };
  return says("show_task", { task_id }, task);
}

test("the versions, the configuration of the cloud, the agreement", async () => {
  const version = {
    id: "v3",
    links: [{ href: `${ferry.url}/v3/`, rel: "self" }],
    status: "SUPPORTED",
    updated: "2020-09-02T17:50:00Z",
  };
  await says("list_api_version", {}, { versions: [version] });
  await says("show_api_version", { version: "v3" }, version);

  const { config, regions } = await says(
    "show_config",
    {},
    {
      config: { disktype: text, mainRegion: "region-1", obs_domain: text },
      regions: [
        {
          cloud_type: text,
          desc: text,
          project_name: "region-1",
          region_name: "region-1",
          kms_address: text,
          dns_domain: text,
          ecs_domain: text,
          evs_domain: text,
          iam_domain: text,
          ims_domain: text,
          obs_domain: text,
          sms_domain: text,
          vpc_domain: text,
          linux_image_id: text,
          linux_uefi_image_id: text,
          create_linux_image_id: text,
          windows_image_id: text,
          windows_ssh_image_id: text,
          windows_uefi_image_id: text,
        },
      ],
    },
  );
  expect(config.mainRegion).toBe(regions[0].region_name);

  await says("show_privacy_agreements", {}, { flag: false });
  await says("create_privacy_agreements", {}, {});
  await says("create_privacy_agreements", {}, {});
  await says("show_privacy_agreements", {}, { flag: true });
});

test("migration projects: one default at any time, and a name is there once", async () => {
  const { migprojects } = await says(
    "list_migprojects",
    {},
    {
      count: 1,
      // In the list exist_server says whether the project holds sources.
      migprojects: [{ ...system, id: id36, exist_server: false }],
    },
  );
  const system_id = migprojects[0].id;
  await says("show_migproject", { mig_project_id: system_id }, system);

  const { isdefault: _, ...body } = wave;
  wave_id = (await says("create_migproject", { body }, { id: id36 })).id;
  const { id: bare_id } = await says(
    "create_migproject",
    { body: { name: "bare", region: "region-1", type: "MIGRATE_FILE" } },
    { id: id36 },
  );
  await says("show_migproject", { mig_project_id: wave_id }, wave);
  await says("show_migproject", { mig_project_id: bare_id }, { ...system, name: "bare", isdefault: false });
  await refuses("create_migproject", { body }, 400, "SMS.8009");
  await refuses("delete_migproject", { mig_project_id: system_id }, 400, "SMS.8009");

  const changes = { description: "of the first week", speed_limit: 1000, enterprise_project: "" };
  await says("update_migproject", { mig_project_id: wave_id, body: changes }, {});
  const changed = { ...wave, ...changes, enterprise_project: "default" };
  await says("show_migproject", { mig_project_id: wave_id }, changed);
  await says("update_default_migproject", { mig_project_id: wave_id }, {});
  await says("delete_migproject", { mig_project_id: bare_id }, {});
  await refuses("show_migproject", { mig_project_id: bare_id }, 404, "SMS.8004");
  await says(
    "list_migprojects",
    { limit: 10, offset: 0 },
    {
      count: 2,
      migprojects: [
        { ...system, id: system_id, isdefault: false, exist_server: false },
        { ...changed, id: wave_id, isdefault: true, exist_server: false },
      ],
    },
  );
  await says("list_migprojects", { offset: 2 }, { count: 2, migprojects: [] });
  // New sources join the default one.
  await says("update_default_migproject", { mig_project_id: system_id }, {});
});

test("templates come back as they were sent, their password from one call only", async () => {
  template_id = (await says("create_template", { body: { template } }, { id: id36 })).id;
  const { id: bare_id } = await says("create_template", { body: { template: { name: "bare" } } }, { id: id36 });
  const bare = {
    id: bare_id,
    name: "bare",
    is_template: "false",
    region: "",
    projectid: "",
    target_server_name: "",
    availability_zone: "",
    volumetype: "",
    flavor: "",
    nics: [],
    security_groups: [],
    disk: [],
    data_volume_type: "",
    target_password: "",
    image_id: "",
  };
  await says("show_template", { id: template_id }, { template: { ...shownTemplate, id: template_id } });
  await says("show_template", { id: bare_id }, { template: bare });
  await says("list_templates", {}, { count: 2, templates: [{ ...shownTemplate, id: template_id }, bare] });
  await says("list_templates", { name: "are", limit: 1 }, { count: 1, templates: [bare] });
  await says(
    "list_templates",
    { region: "region-1", availability_zone: "region-1a", id: template_id },
    { count: 1, templates: [{ ...shownTemplate, id: template_id }] },
  );
  await says("show_target_password", { id: template_id }, { template_id, target_password: template.target_password });
  await says("show_target_password", { id: bare_id }, { template_id: bare_id, target_password: "" });

  const body = { template: { name: "bare-2", flavor: "s6.large.2", target_password: "another one" } };
  await says("update_template", { id: bare_id, body }, {});
  const changed = { ...bare, name: "bare-2", flavor: "s6.large.2" };
  await says("show_template", { id: bare_id }, { template: changed });
  await says("show_target_password", { id: bare_id }, { template_id: bare_id, target_password: "another one" });
  await says("delete_template", { id: bare_id }, {});
  await refuses("show_template", { id: bare_id }, 404, "SMS.8004");
});

test("a source with disks, volume groups, btrfs and networks is registered, moved, and told of its new disks", async () => {
  source_id = (await says("register_server", { body: registration }, { id: id36 })).id;
  source = {
    ...shown,
    id: source_id,
    enterprise_project_id: "0",
    add_date: moment,
    state: "waiting",
    connected: false,
    disks: numberedDisks,
    volume_groups: numberedGroups,
    init_target_server: initTargetServer,
    checks,
    migration_cycle: "setting",
    last_visit_time: moment,
    state_action_time: moment,
    stage_action_time: moment,
  };
  const { add_date, last_visit_time, state_action_time, stage_action_time } = await showsServer();
  isMoment(add_date, last_visit_time, state_action_time, stage_action_time);

  const { count, source_servers } = await answers("list_servers", { name: "db-", state: "waiting", connected: false });
  const listed = {
    id: source_id,
    ip: shown.ip,
    name: shown.name,
    enterprise_project_id: "0",
    add_date,
    os_type: "LINUX",
    os_version: shown.os_version,
    oem_system: false,
    state: "waiting",
    connected: false,
    cpu_quantity: 8,
    memory: shown.memory,
    current_task: expect.anything(),
    checks,
    init_target_server: initTargetServer,
    stage_action_time,
    last_visit_time,
    migration_cycle: "setting",
    state_action_time,
    is_consistency_result_exist: false,
    has_tc: true,
    start_type: "MANUAL",
  };
  const { current_task: _, ...withoutTask } = listed;
  expect([count, source_servers]).toEqual([1, [withoutTask]]);

  const counters = {
    waiting: 1,
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
    unconfigured: 1,
  };
  await says("show_overview", {}, counters);

  // Ids as the SDK's model has them, as text.
  const settings = {
    name: "db-one",
    migprojectid: wave_id,
    disks: [
      { id: "2", need_migration: false, adjust_size: 1024 },
      { id: "1", physical_volumes: [{ id: "2", need_migration: true, adjust_size: 2048 }] },
    ],
    volume_groups: [{ id: "1", adjust_size: 4096, logical_volumes: [{ id: "2", need_migration: false }] }],
  };
  await says("update_server_name", { source_id, body: settings }, {});
  const adjusted = structuredClone(numberedDisks);
  Object.assign(adjusted[1], { need_migration: false, adjust_size: 1024 });
  Object.assign(adjusted[0].physical_volumes[1], { need_migration: true, adjust_size: 2048 });
  const groups = structuredClone(numberedGroups);
  groups[0].adjust_size = 4096;
  groups[0].logical_volumes[1].need_migration = false;
  const target = structuredClone(initTargetServer);
  Object.assign(target.disks[1], { need_migration: false, adjust_size: 1024 });
  Object.assign(target.disks[0].physical_volumes[1], { need_migration: true, adjust_size: 2048 });
  target.volume_groups = groups;
  await showsServer({ name: "db-one", disks: adjusted, volume_groups: groups, init_target_server: target });
  const { migprojects } = await answers("list_migprojects");
  expect(migprojects.map(({ exist_server }: Json) => exist_server)).toEqual([false, true]);
  await refuses("delete_migproject", { mig_project_id: wave_id }, 400, "SMS.8009");
  expect((await answers("list_servers", { migproject: wave_id })).count).toBe(1);

  // Only what is sent is replaced, and numbered anew.
  const disk = { name: "/dev/sda", size: 10, device_use: "BOOT", physical_volumes: [{ name: "/dev/sda1", size: 9 }] };
  await says("update_disk_info", { source_id, body: { disks: [disk] } }, {});
  const one = { ...disk, id: 1, physical_volumes: [{ name: "/dev/sda1", size: 9, id: 1 }] };
  await showsServer({ disks: [one], init_target_server: { disks: [one], volume_groups: groups } });
});

const targetServer = {
  name: "target-1",
  vm_id: "vm-1",
  disks: [
    {
      name: "/dev/sda",
      disk_id: "volume-1",
      size: 10,
      used_size: 5,
      device_use: "BOOT",
      physical_volumes: [
        { name: "/dev/sda1", device_use: "BOOT", file_system: "ext4", index: 1, mount_point: "/", size: 9 },
      ],
    },
  ],
  volume_groups: [{ name: "vg0", size: 8, logical_volumes: [{ name: "root", size: 4, mount_point: "/" }] }],
  btrfs_list: [{ name: "btrfs-1", size: 3 }],
};
const order = {
  name: "MigrationTask",
  type: "MIGRATE_FILE",
  os_type: "LINUX",
  target_server: targetServer,
  migration_ip: "198.51.100.7",
  region_name: "region-1",
  region_id: "region-1",
  project_name: "region-1",
  project_id: "project-1",
  priority: 2,
  vm_template_id: "template-unknown",
  start_target_server: false,
  use_public_ip: false,
  use_ipv6: true,
  syncing: true,
  speed_limit: 100,
  need_migration_test: true,
};

test("a task is made, shown, listed and changed", async () => {
  const body = { ...order, source_server: { id: source_id } };
  await refuses("create_task", { body: { ...body, source_server: { id: "unknown" } } }, 400, "SMS.2216");
  task_id = (await says("create_task", { body }, { id: id36 })).id;
  await refuses("create_task", { body }, 400, "SMS.8009");

  const sourceServer = {
    id: source_id,
    ip: shown.ip,
    name: "db-one",
    os_type: "LINUX",
    os_version: shown.os_version,
    oem_system: false,
    state: "waiting",
  };
  task = {
    id: task_id,
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    os_type: "LINUX",
    state: "READY",
    priority: 2,
    speed_limit: 100,
    region_id: "region-1",
    region_name: "region-1",
    project_name: "region-1",
    project_id: "project-1",
    migration_ip: "198.51.100.7",
    vm_template_id: "template-unknown",
    start_target_server: false,
    enterprise_project_id: "0",
    source_server: { ...sourceServer, migration_cycle: "setting" },
    target_server: {
      id: text,
      name: "target-1",
      vm_id: "vm-1",
      os_type: "LINUX",
      disks: [
        {
          ...targetServer.disks[0],
          id: 1,
          physical_volumes: [{ ...targetServer.disks[0]?.physical_volumes[0], id: 1 }],
        },
      ],
      volume_groups: [
        {
          ...targetServer.volume_groups[0],
          id: 1,
          logical_volumes: [{ ...targetServer.volume_groups[0]?.logical_volumes[0], id: 1 }],
        },
      ],
      // Names here, whole file systems in the order.
      btrfs_list: ["btrfs-1"],
    },
    connected: false,
    create_date: moment,
    sub_tasks: [],
    need_migration_test: true,
    use_public_ip: false,
    use_ipv6: true,
    syncing: true,
  };
  const { create_date, target_server } = await showsTask();
  isMoment(create_date);
  task.create_date = create_date;
  task.target_server.id = target_server.id;

  const listed = {
    id: task_id,
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    os_type: "LINUX",
    state: "READY",
    create_date,
    priority: 2,
    speed_limit: 100,
    start_target_server: false,
    migration_ip: "198.51.100.7",
    sub_tasks: [],
    source_server: sourceServer,
    enterprise_project_id: "0",
    target_server: { id: target_server.id, name: "target-1", vm_id: "vm-1", os_type: "LINUX" },
    log_collect_status: "INIT",
    syncing: true,
    special_config: [],
    need_migration_test: true,
  };
  await says("list_tasks", {}, { count: 1, tasks: [listed] });
  await says("list_tasks", { state: "READY", source_server_id: source_id }, { count: 1, tasks: [listed] });
  await says("list_tasks", { state: "RUNNING" }, { count: 0, tasks: [] });

  const currentTask = {
    id: task_id,
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    state: "READY",
    speed_limit: 100,
    start_target_server: false,
    vm_template_id: "template-unknown",
    region_id: "region-1",
    project_name: "region-1",
    project_id: "project-1",
    target_server: { vm_id: "vm-1", name: "target-1" },
    log_collect_status: "INIT",
    use_public_ip: false,
  };
  await showsServer({ current_task: currentTask });
  const { source_servers } = await answers("list_servers", { vm_id: "vm-1" });
  expect(source_servers[0].current_task).toEqual({ ...currentTask, clone_server: {} });

  const changes = { name: "renamed", speed_limit: 50, use_ipv6: false, project_name: "region-two" };
  await says("update_task", { task_id, body: changes }, { id: task_id });
  await showsTask(changes);
  await showsServer({
    current_task: { ...currentTask, name: "renamed", speed_limit: 50, project_name: "region-two" },
  });
});

test("limits and settings replace the whole list; passphrase and certificates stay", async () => {
  await says("shows_speed_limits", { task_id }, { speed_limit: [] });
  const speed_limit = [
    { start: "08:00", end: "18:00", speed: 10, over_speed_threshold: 12.5 },
    { start: "18:00", end: "08:00", speed: 1000 },
  ];
  await says("update_speed", { task_id, body: { speed_limit } }, {});
  await says("shows_speed_limits", { task_id }, { speed_limit });
  await says("update_speed", { task_id, body: { speed_limit: speed_limit.slice(1) } }, {});
  await says("shows_speed_limits", { task_id }, { speed_limit: speed_limit.slice(1) });
  await says("update_speed", { task_id, body: {} }, {});
  await says("shows_speed_limits", { task_id }, { speed_limit: [] });

  const none = { task_id, migrate_type: "LINUX_MIGRATE_FILE", configurations: [] };
  await says("show_config_setting", { task_id }, none);
  const configurations = [
    { config_key: "LINUX_CPU_LIMIT", config_value: "50", config_status: "on" },
    { config_key: "MIGRATE_EXCLUDE_DIR", config_value: "/proc" },
    { config_key: "LINUX_CPU_LIMIT", config_value: "80" },
  ];
  await says("upload_special_configuration_setting", { task_id, body: { configurations } }, {});
  // Of equal keys the last counts.
  await says("show_config_setting", { task_id }, { ...none, configurations: configurations.slice(1) });
  await says(
    "show_config_setting",
    { task_id, config_key: "MIGRATE_EXCLUDE_DIR" },
    { ...none, configurations: configurations.slice(1, 2) },
  );
  expect((await answers("list_tasks")).tasks[0].special_config).toEqual(configurations.slice(1));
  await says("upload_special_configuration_setting", { task_id, body: {} }, {});
  await says("show_config_setting", { task_id }, none);

  const { passphrase } = await says("show_passphrase", { task_id }, { task_id, passphrase: text });
  expect(passphrase.length).toBeGreaterThanOrEqual(16);
  await says("show_passphrase", { task_id }, { task_id, passphrase });

  const certificate = expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----\n?$/);
  const privateKey = expect.stringMatching(/^-----BEGIN (\w+ )?PRIVATE KEY-----\n[\s\S]+-----\n?$/);
  const { cert, private_key } = await says(
    "show_cert_key",
    { task_id },
    { cert: certificate, private_key: privateKey },
  );
  const all = await says(
    "show_cert_key",
    { task_id, enable_ca_cert: true },
    {
      cert,
      private_key,
      ca: certificate,
      target_mgmt_cert: certificate,
      target_mgmt_private_key: privateKey,
      target_data_cert: certificate,
      target_data_private_key: privateKey,
    },
  );
  await says("show_cert_key", { task_id, enable_ca_cert: true }, all);
});

const poll = (expected: object) => says("show_command", { server_id: source_id }, expected);
const report = (command_name: string, result = "success", result_detail: object = {}) =>
  says("update_command_result", { server_id: source_id, body: { command_name, result, result_detail } }, {});
const act = (operation: string) => says("update_task_status", { task_id, body: { operation } }, {});

/** The states of task and source, in both of their replies. */
async function stands(state: string, sourceState: string, migration_cycle: string, changes: object = {}) {
  const moved = { state: sourceState, migration_cycle };
  const { current_task } = source;
  await showsTask({ state, source_server: { ...task.source_server, ...moved }, ...changes });
  await showsServer({ ...moved, current_task: { ...current_task, state } });
}

test("start counts at once, the agent takes START, and progress, checks and consistency come back", async () => {
  await poll({ command_name: "TASK_NOT_STARTED", command_param: { task_id } });
  source.connected = true;
  task.connected = true;
  await act("start");
  const { start_date } = await answers("show_task", { task_id });
  isMoment(start_date);
  source.current_task.start_date = start_date;
  await stands("RUNNING", "initialize", "replicating", { start_date });
  await poll({ command_name: "START", command_param: { task_id } });
  await poll({ command_name: "START", command_param: { task_id } });
  await report("START", "success", { pid: 4117 });
  await stands("RUNNING", "replicate", "replicating");
  await poll({});
  await refuses("update_task_status", { task_id, body: { operation: "start" } }, 400, "SMS.1039");
  await refuses("update_task_status", { task_id, body: { operation: "restart" } }, 400, "SMS.1040");

  const usage = {
    total_cpu_usage: 40.5,
    agent_cpu_usage: 10.25,
    total_mem_usage: 2048,
    agent_mem_usage: 128.5,
    total_disk_io: 300,
    agent_disk_io: 30.75,
  };
  // What was ordered stays, whatever the agent says of it.
  const measured = { migrate_speed: 80.5, compress_rate: 2.5, ...usage };
  const progress = (subtask_name: string, percent: number, more: object = {}) =>
    says(
      "update_task_speed",
      {
        task_id,
        body: {
          subtask_name,
          progress: percent,
          replicatesize: 4_000_000_000_000,
          totalsize: 9_000_000_000_000,
          process_trace: `${percent} %`,
          ...more,
        },
      },
      {},
    );
  await progress("CREATE_CLOUD_SERVER", 100);
  await progress("SSL_CONFIG", 100);
  await progress("MIGRATE_LINUX_FILE", 10);
  await progress("MIGRATE_LINUX_FILE", 45, {
    ...measured,
    remain_time: 3600,
    need_migration_test: false,
    agent_time: "2030-01-02 03:04:05",
  });
  const subTask = (id: number, name: string, percent: number) => ({
    id,
    name,
    progress: percent,
    start_date: moment,
    process_trace: `${percent} %`,
    ...(percent === 100 && { end_date: moment }),
  });
  const subTasks = [
    subTask(1, "CREATE_CLOUD_SERVER", 100),
    subTask(2, "SSL_CONFIG", 100),
    subTask(3, "MIGRATE_LINUX_FILE", 45),
  ];
  const { sub_tasks, estimate_complete_time } = await showsTask({
    ...measured,
    remain_seconds: 3600,
    estimate_complete_time: moment,
    sub_tasks: [...subTasks.slice(0, 2), { ...subTasks[2], migrate_speed: 80.5 }],
  });
  isMoment(sub_tasks[0].start_date, sub_tasks[0].end_date, estimate_complete_time - 3_600_000);
  await showsServer({
    replicatesize: 4_000_000_000_000,
    totalsize: 9_000_000_000_000,
    current_task: { ...source.current_task, migrate_speed: 80.5 },
  });
  const [listed] = (await answers("list_servers", { id: source_id })).source_servers;
  expect(listed.current_task).toEqual({
    ...source.current_task,
    clone_server: {},
    compress_rate: 2.5,
    remain_seconds: 3600,
    estimate_complete_time,
  });
  expect((await answers("list_tasks", { id: task_id })).tasks[0]).toMatchObject({ ...measured, sub_tasks: subTasks });

  const network_check_info = {
    domain_connectivity: true,
    destination_connectivity: false,
    network_delay: 20.5,
    network_jitter: 2,
    migration_speed: 100.75,
    loss_percentage: 0,
    cpu_usage: 30,
    mem_usage: 40.5,
    evaluation_result: "excellent",
  };
  await says("update_network_check_info", { task_id, body: network_check_info }, { task_id });
  await showsTask({ network_check_info });

  const consistency_result = [
    {
      dir_check: '/srv/"quoted", and more',
      num_total_files: 1000,
      num_different_files: 2,
      num_target_miss_files: 1,
      num_target_more_files: 0,
    },
    {
      dir_check: "/home",
      num_total_files: 7,
      num_different_files: 0,
      num_target_miss_files: 0,
      num_target_more_files: 0,
    },
  ];
  await says("show_consistency_result", { task_id }, { task_id, result_list: [] });
  await says("update_consistency_result", { task_id, body: { consistency_result } }, {});
  await says("update_consistency_result", { task_id, body: { consistency_result: consistency_result.slice(1) } }, {});
  // The SDK hands each object of this list out as the text of a dict, as its model says strings.
  const { reply, received } = await sdk("show_consistency_result", { task_id });
  const { result_list } = JSON.parse(received.text);
  expect(JSON.parse(received.text)).toEqual({
    task_id,
    result_list: [
      { finished_time: moment, check_result: "finished", consistency_result },
      { finished_time: moment, check_result: "finished", consistency_result: consistency_result.slice(1) },
    ],
  });
  isMoment(result_list[0].finished_time, result_list[1].finished_time);
  expect(reply.result_list).toEqual([expect.stringContaining("'dir_check': '/srv/"), expect.any(String)]);
  expect((await answers("list_servers", { is_consistency_result_exist: true })).count).toBe(1);

  const task_info = [{ task_id, source_id: "as sent", source_name: "as sent" }];
  const { reply: exported, received: file } = await sdk("export_consistency_results", { body: { task_info } });
  called.add("export_consistency_results");
  expect(file.headers).toMatchObject({
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": expect.stringMatching(/^attachment\b/),
  });
  const [first, second] = result_list;
  const of = `${task_id},${source_id},db-one`;
  expect(exported.download).toBe(
    [
      "task_id,source_id,source_name,finished_time,dir_check,num_total_files,num_different_files,num_target_miss_files,num_target_more_files",
      `${of},${first.finished_time},"/srv/""quoted"", and more",1000,2,1,0`,
      `${of},${first.finished_time},/home,7,0,0,0`,
      `${of},${second.finished_time},/home,7,0,0,0`,
      "",
    ].join("\r\n"),
  );
});

test("logs are collected beside the work, and the state of the task stays", async () => {
  await says("collect_log", { task_id, body: { log_bucket: "logs" } }, {});
  source.current_task.log_collect_status = "UPLOADING";
  await showsServer();
  await poll({ command_name: "UPLOAD_LOG", command_param: { task_id, bucket: "logs" } });
  await report("UPLOAD_LOG");
  source.current_task.log_collect_status = "UPLOADED";
  await stands("RUNNING", "replicate", "replicating");
  const [listed] = (await answers("list_servers", { id: source_id })).source_servers;
  expect(listed.current_task.log_bucket).toBe("logs");
  isMoment(listed.current_task.log_upload_time);
  expect((await answers("list_tasks")).tasks[0].log_collect_status).toBe("UPLOADED");
});

test("a stop, a restart that fails and is listed, and one that finishes", async () => {
  await act("stop");
  await stands("ABORTING", "stopping", "replicating");
  await refuses("delete_task", { task_id }, 400, "SMS.2015");
  await refuses("delete_server", { source_id }, 400, "SMS.2015");
  await refuses("update_task_status", { task_id, body: { operation: "stop" } }, 400, "SMS.1038");
  await poll({ command_name: "STOP", command_param: { task_id } });
  await report("STOP");
  await stands("ABORT", "stopped", "replicating");
  await poll({ command_name: "TASK_HAS_STOPPED", command_param: { task_id } });
  await says("list_error_servers", { offset: 0 }, { count: 0, migration_errors: [] });

  await act("restart");
  await poll({ command_name: "START", command_param: { task_id } });
  await report("START", "fail", { error_code: "SMS.0515", error_msg: "the disks are others now" });
  const error_json = JSON.stringify({ error_code: "SMS.0515", error_msg: "the disks are others now" });
  const { finish_date } = await answers("show_task", { task_id });
  isMoment(finish_date);
  const { estimate_complete_time } = task;
  delete task.estimate_complete_time;
  await stands("MIGRATE_FAIL", "error", "replicating", { error_json, finish_date });
  await says(
    "list_error_servers",
    { offset: 0, limit: 100 },
    {
      count: 1,
      migration_errors: [
        {
          error_json,
          host_name: shown.hostname,
          name: "db-one",
          source_id,
          source_ip: shown.ip,
          target_ip: "198.51.100.7",
        },
      ],
    },
  );
  await poll({ command_name: "TASK_HAS_STOPPED", command_param: { task_id } });

  await act("restart");
  delete task.error_json;
  delete task.finish_date;
  await stands("RUNNING", "initialize", "replicating", { estimate_complete_time });
  await says("list_error_servers", { offset: 0 }, { count: 0, migration_errors: [] });
  await poll({ command_name: "START", command_param: { task_id } });
  await report("START");
  await says("update_copy_state", { source_id, body: { copystate: "finished", migrationcycle: "cutovering" } }, {});
  const finished = await answers("show_task", { task_id });
  isMoment(finished.finish_date);
  delete task.estimate_complete_time;
  await stands("MIGRATE_SUCCESS", "finished", "cutovering", { finish_date: finished.finish_date });
  await poll({ command_name: "TASK_HAS_FINISHED", command_param: { task_id } });
});

test("a finished task started again transfers the changes since", async () => {
  await act("start");
  await poll({ command_name: "SYNC", command_param: { task_id } });
  delete task.finish_date;
  const { estimate_complete_time } = await answers("show_task", { task_id });
  await stands("SYNCING", "syncing", "syncing", { ...(estimate_complete_time && { estimate_complete_time }) });
  await report("SYNC");
  await stands("SYNCING", "syncing", "syncing");
  await says("update_copy_state", { source_id, body: { copystate: "finished", migrationcycle: "cutovered" } }, {});
  const { finish_date } = await answers("show_task", { task_id });
  delete task.estimate_complete_time;
  await stands("SYNC_SUCCESS", "finished", "cutovered", { finish_date });
  await says(
    "show_overview",
    {},
    expect.objectContaining({ finished: 1, waiting: 0, syncing: 0, error: 0, unconfigured: 0 }),
  );
});

test("what is deleted is gone; the agent is told to drop the task", async () => {
  await says("delete_task", { task_id }, {});
  await refuses("show_task", { task_id }, 404, "SMS.8004");
  await refuses("delete_task", { task_id }, 404, "SMS.8004");
  await poll({ command_name: "DELETE", command_param: { task_id } });
  await report("DELETE");
  await poll({ command_name: "TASK_NOT_STARTED" });
  const { current_task: _, replicatesize: _r, totalsize: _t, ...withoutTask } = source;
  source = withoutTask;
  await showsServer({ state: "waiting", migration_cycle: "setting" });

  const { id: second } = await answers("create_task", { body: { ...order, source_server: { id: source_id } } });
  const { id: otherSource } = await answers("register_server", { body: { ...registration, name: "db-two" } });
  const { id: third } = await answers("create_task", { body: { ...order, source_server: { id: otherSource } } });
  await refuses("delete_tasks", { body: { ids: [second, "unknown"] } }, 404, "SMS.8004");
  await says("delete_tasks", { body: { ids: [second, third] } }, {});
  await says("list_tasks", {}, { count: 0, tasks: [] });
  // Never started: there is nothing to drop.
  await poll({ command_name: "TASK_NOT_STARTED" });

  const { id: last } = await answers("register_server", { body: { ...registration, name: "db-three" } });
  await refuses("delete_servers", { body: { ids: [otherSource, "unknown"] } }, 404, "SMS.8004");
  await says("delete_servers", { body: { ids: [otherSource, last] } }, {});
  await says("delete_server", { source_id }, {});
  await says("list_servers", {}, { count: 0, source_servers: [] });
  await refuses("show_server", { source_id }, 404, "SMS.8004");
  await refuses("show_command", { server_id: source_id }, 404, "SMS.8004");
  await says("delete_migproject", { mig_project_id: wave_id }, {});
  await says("delete_templates", { body: { ids: [template_id] } }, {});
  await says("list_templates", {}, { count: 0, templates: [] });
});

test("that was every method of the SDK", () => {
  const methods = operations.flatMap(({ python_method }) => python_method ?? []);
  expect(methods.length).toBe(49);
  expect(methods.filter((method) => !called.has(method))).toEqual([]);
});
