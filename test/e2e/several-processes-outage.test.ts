import { afterEach, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandPage, Result } from "../../src/commands/schema.ts";
import { freeAddress, type Sqld } from "../edge/sqld.ts";
import {
  cleanEnvironment,
  endAll,
  executable,
  Ferry,
  run,
  temporaryFolder,
  testUnless,
  waitUntil,
} from "./executable.ts";
import { type Loss, LossyLine } from "./lossy-line.ts";
import {
  type Answer,
  Balancer,
  endDatabases,
  isDocumented,
  noSqld,
  sharedEnvironment,
  startDatabase,
  startDatabaseOn,
} from "./several.ts";

/* A libSQL server that is not there, says nothing, loses what it says, or has no room. */

const test = testUnless(noSqld);
const lines: LossyLine[] = [];
const smallDisks: string[] = [];
afterEach(async () => {
  // Lazily: whatever still runs there is ended next.
  for (const folder of smallDisks.splice(0)) Bun.spawnSync(["umount", "--lazy", folder]);
  await endAll();
  for (const line of lines.splice(0)) line.close();
  await endDatabases();
});

const CALLERS = 30;
const LINES = 3;
/** A stop gives requests 5 s, and then what is on the way to the database its own time. */
const STOP_MS = 20_000;
const OUTAGE_MS = 20_000;
/** What the service may take to answer that it cannot, whatever the database does. */
const ANSWER_MS = 20_000;
const HEAL_MS = 10_000;
const GROWTH_MIB = 60;

test("a start waits for its database, and ends after a while with a line that says so", async () => {
  const database = await startDatabase();
  await database.kill();
  const starting = Ferry.start({ env: sharedEnvironment(database.url) });
  const folder = temporaryFolder();
  const ending = run([executable, "serve", "--listen", "127.0.0.1:0"], {
    cwd: folder.home,
    env: cleanEnvironment(folder.path, sharedEnvironment(`http://${freeAddress()}?authToken=hidden`)),
  });
  await Bun.sleep(1_500);
  await database.start();
  expect((await (await starting).call("GET", "/v3/sources")).status).toBe(200);

  const { code, stdout, stderr } = await ending;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(
    /^\{.*the database server does not answer yet.*\nferry: the database of --database-url cannot be used: .*\n$/m,
  );
  expect(stderr).not.toContain("hidden");
});

for (const { title, away, back } of [
  { title: "gone", away: (database: Sqld) => database.kill(), back: (database: Sqld) => database.start() },
  { title: "silent", away: (database: Sqld) => database.pause(), back: (database: Sqld) => database.resume() },
]) {
  test(`while its database is ${title} every call is told so in time, and it heals by itself`, async () => {
    const database = await startDatabase();
    const ferry = await Ferry.start({ env: sharedEnvironment(database.url) });
    const balancer = new Balancer([ferry]);
    const sources = await registerEach(ferry, CALLERS);
    for (const source_id of sources) await ferry.poll(source_id);

    let isOver = false;
    let slowestMs = 0;
    const work = async (source_id: string, place: number) => {
      const [method, path, body] = kindsOfCalls(source_id)[place % 3] ?? ["GET", "/v3/sources"];
      while (!isOver) {
        const startedAt = performance.now();
        await balancer.once(ferry, method, path, body);
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
        await Bun.sleep(300);
      }
    };
    const all = Promise.all(sources.map(work));
    await Bun.sleep(1_000);
    const before = { memory: memoryMiB(ferry), lines: logLines(ferry), outcomes: { ...balancer.outcomes } };
    expect(Object.keys(before.outcomes).toSorted()).toEqual(["200", "201"]);

    await away(database);
    const awayAt = performance.now();
    const unready = await new Balancer([ferry]).once(ferry, "GET", "/readyz");
    const unreadyMs = performance.now() - awayAt;
    const health = await ferry.call("GET", "/healthz", undefined, { key: null });
    await Bun.sleep(OUTAGE_MS - (performance.now() - awayAt));
    const during = { memory: memoryMiB(ferry), lines: logLines(ferry) };
    await back(database);
    const backAt = performance.now();
    await waitUntil(() => isReady(ferry), "it to heal", HEAL_MS);
    const healedMs = performance.now() - backAt;
    isOver = true;
    await all;

    const refused = balancer.outcomes["500"] ?? 0;
    const logged = during.lines - before.lines;
    console.log(
      `database ${title} for ${OUTAGE_MS / 1000} s: ${JSON.stringify(balancer.outcomes)}, slowest answer ${Math.round(slowestMs)} ms, not ready after ${Math.round(unreadyMs)} ms, healed after ${Math.round(healedMs)} ms, ${logged} log lines, memory ${before.memory} to ${during.memory} MiB`,
    );
    expect({ healthz: health.status, readyz: unready.status, isDocumented: isDocumented(unready) }).toEqual({
      healthz: 200,
      readyz: 500,
      isDocumented: true,
    });
    expect(unreadyMs).toBeLessThan(ANSWER_MS);
    expect(Object.keys(balancer.outcomes).toSorted()).toEqual(["200", "201", "500"]);
    expect(balancer.misshapen).toEqual([]);
    expect(slowestMs).toBeLessThan(ANSWER_MS);
    expect(during.memory - before.memory).toBeLessThan(GROWTH_MIB);
    expect(logged).toBeGreaterThan(0);
    // What is wrong is one thing, however many ask.
    expect(logged).toBeLessThan(Math.max(100, refused / 4));
    for (const source_id of sources) expect((await ferry.call("GET", `/v3/sources/${source_id}`)).status).toBe(200);
    expect(await ferry.stop()).toBe(0);
  });
}

test("a stop does not wait long for a database that says nothing", async () => {
  const database = await startDatabase();
  const ferry = await Ferry.start({ env: sharedEnvironment(database.url) });
  const balancer = new Balancer([ferry]);
  const sources = await registerEach(ferry, CALLERS);
  const work = async (source_id: string) => {
    while ((await balancer.once(ferry, ...orderOf(source_id))).status !== 0);
  };
  const all = Promise.all(sources.map(work));
  await Bun.sleep(1_000);
  database.pause();
  await Bun.sleep(1_000);
  const stoppedAt = performance.now();
  const exit = ferry.stop();
  const code = await Promise.race([exit, Bun.sleep(STOP_MS).then(() => "still running")]);
  const tookMs = performance.now() - stoppedAt;
  database.resume();
  await exit;
  await all;
  console.log(`stopped over a silent database in ${Math.round(tookMs)} ms`);
  expect(code).toBe(0);
});

test("whichever call to the database is lost, or its answer: tried again, it has happened once", async () => {
  const database = await startDatabase();
  // What is lost within a transaction holds up the writers for seconds: several wait better together.
  const losses = await Promise.all(Array.from({ length: LINES }, (_, first) => loseInTurn(database, first)));
  const all = losses.flat();
  console.log(
    `${all.length} losses: ${all.filter(({ kind }) => kind === "call").length} calls, ${all.filter(({ retries }) => retries > 0).length} that a caller had to try again for`,
  );
  expect(all.length).toBeGreaterThan(6);
  expect(all.flatMap(({ faults }) => faults)).toEqual([]);
});

test("an answer of the database that nobody understands: what went out together does not go out again", async () => {
  const database = await startDatabase();
  const line = await LossyLine.to(database.url);
  lines.push(line);
  const ferry = await Ferry.start({ env: sharedEnvironment(line.url) });
  const balancer = new Balancer([ferry]);
  const sources = await registerEach(ferry, CALLERS);
  for (const source_id of sources) await ferry.poll(source_id);
  line.lose("sense", (_, text) => text.split("together-").length > 2);
  const sent = sources.map(async (source_id, place) => {
    const mark = `together-${place}`;
    const body = { command_name: "START", result: "success", result_detail: { mark } };
    return { mark, ...(await balancer.once(ferry, "POST", `/v3/sources/${source_id}/command_result`, body)) };
  });
  const answers = await Promise.all(sent);
  expect(line.hasLost).toBe(true);
  const stored = Map.groupBy(await ferry.results(), markOf);
  const copies = (mark: string) => stored.get(mark)?.length ?? 0;
  console.log(
    `${CALLERS} reports, one answer without sense: ${JSON.stringify(balancer.outcomes)}, ${stored.size} stored`,
  );
  expect(answers.filter(({ mark }) => copies(mark) > 1).map(({ mark }) => mark)).toEqual([]);
  expect(answers.filter(({ mark, status }) => status === 200 && copies(mark) === 0)).toEqual([]);
  expect(balancer.misshapen).toEqual([]);
});

test("a database without room refuses what it cannot store, goes on reading, and heals", async () => {
  const database = await startOnSmallDisk();
  if (!database) return;
  const { sqld, folder } = database;
  const ferry = await Ferry.start({ env: sharedEnvironment(sqld.url) });
  const balancer = new Balancer([ferry]);
  const source_id = await ferry.registerSource();
  const acknowledged: string[] = [];
  const report = async (mark: string): Promise<Answer> => {
    const body = { command_name: "START", result: "success", result_detail: { mark, filler: "x".repeat(50_000) } };
    const outcome = await balancer.once(ferry, "POST", `/v3/sources/${source_id}/command_result`, body);
    if (outcome.status === 200) acknowledged.push(mark);
    return outcome;
  };
  expect((await report("before")).status).toBe(200);

  const ballast = join(folder, "ballast");
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(ballast, Buffer.alloc(Number(bavail) * Number(bsize)));
  let outcome: Answer = await report("full-0");
  for (let place = 1; place < 200 && outcome.status === 200; place += 1) outcome = await report(`full-${place}`);
  console.log(`without room: ${JSON.stringify({ ...outcome, headers: undefined })}`);
  expect(outcome.status).toBe(500);
  expect((await balancer.once(ferry, ...orderOf(source_id))).status).toBe(500);
  expect(balancer.misshapen).toEqual([]);
  const marks = async () => (await ferry.results()).map(markOf).toReversed();
  expect(await marks()).toEqual(acknowledged);
  expect(await isReady(ferry)).toBe(false);

  rmSync(ballast);
  await waitUntil(() => isReady(ferry), "writes to go through again", HEAL_MS);
  expect((await report("room")).status).toBe(200);
  expect(await marks()).toEqual(acknowledged);

  // What was acknowledged is on its disk, too.
  await sqld.kill();
  await sqld.start();
  await waitUntil(() => isReady(ferry), "the database to be back", HEAL_MS);
  expect(await marks()).toEqual(acknowledged);
});

/** Loses every so manieth call of a command's whole life, one a command, from the `first` on; then their answers. */
async function loseInTurn(database: Sqld, first: number) {
  const line = await LossyLine.to(database.url);
  lines.push(line);
  const ferry = await Ferry.start({ env: sharedEnvironment(line.url) });
  const balancer = new Balancer([ferry]);
  const source_id = await ferry.registerSource();
  const losses: { kind: Loss; retries: number; faults: string[] }[] = [];
  for (const kind of ["answer", "call"] as const) {
    for (let at = first; ; at += LINES) {
      const { retries } = balancer;
      const mark = `${kind} ${at} lost`;
      line.lose(kind, (place) => place === at);
      const seen = await oneCommand(balancer, source_id, mark);
      line.mend();
      const faults = await faultsOf(ferry, source_id, mark, seen);
      if (!line.hasLost) break;
      losses.push({ kind, retries: balancer.retries - retries, faults: [...faults, ...balancer.misshapen.splice(0)] });
    }
  }
  return losses;
}

/** Ordered, fetched, reported, and asked for again, each until it is answered. */
async function oneCommand(balancer: Balancer, source_id: string, mark: string) {
  const order = { command_name: "START", idempotency_key: mark };
  const { json: ordered } = await balancer.call("POST", `/operate/v1/sources/${source_id}/commands`, order);
  const offer = await balancer.call("GET", `/v3/sources/${source_id}/command`);
  let sent = 0;
  const tried = () => {
    sent += 1;
  };
  const body = { command_name: "START", result: "success", result_detail: { mark } };
  await balancer.call("POST", `/v3/sources/${source_id}/command_result`, body, { tried });
  const after = await balancer.call("GET", `/v3/sources/${source_id}/command`);
  const id = (answer: Answer) => answer.headers.get("x-command-id");
  return { ordered: String(ordered.id), offered: id(offer), offeredAfterwards: id(after), sent };
}

/** What is wrong with a command that was seen so. */
async function faultsOf(
  ferry: Ferry,
  source_id: string,
  mark: string,
  { ordered, offered, offeredAfterwards, sent }: Awaited<ReturnType<typeof oneCommand>>,
): Promise<string[]> {
  const { items } = await ferry.ask<CommandPage>("GET", `/operate/v1/commands?source_id=${source_id}&limit=1000`);
  const made = items.filter(({ idempotency_key }) => idempotency_key === mark);
  const stored = (await ferry.results(`?source_id=${source_id}`)).filter((result) => markOf(result) === mark);
  const events = await ferry.ask<{ items: { type: string }[] }>("GET", `/operate/v1/events?command_id=${ordered}`);
  const types = events.items.map(({ type }) => type).toSorted();
  const demands: Record<string, boolean> = {
    "one command came of it, and succeeded": made.length === 1 && made[0]?.state === "succeeded",
    "it was offered": offered === ordered,
    "it is not offered after its report": offeredAfterwards === null,
    [`${sent} sent, ${stored.length} stored`]: stored.length >= 1 && stored.length <= sent,
    "one report matched": stored.filter(({ kind }) => kind === "matched").length === 1,
    "all are its own": stored.every(({ command_id }) => command_id === ordered),
    [`its events are ${types}`]:
      types.join() === ["command.delivered", "command.queued", ...stored.map(() => "command.reported")].join(),
  };
  return Object.entries(demands)
    .filter(([, holds]) => !holds)
    .map(([demand]) => `${mark}: not so: ${demand}`);
}

/** A database on a file system of a few MiB; undefined, said aloud, where none can be mounted. */
async function startOnSmallDisk(): Promise<{ sqld: Sqld; folder: string } | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "ferry-small-"));
  const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", folder]);
  if (!mount.success) {
    console.warn(`skipped: mounting is not permitted here: ${mount.stderr.toString().trim()}`);
    rmSync(folder, { recursive: true });
    return undefined;
  }
  smallDisks.push(folder);
  return { sqld: await startDatabaseOn(folder), folder };
}

async function isReady(ferry: Ferry): Promise<boolean> {
  return (await ferry.call("GET", "/readyz", undefined, { key: null })).status === 200;
}

function registerEach(ferry: Ferry, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, place) => ferry.registerSource(`web-${place}`)));
}

type Call = [method: string, path: string, body?: object];

function orderOf(source_id: string): Call {
  return ["POST", `/operate/v1/sources/${source_id}/commands`, { command_name: "UPLOAD_LOG" }];
}

function kindsOfCalls(source_id: string): Call[] {
  const report = { command_name: "START", result: "success", result_detail: {} };
  return [
    orderOf(source_id),
    ["POST", `/v3/sources/${source_id}/command_result`, report],
    ["GET", `/v3/sources/${source_id}/command`],
  ];
}

function markOf({ result_detail }: Result): string {
  return (result_detail as { mark: string }).mark;
}

function logLines(ferry: Ferry): number {
  return ferry.printed.stderr.split("\n").length - 1;
}

function memoryMiB(ferry: Ferry): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${ferry.pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kib) / 1024);
}
