import { expect } from "bun:test";
import { type Ferry, queue, register, registration } from "./harness.ts";

/** An object of each kind, all of the first account. */
export interface Objects {
  source_id: string;
  /** A source without a task. */
  idle_source_id: string;
  /** The task of `source_id`. */
  task_id: string;
  mig_project_id: string;
  template_id: string;
  command_id: string;
  user_id: string;
  access_key: string;
  project_id: string;
}

/** Ids that are nobody's. */
export const nothing: Objects = {
  source_id: "nobody",
  idle_source_id: "nobody",
  task_id: "nobody",
  mig_project_id: "nobody",
  template_id: "nobody",
  command_id: "nobody",
  user_id: "nobody",
  access_key: "nobody",
  project_id: "nobody",
};

let made = 0;

/** New objects, which nothing has been done to. */
export async function makeObjects(ferry: Ferry): Promise<Objects> {
  made += 1;
  const name = `object-${made}`;
  const make = async (path: string, body: object) => {
    const { status, json, text } = await ferry.call("admin", "POST", path, { body });
    expect([path, status, text]).toEqual([path, path.startsWith("/operate") ? 201 : 200, text]);
    return json;
  };
  const source_id = await register(ferry, name);
  return {
    source_id,
    idle_source_id: await register(ferry, `${name}-idle`),
    task_id: (await make("/v3/tasks", task(source_id))).id,
    mig_project_id: (await make("/v3/migprojects", { name, region: "region-1", type: "MIGRATE_FILE" })).id,
    template_id: (await make("/v3/vm/templates", { template: { name } })).id,
    command_id: await queue(ferry, source_id, "RSET_LOG_ACL"),
    user_id: (await make("/operate/v1/users", { name, role: "viewer" })).id,
    access_key: (await make("/operate/v1/keys", { role: "viewer" })).access_key,
    project_id: ferry.keys.admin.project_id,
  };
}

/** Brings the task to where it waits for its source, and can be returned from. */
export async function bringToCutover(ferry: Ferry, { source_id, task_id }: Objects): Promise<void> {
  const steps: [method: string, path: string, body: object][] = [
    ["POST", `/v3/tasks/${task_id}/action`, { operation: "start" }],
    ["PUT", `/v3/sources/${source_id}/changestate`, { copystate: "finished" }],
    ["POST", `/v3/tasks/${task_id}/action`, { operation: "cutover" }],
  ];
  for (const [method, path, body] of steps) {
    expect((await ferry.call("admin", method, path, { body })).status).toBe(200);
  }
}

/** A path of an operation with the ids of objects in it. */
export function pathTo(path: string, objects: Objects): string {
  const ids: Record<string, string> = {
    ...objects,
    server_id: objects.source_id,
    id: path.startsWith("/v3/vm/templates") ? objects.template_id : objects.command_id,
    version: "v3",
    key: "some-text",
  };
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? `{${name}}`);
  expect(filled).not.toContain("{");
  // Of the queries one has a member that must be there.
  return path === "/v3/errors" ? `${filled}?offset=0` : filled;
}

/** A body that makes the task of a source. */
export function task(source_id: string) {
  return {
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    source_server: { id: source_id },
    target_server: {},
    region_name: "region-1",
    region_id: "region-1",
    project_name: "region-1",
    project_id: "project-1",
  };
}

const consistency = {
  dir_check: "/srv",
  num_total_files: 4,
  num_different_files: 1,
  num_target_miss_files: 0,
  num_target_more_files: 2,
};
const networkCheck = {
  network_delay: 1.5,
  network_jitter: 0.5,
  migration_speed: 100,
  loss_percentage: 0,
  cpu_usage: 10,
  mem_usage: 20,
  evaluation_result: "excellent",
};
const progress = {
  subtask_name: "MIGRATE_LINUX_FILE",
  progress: 40,
  replicatesize: 4,
  totalsize: 10,
  process_trace: "copying",
};
const password = { user: { name: "person", password: "password of a person", domain: { name: "default" } } };

/** The user that the bodies of createToken and createSession sign in. */
export async function makePerson(ferry: Ferry): Promise<void> {
  const { name } = password.user;
  const body = { name, password: password.user.password, role: "viewer" };
  expect((await ferry.call("admin", "POST", "/operate/v1/users", { body })).status).toBe(201);
}

/** For each operation that takes a body one it accepts, given objects nothing has been done to. */
export const bodies: Record<string, (objects: Objects) => object> = {
  // SMS v3
  registerServer: ({ source_id }) => registration(`registered-beside-${source_id}`.slice(0, 64)),
  updateServerName: () => ({ name: "renamed" }),
  updateCopyState: () => ({ copystate: "replicate", migrationcycle: "replicating" }),
  updateDiskInfo: () => ({ disks: [{ name: "/dev/vda", size: 10 }], volumegroups: [], btrfs_list: [] }),
  updateCommandResult: () => ({ command_name: "START", result: "success", result_detail: {} }),
  deleteServers: ({ source_id }) => ({ ids: [source_id] }),
  createTask: ({ idle_source_id }) => task(idle_source_id),
  updateTask: () => ({ name: "renamed" }),
  deleteTasks: ({ task_id }) => ({ ids: [task_id] }),
  updateTaskSpeed: () => progress,
  updateTaskStatus: () => ({ operation: "start" }),
  collectLog: () => ({ log_bucket: "logs" }),
  updateSpeed: () => ({ speed_limit: [{ start: "00:00", end: "23:59", speed: 100 }] }),
  uploadSpecialConfigurationSetting: () => ({
    configurations: [{ config_key: "MIGRATE_EXCLUDE_DIR", config_value: "/tmp" }],
  }),
  updateConsistencyResult: () => ({ consistency_result: [consistency] }),
  exportConsistencyResults: ({ task_id }) => ({ task_info: [{ task_id }] }),
  updateNetworkCheckInfo: () => networkCheck,
  createMigproject: ({ task_id }) => ({ name: `beside-${task_id}`, region: "region-1", type: "MIGRATE_BLOCK" }),
  updateMigproject: () => ({ description: "changed" }),
  createTemplate: () => ({ template: { name: "template" } }),
  updateTemplate: () => ({ template: { name: "renamed" } }),
  deleteTemplates: ({ template_id }) => ({ ids: [template_id] }),
  // IAM
  createToken: () => ({ auth: { identity: { methods: ["password"], password } } }),
  // ferry's own
  createSession: () => ({ user: password.user.name, password: password.user.password }),
  queueCommand: () => ({ command_name: "START" }),
  createAccount: ({ user_id }) => ({ name: `tenant-${user_id}`.slice(0, 64) }),
  createUser: ({ user_id }) => ({ name: `user-${user_id}`.slice(0, 64), role: "viewer" }),
  updateUser: () => ({ disabled: true }),
  createKey: () => ({ role: "viewer" }),
  rotateKey: () => ({}),
};

const ofTheConsole = { "x-ferry-console": "1" };

/** Headers that operations do not work without, beside credentials. */
export const headersOf = (id: string, token: string): Record<string, string> => {
  const needed: Record<string, Record<string, string>> = {
    showToken: { "x-subject-token": token },
    createSession: ofTheConsole,
    deleteSession: ofTheConsole,
  };
  return needed[id] ?? {};
};
