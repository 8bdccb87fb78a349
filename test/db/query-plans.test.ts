import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { background } from "../../src/background.ts";
import { selectOutcomes } from "../../src/commands/store.ts";
import { type DeclaredRoute, declaredRoutes } from "../../src/http/openapi.ts";
import { act, changestate, taskThatIs } from "../actions/standing.ts";
import { type Ferry, poll, queue, register, report, settle, signIn, startFerry } from "../harness.ts";
import {
  bodies,
  bringToCutover,
  headersOf,
  makeObjects,
  makePerson,
  nothing,
  type Objects,
  pathTo,
} from "../objects.ts";
import { type Asked, groupStatements, watchedFile, watchStores } from "./asked.ts";

/*
 * No query reads a growing table from end to end, or sorts one. Every statement is taken down while everything the
 * service does is done, alone on its database and as one of several processes, and SQLite is asked how it would run it.
 */

const DAY_MS = 24 * 60 * 60 * 1000;

const asked: Asked = new Map();
const succeeded = new Set<string>();
const withoutValue = new Set<string>();
let stores: Awaited<ReturnType<typeof watchStores>>;
let ferry: Ferry;
beforeAll(async () => {
  stores = await watchStores();
  await doEverything({ shared: true });
  await ferry.stop();
  await doEverything({ shared: false });
}, 180_000);
afterAll(() => ferry.stop());

async function doEverything(on: { shared: boolean }) {
  ferry = await startFerry(watchedFile(asked, on));
  await everyOperation();
  // Lists are the same in both.
  if (!on.shared) await everyFilter();
  await everyEnd();
  await everyJob();
}

async function everyOperation() {
  await makePerson(ferry);
  const token = await signIn(ferry, "person", "password of a person");
  for (const { id, method, path, declaration } of declaredRoutes(ferry.app)) {
    const objects = await makeObjects(ferry);
    if (id === "returnTask") await bringToCutover(ferry, objects);
    const body = bodies[id]?.(objects);
    const headers = headersOf(id, token);
    const as = declaration.roles.length > 0 ? "admin" : null;
    const { status } = await ferry.call(as, method, pathTo(path, objects), { headers, ...(body && { body }) });
    if (status < 300) succeeded.add(id);
  }
}

/** What a query's members are asked with; of those with closed lists that have none here, each word. */
const values = (objects: Objects): Record<string, string[]> => ({
  source_id: [objects.source_id],
  source_server_id: [objects.source_id],
  command_id: [objects.command_id],
  id: [objects.source_id],
  account: ["default"],
  name: ["object"],
  command_name: ["START"],
  type: ["command.queued", "source.registered"],
  kind: ["matched", "late"],
  order: ["oldest"],
  since: ["1"],
  until: ["9999999999999"],
  // Behind a row, and behind a row of a list that goes by time.
  cursor: ["5", "1893553445000-5"],
  limit: ["1"],
  offset: ["1"],
  ip: ["192.0.2.10"],
  ipv6: ["2001:db8::1"],
  migproject: [objects.mig_project_id],
  connected: ["true", "false"],
  is_consistency_result_exist: ["true", "false"],
  vm_id: ["vm-1"],
  enterprise_project_id: ["0"],
  region: ["region-1"],
  availability_zone: ["region-1a"],
  config_key: ["MIGRATE_EXCLUDE_DIR"],
  enable_ca_cert: ["true"],
  nocatalog: ["true"],
  wait: ["0"],
  // One the database compares by itself, and one with letters whose cases it does not know.
  q: ["object", "%C3%A4"],
  ids: [objects.source_id],
  // Every one of these lists is walked by its cursors below.
  "listSources cursor": [],
  "listSources order": ["asc", "desc"],
});

/** The words of a closed list inside optional members and pipes. */
function wordsOf(schema: { options?: string[]; wrapped?: object; pipe?: object[] }): string[] | undefined {
  const inner = schema.wrapped ?? schema.pipe?.[0];
  return schema.options ?? (inner && wordsOf(inner));
}

/** Of the lists that grow without end every combination of their filters is asked, of all others each two. */
const endless = new Set(["listCommands", "listResults", "listEvents"]);

async function everyFilter() {
  const objects = await makeObjects(ferry);
  for (const route of declaredRoutes(ferry.app).filter(({ method }) => method === "GET")) {
    const members = membersOf(route, objects);
    const path = pathTo(route.path, objects).split("?")[0];
    const queries = endless.has(route.id)
      ? everySubset(members.filter(([name]) => name !== "limit"))
      : everyPair(members);
    for (const query of queries) await ferry.send("admin", "GET", `${path}?${query}`);
  }
  await everySecondPage();
}

/** Behind a row, in each order of sources, with each filter. */
async function everySecondPage() {
  await register(ferry, "zwei-ä");
  await register(ferry, "drei-ä");
  const filters = [
    "",
    "&q=o",
    "&q=%C3%A4",
    "&state=waiting",
    "&connected=false",
    "&os_type=LINUX",
    "&task_state=READY",
  ];
  for (const sort of ["added", "name", "state", "last_seen"]) {
    for (const order of ["asc", "desc"]) {
      for (const filter of filters) {
        const path = `/operate/v1/sources?limit=1&sort=${sort}&order=${order}${filter}`;
        const { json } = await ferry.call("admin", "GET", path);
        expect([path, typeof json.next_cursor]).toEqual([path, "string"]);
        const next = await ferry.call("admin", "GET", `${path}&cursor=${json.next_cursor}`);
        expect(next.json.items.length).toBe(1);
      }
    }
  }
}

function membersOf({ id, declaration }: DeclaredRoute, objects: Objects): [name: string, values: string[]][] {
  const entries = (declaration.query as { entries?: Record<string, object> } | undefined)?.entries ?? {};
  return Object.entries(entries).map(([name, schema]) => {
    const known = values(objects)[`${id} ${name}`] ?? values(objects)[name] ?? wordsOf(schema);
    if (known === undefined) withoutValue.add(`${id} ${name}`);
    return [name, known ?? []];
  });
}

function everySubset(members: [name: string, values: string[]][]): string[] {
  return members.reduce(
    (queries, [name, all]) => queries.flatMap((query) => [query, ...all.map((value) => `${query}&${name}=${value}`)]),
    [""],
  );
}

function everyPair(members: [name: string, values: string[]][]): string[] {
  const one = members.flatMap(([name, all]) => all.map((value) => ({ name, text: `${name}=${value}` })));
  const two = one.flatMap((a) => one.flatMap((b) => (a.name < b.name ? [`${a.text}&${b.text}`] : [])));
  return ["", ...one.map(({ text }) => text), ...two];
}

/** Commands, tasks and keys in every way they end. */
async function everyEnd() {
  const id = await register(ferry, "ends");
  await queue(ferry, id, "START", { idempotency_key: "once" });
  await queue(ferry, id, "START", { idempotency_key: "once" });
  await queue(ferry, id, "STOP");
  await poll(ferry, id);
  for (const command_id of [undefined, await queue(ferry, id, "SYNC")]) {
    await report(ferry, id, "STOP", "fail", {}, command_id && { "X-Command-Id": command_id });
  }
  await queue(ferry, id, "SYNC", { deliver_by: ferry.clock.now() + 1_000 });
  await ferry.clock.advance(2_000);
  await ferry.call("viewer", "GET", "/operate/v1/results", { headers: { accept: "application/x-ndjson" } });
  const stream = await ferry.send("viewer", "GET", "/operate/v1/events", { headers: { accept: "text/event-stream" } });
  await settle();
  await stream.body?.cancel();
  // What a group asks where a server's answer was lost.
  await selectOutcomes(ferry.database.reader, [{ id, source_seq: 1 }]);
  const waiting = ferry.call("agent", "GET", `/v3/sources/${await register(ferry, "waits")}/command?wait=5`);
  await settle();
  await ferry.clock.advance(6_000);
  await waiting;
  const { task_id, source_id } = await taskThatIs(ferry, "copying");
  await act(ferry, task_id, "stop");
  await poll(ferry, source_id);
  const { status } = await ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
    body: bodies.updateTaskSpeed?.(nothing),
  });
  expect(status).toBe(200);
  const heard = await taskThatIs(ferry, "RUNNING");
  await poll(ferry, heard.source_id);
  await changestate(ferry, heard.source_id, "replicate");
  await ferry.call("admin", "PUT", `/v3/tasks/${heard.task_id}`, { body: { target_server: { name: "other" } } });
  // Too large for a group.
  const networks = Array.from({ length: 6_000 }, () => ({ name: "eth0", ip: "192.0.2.10", mac: "02:00:00:00:00:01" }));
  await register(ferry, "large", { id: heard.source_id, networks });
  await changestate(ferry, source_id, "finished");
  await taskThatIs(ferry, "ABORT");
  await taskThatIs(ferry, "SYNC_FAIL");
  await ferry.call("viewer", "GET", "/operate/v1/attention");
  const enrolment = (await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } })).json;
  await register(ferry, "enrolled", {}, enrolment);
  await register(ferry, "enrolled", {}, enrolment);
  await sessionOfAKey();
  await ferry.restart();
  await ferry.services.mailbox.warmUp();
}

async function sessionOfAKey() {
  const { access_key, secret_key } = ferry.keys.viewer;
  const sent = { headers: headersOf("createSession", ""), body: { access_key, secret_key } };
  const nobody = { headers: sent.headers, body: { user: "nobody", password: "password of nobody" } };
  await ferry.call(null, "POST", "/console/session", nobody);
  const { status, headers } = await ferry.call(null, "POST", "/console/session", sent);
  expect(status).toBe(201);
  const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";
  const ended = await ferry.call(null, "DELETE", "/console/session", { headers: { ...sent.headers, cookie } });
  expect(ended.status).toBe(200);
}

/** What happens without anybody asking, with something to do for each. */
async function everyJob() {
  const id = await register(ferry, "overdue");
  await queue(ferry, id, "START", { finish_within_s: 1 });
  await poll(ferry, id);
  await poll(ferry, id);
  const { task_id } = await taskThatIs(ferry, "MIGRATE_SUCCESS");
  await act(ferry, task_id, "cutover");
  const settings = { results_retention_days: 1, events_retention_days: 1 };
  const jobs = () => background(ferry.platform, ferry.database, ferry.services, settings).runAll();
  await jobs();
  await ferry.clock.advance(400 * DAY_MS);
  await jobs();
}

/** Tables that stay small, and why. */
const small: Record<string, string> = {
  accounts: "made by hand, one for a tenant",
  ferry_migrations: "one row for a migration; read at a start",
  master_key_check: "one row",
  sqlite_sequence: "one row for a table",
};

/** What may be read from end to end. */
const mayBeScanned = [
  new RegExp(`^SCAN (${Object.keys(small).join("|")})\\b`),
  // What a statement was given, and what it has made of that: at most a group of writes or a page.
  /^SCAN \S+ VIRTUAL TABLE/,
  /^SCAN (report|aimed|judged|first|ended|wanted|counted|told|made|change|\d* ?CONSTANT ROWS?)$/,
  /^SCAN (at_work|one|failed|\(subquery-\d+\))$/,
  // What is open: it ends.
  /^SCAN commands USING (COVERING )?INDEX commands_open$/,
];

type Exception = [statement: RegExp, why: string];

const boundedScans: Exception[] = [
  [/^select .* from "\w+" limit \?$/, "any row, no more than the limit"],
  [/^DELETE FROM ferry_writes WHERE id IN \(SELECT id FROM ferry_writes ORDER BY id LIMIT \?\)/, "the oldest marks"],
];

const boundedSorts: Exception[] = [
  [
    /FROM json_each\(\?\) ORDER BY key$|FROM (judged|change) ORDER BY place|ORDER BY (told\.place RETURNING .*|results\.seq)$/,
    "a group",
  ],
  [/from "users" where \(?"users"."account_seq" = \?/, "people of one account, made by hand"],
  [/from "migprojects" where "migprojects"."account_seq" = \?/, "projects of one account, made by hand"],
  [/from "projects" where "projects"."account_seq" = \?|SELECT id FROM projects WHERE account_seq/, "at most 100"],
  [/from "subtasks" where "subtasks"."task_seq" IN \(SELECT value/, "a page of tasks; agents name a handful each"],
  [
    /from "sources" left join "source_presence" .* where \("sources"."(id|seq)" IN \(SELECT value/,
    "as many as were named",
  ],
  [/FROM tasks (NOT INDEXED|INDEXED BY tasks_by_source) WHERE (seq|source_seq) = /, "one task"],
  [/where "commands"."id" IN \(SELECT unhex/, "as many as were queued"],
  [/"ended_at" is null and "commands"."source_seq" IN \(SELECT value/, "what is open on the sources that were named"],
  [/from "source_counts" where "source_counts"."account_seq" = \?/, "one row for each kind of source"],
  [/ UNION SELECT tasks.seq FROM sources JOIN tasks /, "as many as were named"],
  [
    / FROM sources (NOT INDEXED|INDEXED BY sources_listed) .* ORDER BY (sources\.name COLLATE NOCASE|sources\.state|max\(coalesce\()/,
    "a screen's list of an account's sources by name or last_seen, or of what q finds by state: through them once",
  ],
  [/ AS looked FROM sources INDEXED BY sources_listed .* AND sources\.seq > \? /, "a step of 5,000 sources"],
  [/^SELECT seq FROM sources WHERE seq IN \(SELECT seq FROM sources INDEXED BY sources_by_state /, "1,000 at the most"],
  [/^WITH (ended|failed) AS MATERIALIZED \( ?SELECT /, "1,000 at the most, of each state"],
];

interface Plan {
  sql: string;
  steps: string[];
}

async function plans(): Promise<Plan[]> {
  const found: Plan[] = [];
  // A copy: asking for a plan is taken down too.
  for (const [sql, args] of [...asked]) {
    if (/^(PRAGMA|CREATE TABLE IF NOT EXISTS ferry_migrations|EXPLAIN)/.test(sql)) continue;
    const rows = await ferry.rows(`EXPLAIN QUERY PLAN ${sql}`, ...args);
    found.push({ sql: sql.replace(/\s+/g, " ").trim(), steps: rows.map(({ detail }) => String(detail)) });
  }
  return found;
}

const isExcepted = (exceptions: Exception[], sql: string) => exceptions.some(([statement]) => statement.test(sql));
const isScan = (step: string) => step.startsWith("SCAN ");
const isSort = (step: string) => step.includes("TEMP B-TREE");

/** Steps that cost more the more there is. */
function growing({ sql, steps }: Plan): string[] {
  const scans = steps.filter((step) => isScan(step) && !mayBeScanned.some((allowed) => allowed.test(step)));
  return [
    ...(isExcepted(boundedScans, sql) ? [] : scans),
    ...(isExcepted(boundedSorts, sql) ? [] : steps.filter(isSort)),
  ];
}

describe("what was asked", () => {
  test("is everything: each operation with success, each function of a store, each statement of a group", async () => {
    const operations = declaredRoutes(ferry.app).map(({ id }) => id);
    expect(operations.filter((id) => !succeeded.has(id))).toEqual([]);
    expect([...withoutValue]).toEqual([]);
    expect(stores.exported.filter((name) => !stores.called.has(name))).toEqual([
      // Makes what reads from a libSQL server; asks nothing itself.
      "db/remote-store.ts readerOf",
    ]);
    const groups = await groupStatements();
    expect(groups.length).toBeGreaterThan(6);
    expect(groups.filter((sql) => !asked.has(sql))).toEqual([]);
  });

  test("costs no more where there is more: no growing table is read from end to end, or sorted", async () => {
    const all = await plans();
    expect(all.length).toBeGreaterThan(300);
    expect(all.flatMap((plan) => growing(plan).map((step) => `${step}: ${plan.sql}`))).toEqual([]);
  });

  test("needs every exception", async () => {
    const all = await plans();
    const unneeded = (exceptions: Exception[], is: (step: string) => boolean) =>
      exceptions.filter(([statement]) => !all.some(({ sql, steps }) => statement.test(sql) && steps.some(is)));
    expect([...unneeded(boundedScans, isScan), ...unneeded(boundedSorts, isSort)]).toEqual([]);
    const steps = all.flatMap((plan) => plan.steps);
    expect(mayBeScanned.filter((allowed) => !steps.some((step) => allowed.test(step)))).toEqual([]);
  });
});
