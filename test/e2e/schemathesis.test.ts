import { afterAll, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanEnvironment, endAll, Ferry, run, testUnless } from "./executable.ts";
import { findPython } from "./python.ts";

/*
 * Schemathesis makes requests from ferry's own OpenAPI document, good and bad ones, and holds the replies against it.
 * FERRY_SCHEMATHESIS_SEED gives other requests, FERRY_SCHEMATHESIS_EXAMPLES more or fewer of them for each operation.
 */

const { python, missing } = findPython("schemathesis==4.32.5");
const test = testUnless(missing);
afterAll(endAll);

const seed = process.env.FERRY_SCHEMATHESIS_SEED ?? "1";
const examples = process.env.FERRY_SCHEMATHESIS_EXAMPLES ?? "40";

/**
 * Ids of objects that are there, by name of the dictionary. `doomed` ones are for deleting only, `batch` ones for deleting
 * many at once.
 */
type Dictionaries = Record<string, string[]>;

/** What one parameter or body member is taken from, in most of the requests. */
const parameters: Record<string, string> = {
  "path.source_id": "sources",
  "path.task_id": "tasks",
  "path.mig_project_id": "migprojects",
  "path.project_id": "projects",
  "path.access_key": "doomed_keys",
  "path.user_id": "doomed_users",
  "path.version": "versions",
  "query.source_id": "sources",
  "body.migprojectid": "migprojects",
};
const parametersOf: Record<string, Record<string, string>> = {
  // A poll of this source is answered at once, whatever it would wait: there is a command, which nothing ends.
  showCommand: { "path.server_id": "waiting_source" },
  updateCommandResult: { "path.server_id": "sources", "header.X-Command-Id": "commands" },
  findCommand: { "path.id": "commands" },
  cancelCommand: { "path.id": "doomed_commands" },
  registerServer: { "body.id": "sources" },
  createTask: { "body.source_server.id": "spare_sources" },
  deleteServer: { "path.source_id": "doomed_sources" },
  deleteServers: { "body.ids[*]": "batch_sources" },
  deleteTask: { "path.task_id": "doomed_tasks" },
  returnTask: { "path.task_id": "passing_tasks" },
  deleteTasks: { "body.ids[*]": "batch_tasks" },
  deleteMigproject: { "path.mig_project_id": "doomed_migprojects" },
  showTemplate: { "path.id": "templates" },
  updateTemplate: { "path.id": "templates" },
  showTargetPassword: { "path.id": "templates" },
  deleteTemplate: { "path.id": "doomed_templates" },
  deleteTemplates: { "body.ids[*]": "batch_templates" },
  exportConsistencyResults: { "body.task_info[*].task_id": "tasks" },
  showToken: { "header.X-Subject-Token": "tokens" },
};

/** Two callers who must not see each other's objects: the gates do that for every operation, with real objects. */
const checksNotRun = ["object_level_authorization"];

async function makeObjects(ferry: Ferry, token: string): Promise<Dictionaries> {
  const many = <T>(count: number, make: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, index) => make(index)));
  const made = async (path: string, body: object) => (await ferry.ask<{ id: string }>("POST", path, body)).id;
  const source = (name: string) => ferry.registerSource(name);
  const task = async (name: string) =>
    made("/v3/tasks", {
      name,
      type: "MIGRATE_FILE",
      source_server: { id: await source(name) },
      target_server: { name: "target", vm_id: "vm-1" },
      region_name: "region-1",
      region_id: "region-1",
      project_name: "region-1",
      project_id: "project-1",
    });
  /** While its source is cutovering there is a state to return from, once. */
  const passingTask = async (name: string) => {
    const task_id = await task(name);
    const { source_server } = await ferry.ask<{ source_server: { id: string } }>("GET", `/v3/tasks/${task_id}`);
    await ferry.ask("PUT", `/v3/sources/${source_server.id}/changestate`, { copystate: "cutovering" });
    return task_id;
  };
  const migproject = (name: string) =>
    made("/v3/migprojects", { name, region: "region-1", type: "MIGRATE_FILE", description: "made for a test" });
  const template = (name: string) =>
    made("/v3/vm/templates", { template: { name, target_password: "secret of a test" } });
  const user = (name: string) => made("/operate/v1/users", { name, role: "viewer" });
  const key = async () =>
    (await ferry.ask<{ access_key: string }>("POST", "/operate/v1/keys", { role: "viewer" })).access_key;

  // Log commands: a control command would end the one before.
  const command = async (source_id: string) => (await ferry.queue(source_id, { command_name: "RSET_LOG_ACL" })).id;
  const waiting = await source("waiting");
  await command(waiting);
  const sources = await many(2, (index) => source(`source-${index}`));
  const { projects } = await ferry.ask<{ projects: { id: string }[] }>("GET", "/v3/projects");
  return {
    waiting_source: [waiting],
    sources,
    spare_sources: await many(8, (index) => source(`spare-${index}`)),
    doomed_sources: await many(12, (index) => source(`doomed-${index}`)),
    batch_sources: await many(12, (index) => source(`batch-${index}`)),
    commands: await many(2, () => command(sources[0] ?? "")),
    doomed_commands: await many(6, () => command(waiting)),
    tasks: await many(3, (index) => task(`task-${index}`)),
    passing_tasks: await many(12, (index) => passingTask(`passing-task-${index}`)),
    doomed_tasks: await many(12, (index) => task(`doomed-task-${index}`)),
    batch_tasks: await many(12, (index) => task(`batch-task-${index}`)),
    migprojects: await many(2, (index) => migproject(`project-${index}`)),
    doomed_migprojects: await many(6, (index) => migproject(`doomed-project-${index}`)),
    templates: await many(2, (index) => template(`template-${index}`)),
    doomed_templates: await many(12, (index) => template(`doomed-template-${index}`)),
    batch_templates: await many(12, (index) => template(`batch-template-${index}`)),
    projects: projects.map(({ id }) => id),
    doomed_users: await many(6, (index) => user(`doomed-${index}`)),
    doomed_keys: await many(6, key),
    versions: ["v3"],
    tokens: [token],
  };
}

/** A token of an admin who is in no dictionary. */
async function signIn(ferry: Ferry): Promise<string> {
  const user = { name: "tester", password: "password of a test" };
  await ferry.ask("POST", "/operate/v1/users", { ...user, role: "admin" });
  const identity = { methods: ["password"], password: { user: { ...user, domain: { name: "default" } } } };
  const response = await ferry.call("POST", "/v3/auth/tokens", { auth: { identity } }, { key: null });
  return response.headers.get("x-subject-token") ?? "";
}

/** The configuration as TOML: its strings are JSON's. */
function configuration(dictionaries: Dictionaries, token: string): string {
  const text = JSON.stringify;
  const bound = (names: Record<string, string>) =>
    Object.entries(names).map(([name, dictionary]) => {
      // One id of nobody refuses a whole list.
      const probability = name.includes("[*]") ? 1 : 0.8;
      return `${text(name)} = { dictionary = ${text(dictionary)}, probability = ${probability.toFixed(1)} }`;
    });
  return [
    `hooks = ${text(join(import.meta.dir, "python", "schemathesis_hooks.py"))}`,
    "[generation]",
    "allow-x00 = false",
    'database = "none"',
    // Ids of replies would come in too: other requests in each run, and the caller's own user deleted.
    ...["examples", "coverage", "fuzzing"].flatMap((phase) => [
      `[phases.${phase}]`,
      "extra-data-sources = { responses = false }",
    ]),
    "[auth.openapi.token]",
    `api_key = ${text(token)}`,
    ...checksNotRun.flatMap((check) => [`[checks.${check}]`, "enabled = false"]),
    "[warnings]",
    'fail-on = ["unmatched_filter", "dictionary_mismatch", "unsupported_regex", "missing_deserializer"]',
    "[dictionaries]",
    ...Object.entries(dictionaries).map(([name, values]) => `${name} = { values = ${text(values)} }`),
    "[parameters]",
    ...bound(parameters),
    ...Object.entries(parametersOf).flatMap(([id, names]) => [
      "[[operations]]",
      `include-operation-id = ${text(id)}`,
      "[operations.parameters]",
      ...bound(names),
    ]),
    "",
  ].join("\n");
}

interface Report {
  operations: { total: number; tested: number };
  test_cases: { generated: number };
  failures: { title: string; count: number; operations: string[] }[];
  errors: { title: string; count: number }[];
  running_time: number;
  valid_rates: Record<string, Record<string, { accepted: number }>>;
}

test("requests made from the OpenAPI document find no reply that is not in it", async () => {
  const ferry = await Ferry.start();
  const token = await signIn(ferry);
  const { path, home } = ferry.folder;
  const config = join(path, "schemathesis.toml");
  const json = join(path, "report.json");
  writeFileSync(config, configuration(await makeObjects(ferry, token), token));
  const { code, stdout, stderr } = await run(
    [
      ...[join(dirname(python), "schemathesis"), "--config-file", config, "--no-color", "run"],
      ...[`${ferry.url}/openapi.json`, "--checks", "all", "--seed", seed, "--max-examples", examples],
      "--continue-on-failure",
      ...["--report", "json", "--report-json-path", json],
    ],
    { cwd: home, env: cleanEnvironment(path, { PYTHONDONTWRITEBYTECODE: "1" }) },
  );
  const report: Report = JSON.parse(readFileSync(json, "utf8"));
  const summary = stdout.slice(stdout.lastIndexOf("= SUMMARY ="));
  console.log(`${report.test_cases.generated} requests in ${Math.round(report.running_time)} s\n${summary}${stderr}`);

  expect([report.failures, report.errors], stdout.slice(-20_000)).toEqual([[], []]);
  expect(code, stdout.slice(-20_000)).toBe(0);
  expect(report.operations.tested).toBe(report.operations.total);
  // Requests that nothing is wrong with have reached every operation, and what it is about.
  const unreached = Object.entries(report.valid_rates)
    .filter(([, phases]) => Object.values(phases).every(({ accepted }) => accepted === 0))
    .map(([operation]) => operation);
  expect(unreached.sort()).toEqual(["POST /console/session", "POST /v3/auth/tokens"]);
}, 400_000);
