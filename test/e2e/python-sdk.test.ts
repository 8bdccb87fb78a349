import { afterAll, beforeAll, expect } from "bun:test";
import { missingOpenssl, privateAuthority } from "./authority.ts";
import { endAll, Ferry, firstKey, testUnless } from "./executable.ts";
import { findPython, SDK, type Sdk, type SdkAnswer, type SdkCaller, startSdk } from "./python.ts";
import { disks, registration, shown, volume_groups } from "./registration.ts";

/* huaweicloudsdksms, as published, over plain HTTP and over HTTPS. */

const { python, missing } = findPython(SDK);
const test = testUnless(missing);
const testOverTls = testUnless(missing ?? missingOpenssl);

let ferry: Ferry;
let sdk: Sdk;

beforeAll(async () => {
  ferry = await Ferry.start();
  if (missing === undefined) sdk = startSdk(python, ferry);
});
afterAll(endAll);

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

testOverTls("over HTTPS the SDK works where it is told to trust the private authority, and only there", async () => {
  const { ca, cert, key } = await privateAuthority(ferry.folder.path);
  const secure = await Ferry.start({ args: ["--tls-cert", cert, "--tls-key", key] });
  expect(secure.url).toStartWith("https://");
  const there = { ...firstKey, endpoint: secure.url };
  const trusting = { ...there, ca_cert: ca };

  const { reply } = await sdk("register_server", { body: registration }, trusting);
  const listed = await sdk("list_servers", {}, trusting);
  expect(listed.reply.source_servers).toMatchObject([{ id: reply.id, name: registration.name }]);
  expect((await sdk("show_api_version", { version: "v3" }, trusting)).reply.links).toEqual([
    { href: `${secure.url}/v3/`, rel: "self" },
  ]);
  const { project_id: _, ...withoutProject } = trusting;
  // The SDK remembers what it looked up by key and region: a name of its own is asked for.
  expect((await sdk("list_servers", {}, { ...withoutProject, region: "over-tls" })).reply.count).toBe(1);

  const untold = await sdk("list_servers", {}, there);
  expect(untold.raised).toMatchObject({ exception: "SslHandShakeException" });
  expect(untold.raised?.error_msg).toContain("certificate verify failed");
  expect(untold.received).toEqual({} as SdkAnswer["received"]);
  expect(await secure.stop()).toBe(0);
});

test("a temporary key works with its security token, and with nothing else", async () => {
  const { access_key, secret_key, security_token, project_id } = await ferry.ask<Required<SdkCaller>>(
    "POST",
    "/operate/v1/keys",
    { role: "agent", expires_in_s: 3600 },
  );
  const temporary = { access_key, secret_key, project_id };

  const { reply, sent } = await sdk("register_server", { body: registration }, { ...temporary, security_token });
  expect(sent["x-security-token"]).toBe(security_token);
  const polled = await sdk("show_command", { server_id: reply.id }, { ...temporary, security_token });
  expect(polled.reply).toEqual({ command_name: "TASK_NOT_STARTED" });
  // It is an agent's.
  const deleted = await sdk("delete_server", { source_id: reply.id }, { ...temporary, security_token });
  expect(deleted.raised).toMatchObject({ status_code: 403, error_code: "SMS.9004" });

  const refused = { status_code: 401, error_code: "APIGW.0301" };
  for (const key of [
    temporary,
    { ...temporary, security_token: `${security_token}x` },
    // A lasting key comes without one.
    { ...firstKey, security_token },
  ]) {
    expect((await sdk("show_server", { source_id: reply.id }, key)).raised).toMatchObject(refused);
  }
});

test("the SDK looks the project of its region up, and calls with it", async () => {
  const { access_key, secret_key } = firstKey;
  const source_id = await register();
  const own = await sdk("show_server", { source_id }, { access_key, secret_key, region: "region-1" });
  expect(own.sent["x-project-id"]).toBe(firstKey.project_id);
  expect(own.reply.id).toBe(source_id);

  const elsewhere = await sdk("show_server", { source_id }, { access_key, secret_key, region: "elsewhere-7" });
  expect(elsewhere.reply.id).toBe(source_id);
  const { projects } = await ferry.ask<{ projects: { id: string; name: string }[] }>("GET", "/v3/projects");
  const made = projects.filter(({ name }) => name === "elsewhere-7");
  expect(made).toEqual([expect.objectContaining({ id: elsewhere.sent["x-project-id"] })]);

  // No region can have this name: the SDK finds no project, and says so.
  const nowhere = await sdk("show_server", { source_id }, { access_key, secret_key, region: "no where" });
  expect(nowhere.raised?.error_msg).toContain("Failed to get project id of region 'no where'");
});

test("an admin of another account makes no key here, and sees nothing of it", async () => {
  const source_id = await register({ name: "not-theirs" });
  await ferry.ask("POST", "/operate/v1/accounts", { name: "tenant" });
  const tenant = await ferry.ask<Required<SdkCaller>>("POST", "/operate/v1/keys", { account: "tenant", role: "admin" });
  const { items: before } = await ferry.ask<{ items: object[] }>("GET", "/operate/v1/keys?limit=1000");

  for (const body of [
    { account: "default", role: "admin" },
    { account: "default", role: "viewer", expires_in_s: 60 },
  ]) {
    const answered = await ferry.call("POST", "/operate/v1/keys", body, { key: tenant });
    expect(answered.status).toBe(403);
    expect(await answered.json()).toMatchObject({ error_code: "SMS.9004" });
  }
  for (const action of ["disable", "rotate"]) {
    const answered = await ferry.call("POST", `/operate/v1/keys/${firstKey.access_key}/${action}`, {}, { key: tenant });
    expect(answered.status).toBe(404);
  }
  const { items: after } = await ferry.ask<{ items: object[] }>("GET", "/operate/v1/keys?limit=1000");
  expect(after).toEqual(before);
  // A key it makes is its own account's.
  const own = await ferry.ask<Required<SdkCaller>>("POST", "/operate/v1/keys", { role: "admin" }, { key: tenant });
  expect(own.project_id).toBe(tenant.project_id);

  for (const key of [tenant, own]) {
    expect((await sdk("list_servers", {}, key)).reply).toEqual({ count: 0, source_servers: [] });
    expect((await sdk("show_server", { source_id }, key)).raised).toMatchObject({
      status_code: 404,
      error_code: "SMS.8004",
    });
    const inOurProject = { ...key, project_id: firstKey.project_id };
    expect((await sdk("list_servers", {}, inOurProject)).raised).toMatchObject({
      status_code: 403,
      error_code: "SMS.9004",
    });
  }
});
