import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { missingOpenssl, privateAuthority } from "./authority.ts";
import { cleanEnvironment, endAll, Ferry, firstKey, repository, run, testUnless } from "./executable.ts";

/* huaweicloud-sdk-go-v3, as published: the program in test/e2e/go, which is built here. */

const BUILD_DEADLINE_MS = 240_000;
const program = join(repository, ".cache", "go-sdk", process.platform === "win32" ? "sms.exe" : "sms");

/** Builds the program; a second build takes a second. Answers what is missing for it. */
function build(): string | undefined {
  if (!Bun.which("go")) return "go is not installed";
  const { success, stderr } = Bun.spawnSync(["go", "build", "-buildvcs=false", "-o", program, "."], {
    cwd: join(import.meta.dir, "go"),
    timeout: BUILD_DEADLINE_MS,
    stdout: "ignore",
    stderr: "pipe",
  });
  return success ? undefined : `the Go program could not be built: ${stderr.toString().trim().slice(-500)}`;
}

interface Answer {
  project: string;
  /** The SDK's model as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a different model for every call
  reply: any;
  raised?: { status_code: number; error_code: string; error_message: string; request_id: string };
}

const missing = build();
const test = testUnless(missing);
const testOverTls = testUnless(missing ?? missingOpenssl);

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});
afterAll(endAll);

/** Runs the program as the holder of the first key, its project given or, with FERRY_REGION, looked up. */
async function go(args: string[], env: Record<string, string> = {}): Promise<Answer> {
  const project: Record<string, string> = env.FERRY_REGION ? {} : { FERRY_PROJECT_ID: firstKey.project_id };
  const options = {
    cwd: ferry.folder.home,
    env: cleanEnvironment(ferry.folder.path, { ...ferry.signedIn, ...project, ...env }),
  };
  const { code, stdout, stderr } = await run([program, ...args], options);
  if (code !== 0) throw new Error(`sms ${args.join(" ")}: ${code}\n${stderr}`);
  return JSON.parse(stdout);
}

test("a source is registered, polls, reports and is read back", async () => {
  const { reply: registered } = await go(["register", "go-1"]);
  const { id } = registered;
  expect(registered).toEqual({ id: expect.any(String) });
  expect((await go(["poll", id])).reply).toEqual({ command_name: "TASK_NOT_STARTED" });

  const queued = await ferry.queue(id, { command_name: "START", command_param: { task_id: "task-1" } });
  const polled = await go(["poll", id]);
  expect(polled.reply).toEqual({ command_name: "START", command_param: { task_id: "task-1" } });
  expect(polled.project).toBe(firstKey.project_id);
  expect((await go(["report", id, "START"])).reply).toEqual({ body: "{}" });

  const { state, reports } = await ferry.command(queued.id);
  expect(state).toBe("succeeded");
  expect(reports).toMatchObject([{ source_id: id, kind: "matched", result: "success" }]);
  // Go sends < and & as they are and a newline behind the body: the signature covers the bytes that were sent.
  expect(reports[0]?.result_detail).toEqual({ pid: 4117, note: "größer <&>" });

  // All that the SDK's model reads: whole numbers, no null where it has none.
  const { reply: shown } = await go(["show", id]);
  expect(shown).toMatchObject({
    id,
    name: "go-1",
    ip: "192.0.2.10",
    os_type: "LINUX",
    memory: 17_179_869_184,
    state: "waiting",
    connected: true,
    networks: [{ mac: "02:00:00:00:00:01", ip: "192.0.2.10", mtu: 1500 }],
  });
});

test("the SDK looks the project of its region up, and calls with it", async () => {
  const { reply } = await go(["register", "go-2"], { FERRY_REGION: "region-1" });
  const own = await go(["poll", reply.id], { FERRY_REGION: "region-1" });
  expect([own.project, own.reply.command_name]).toEqual([firstKey.project_id, "TASK_NOT_STARTED"]);

  const elsewhere = await go(["poll", reply.id], { FERRY_REGION: "elsewhere-7" });
  const { projects } = await ferry.ask<{ projects: { id: string; name: string }[] }>("GET", "/v3/projects");
  const made = projects.filter(({ name }) => name === "elsewhere-7");
  expect(made).toEqual([expect.objectContaining({ id: elsewhere.project })]);
});

test("refusals are the SDK's errors, with our code and our request id", async () => {
  const unknown = await go(["show", "unknown"]);
  expect(unknown.raised).toMatchObject({ status_code: 404, error_code: "SMS.8004" });
  expect(unknown.raised?.request_id).toHaveLength(36);
  const wrong = await go(["show", "unknown"], { FERRY_SECRET_KEY: "wrong" });
  expect(wrong.raised).toMatchObject({ status_code: 401, error_code: "APIGW.0301" });
  const foreign = await go(["show", "unknown"], { FERRY_PROJECT_ID: "foreign" });
  expect(foreign.raised).toMatchObject({ status_code: 403, error_code: "SMS.9004" });
});

test("a temporary key works with its security token only", async () => {
  const { access_key, secret_key, security_token } = await ferry.ask<Record<string, string>>(
    "POST",
    "/operate/v1/keys",
    { role: "agent", expires_in_s: 3600 },
  );
  const key = { FERRY_ACCESS_KEY: access_key ?? "", FERRY_SECRET_KEY: secret_key ?? "" };
  const { reply } = await go(["register", "go-3"], { ...key, FERRY_SECURITY_TOKEN: security_token ?? "" });
  expect(reply.id).toBeString();
  expect((await go(["poll", reply.id], key)).raised).toMatchObject({ status_code: 401, error_code: "APIGW.0301" });
});

/** A method of the client with the members of its request; the reply as the SDK's model has it, to the member. */
async function says(method: string, members: object, expected: unknown): Promise<Answer["reply"]> {
  const { reply, raised } = await go(["call", method, JSON.stringify(members)]);
  expect([method, raised]).toEqual([method, undefined]);
  expect(reply).toEqual(expected);
  return reply;
}

/** What the SDK makes of a void reply. */
const done = { body: "{}" };

test("one migration, from the project to the last delete", async () => {
  const id = expect.stringMatching(/^[0-9a-f-]{36}$/);
  const moment = expect.any(Number);
  const text = expect.stringMatching(/./);
  const project = { name: "go-wave", region: "region-1", type: "MIGRATE_FILE" };
  const { id: mig_project_id } = await says("CreateMigproject", { body: project }, { id });
  await says(
    "ShowMigproject",
    { mig_project_id },
    {
      ...project,
      description: "",
      isdefault: false,
      start_target_server: true,
      speed_limit: 0,
      use_public_ip: true,
      exist_server: true,
      enterprise_project: "default",
      syncing: false,
      start_network_check: false,
    },
  );
  await says("UpdateDefaultMigproject", { mig_project_id }, done);

  const template = {
    name: "go-template",
    is_template: false,
    region: "region-1",
    nics: [{ id: "autoCreate", name: "autoCreate", cidr: "" }],
    disk: [{ index: 0, name: "system", disktype: "GPSSD", size: 40 }],
    target_password: "of the target",
  };
  const { id: template_id } = await says("CreateTemplate", { body: { template } }, { id });
  const { is_template: _, ...told } = template;
  const empty = { projectid: "", target_server_name: "", availability_zone: "", volumetype: "", flavor: "" };
  // The objects that are absent from the reply are the SDK's to fill.
  const { template: shownTemplate } = (await go(["call", "ShowTemplate", JSON.stringify({ id: template_id })])).reply;
  expect(shownTemplate).toMatchObject({
    ...told,
    ...empty,
    id: template_id,
    is_template: "false",
    target_password: "",
    security_groups: [],
    data_volume_type: "",
  });
  const password = { template_id, target_password: template.target_password };
  await says("ShowTargetPassword", { id: template_id }, password);

  const { reply: source } = await go(["register", "go-story"]);
  const server = { server_id: source.id };
  const { id: task_id } = await says(
    "CreateTask",
    {
      body: {
        name: "MigrationTask",
        type: "MIGRATE_FILE",
        source_server: { id: source.id },
        target_server: { name: "target", vm_id: "vm-1", disks: [{ name: "/dev/vda", size: 9_007_199_254_740_991 }] },
        region_name: "region-1",
        region_id: "region-1",
        project_name: "region-1",
        project_id: "project-1",
        vm_template_id: template_id,
      },
    },
    { id },
  );
  const sourceServer = { id: source.id, ip: "192.0.2.10", name: "go-story", os_type: "LINUX" };
  const shown = {
    id: task_id,
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    os_type: "LINUX",
    state: "READY",
    priority: 1,
    speed_limit: 0,
    region_id: "region-1",
    region_name: "region-1",
    project_name: "region-1",
    project_id: "project-1",
    vm_template_id: template_id,
    start_target_server: true,
    enterprise_project_id: "0",
    connected: false,
    create_date: moment,
    need_migration_test: false,
    source_server: {
      ...sourceServer,
      os_version: "UBUNTU_20_4_64BIT",
      state: "waiting",
      migration_cycle: "setting",
    },
    target_server: {
      id: text,
      name: "target",
      vm_id: "vm-1",
      os_type: "LINUX",
      disks: [{ id: 1, name: "/dev/vda", size: 9_007_199_254_740_991 }],
      volume_groups: [],
      btrfs_list: [],
    },
    sub_tasks: [],
  };
  await says("ShowTask", { task_id }, shown);

  // A list that is nil travels as null, and clears.
  const speed_limit = [{ start: "00:00", end: "23:59", speed: 100, over_speed_threshold: 50.5 }];
  await says("UpdateSpeed", { task_id, body: { speed_limit } }, done);
  await says("ShowsSpeedLimits", { task_id }, { speed_limit });
  await says("UpdateSpeed", { task_id, body: {} }, done);
  await says("ShowsSpeedLimits", { task_id }, { speed_limit: [] });
  const configurations = [{ config_key: "LINUX_CPU_LIMIT", config_value: "50" }];
  const settings = { task_id, migrate_type: "LINUX_MIGRATE_FILE" };
  await says("UploadSpecialConfigurationSetting", { task_id, body: { configurations } }, done);
  await says("ShowConfigSetting", { task_id }, { ...settings, configurations });
  await says("UploadSpecialConfigurationSetting", { task_id, body: {} }, done);
  await says("ShowConfigSetting", { task_id }, { ...settings, configurations: [] });
  await says("ShowPassphrase", { task_id }, { task_id, passphrase: text });
  const { cert, private_key } = await says("ShowCertKey", { task_id }, { cert: text, private_key: text });
  const target = { target_mgmt_cert: text, target_mgmt_private_key: text, target_data_cert: text };
  const all = { cert, private_key, ca: text, ...target, target_data_private_key: text };
  await says("ShowCertKey", { task_id, enable_ca_cert: true }, all);

  const act = (operation: string) => says("UpdateTaskStatus", { task_id, body: { operation } }, done);
  const polls = (command_name: string) => says("ShowCommand", server, { command_name, command_param: { task_id } });
  await polls("TASK_NOT_STARTED");
  await act("start");
  await polls("START");
  expect((await go(["report", source.id, "START"])).reply).toEqual(done);
  const progress = {
    subtask_name: "MIGRATE_LINUX_FILE",
    progress: 40,
    replicatesize: 9_007_199_254_740_991,
    totalsize: 9_007_199_254_740_991,
    process_trace: "größer <&>",
    migrate_speed: 80.5,
    remain_time: 60,
  };
  await says("UpdateTaskSpeed", { task_id, body: progress }, done);
  const network_check_info = {
    network_delay: 20.5,
    network_jitter: 2,
    migration_speed: 100,
    loss_percentage: 0,
    cpu_usage: 30,
    mem_usage: 40.5,
    evaluation_result: "excellent",
  };
  await says("UpdateNetworkCheckInfo", { task_id, body: network_check_info }, { task_id });
  await says(
    "ShowTask",
    { task_id },
    {
      ...shown,
      state: "RUNNING",
      connected: true,
      start_date: moment,
      source_server: { ...shown.source_server, state: "replicate", migration_cycle: "replicating" },
      migrate_speed: 80.5,
      remain_seconds: 60,
      estimate_complete_time: moment,
      network_check_info,
      sub_tasks: [
        {
          id: 1,
          name: "MIGRATE_LINUX_FILE",
          progress: 40,
          start_date: moment,
          migrate_speed: 80.5,
          process_trace: "größer <&>",
        },
      ],
    },
  );

  await act("stop");
  await polls("STOP");
  expect((await go(["report", source.id, "STOP"])).reply).toEqual(done);
  const { count, tasks } = (await go(["call", "ListTasks", JSON.stringify({ state: "ABORT", id: task_id })])).reply;
  expect([count, tasks.length, tasks[0].state]).toEqual([1, 1, "ABORT"]);

  await says("DeleteTask", { task_id }, done);
  await polls("DELETE");
  expect((await go(["report", source.id, "DELETE"])).reply).toEqual(done);
  await says("DeleteServer", { source_id: source.id }, done);
  await says("DeleteTemplate", { id: template_id }, done);
  const gone = await go(["call", "ShowTask", JSON.stringify({ task_id })]);
  expect(gone.raised).toMatchObject({ status_code: 404, error_code: "SMS.8004" });
});

testOverTls("over HTTPS, where the program trusts the private authority", async () => {
  const { ca, cert, key } = await privateAuthority(ferry.folder.path);
  const secure = await Ferry.start({ args: ["--tls-cert", cert, "--tls-key", key] });
  const there = { FERRY_ENDPOINT: secure.url };
  const { reply } = await go(["register", "go-4"], { ...there, FERRY_CACERT: ca });
  expect((await go(["show", reply.id], { ...there, FERRY_CACERT: ca, FERRY_REGION: "region-1" })).reply.name).toBe(
    "go-4",
  );
  const { raised } = await go(["show", reply.id], there);
  expect(raised?.error_message).toContain("certificate signed by unknown authority");
  expect(await secure.stop()).toBe(0);
});
