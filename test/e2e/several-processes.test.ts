import { afterEach, expect } from "bun:test";
import type { CommandPage } from "../../src/commands/schema.ts";
import { makeDurable } from "../edge/sqld.ts";
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
import { Fleet } from "./fleet.ts";
import { faultsOf, readAll } from "./fleet-faults.ts";
import {
  type Answer,
  Balancer,
  endDatabases,
  noSqld,
  sharedEnvironment,
  startDatabase,
  startFerries,
} from "./several.ts";

/* Three processes over one libSQL server, which all may die at any time. */

afterEach(async () => {
  await endAll();
  await endDatabases();
});
const test = testUnless(noSqld);

const FERRIES = 3;
const AGENTS = 200;
/** Longer than any call to the database lasts. */
const SILENT_DATABASE_MS = 12_000;
const SILENT_FERRY_MS = 6_000;
const QUIET_MS = 5_000;
/** For all that and what is left to do then. */
const LOAD_MS = 100_000;
const TAKEN_OVER_MS = 15_000;
const OTHER_KEY = "08".repeat(32);
const CALLERS = 60;
/** Five seconds for requests under way, and room for a busy machine. */
const STOP_MS = 6_000;
/** A request has arrived after this long. */
const ARRIVED_MS = 200;

test("killed and stopped in mid-load, nothing acknowledged is lost and nothing is delivered twice unmarked", async () => {
  const database = await startDatabase();
  const ferries = await startFerries(FERRIES, database.url);
  const [first, second, third] = ferries as [Ferry, Ferry, Ferry];
  const balancer = new Balancer(ferries);
  const fleet = new Fleet(balancer, await registerMany(balancer, AGENTS));
  const faults: [name: string, fault: () => Promise<unknown>][] = [
    ["no fault", async () => {}],
    [
      "kill -9 of a ferry",
      async () => {
        await second.kill();
        await Bun.sleep(QUIET_MS);
        await second.start();
      },
    ],
    [
      "kill -9 of sqld",
      async () => {
        await database.kill();
        await Bun.sleep(1_000);
        await database.start();
        await makeDurable(database);
      },
    ],
    ["a silent ferry", () => silent(third, SILENT_FERRY_MS)],
    [
      "a silent sqld",
      async () => {
        database.pause();
        await Bun.sleep(SILENT_DATABASE_MS);
        database.resume();
      },
    ],
  ];
  const gaps: string[] = [];
  const makeTrouble = async () => {
    for (const [name, fault] of faults) {
      const at = performance.now();
      await fault();
      await Bun.sleep(QUIET_MS);
      gaps.push(`${name} ${balancer.longestGapMs(at, performance.now())}`);
    }
    fleet.finish();
  };
  const startedAt = performance.now();
  try {
    // Whoever fails first ends the waiting for the others.
    await Promise.race([Promise.all([fleet.run(), makeTrouble()]), Bun.sleep(LOAD_MS)]);
  } finally {
    balancer.end();
    const { requests, retries, outcomes } = balancer;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(
      `${FERRIES} processes, ${AGENTS} agents, ${seconds} s: ${fleet.rounds} rounds, ${fleet.orders.length} orders, ${fleet.acknowledged} reports acknowledged; ${requests} requests, ${retries} retries, by outcome ${JSON.stringify(outcomes)}; longest ms without a good answer: ${gaps.join(", ")}; log lines ${ferries.map(logLines).join(" ")}`,
    );
  }
  expect({ unexpected: fleet.unexpected, misshapen: balancer.misshapen }).toEqual({ unexpected: [], misshapen: [] });
  expect(fleet.isDone).toBe(true);

  await waitUntil(async () => (await countOpen(first)) === 0, "all commands to end", 20_000);
  expect(faultsOf(fleet, await readAll(third))).toEqual({});
  // More than one round: with less this was no load.
  expect(fleet.acknowledged).toBeGreaterThan(AGENTS);
  expect(await Promise.all(ferries.map((ferry) => ferry.stop()))).toEqual(ferries.map(() => 0));
});

for (const { title, harm, heal } of [
  { title: "dies", harm: (ferry: Ferry) => ferry.kill(), heal: (ferry: Ferry) => ferry.start() },
  {
    title: "stands still",
    harm: async (ferry: Ferry) => void process.kill(ferry.pid, "SIGSTOP"),
    heal: async (ferry: Ferry) => void process.kill(ferry.pid, "SIGCONT"),
  },
]) {
  test(`whichever process ${title}, deadlines are kept by another one within seconds, and once`, async () => {
    const database = await startDatabase();
    const ferries = await startFerries(FERRIES, database.url);
    // Only that hands on what one process does for all: once it has come to each, it has come to the one that did it.
    for (const [place, victim] of ferries.entries()) {
      const other = ferries[(place + 1) % FERRIES] as Ferry;
      const source_id = await other.registerSource(`web-${place}`);
      const overdue = await other.queue(source_id, { command_name: "START", finish_within_s: 1 });
      const undelivered = await other.queue(source_id, { command_name: "UPLOAD_LOG", deliver_by: Date.now() + 1_500 });
      expect((await other.poll(source_id)).attempt).toBe(1);
      await harm(victim);
      const harmedAt = Date.now();
      const areOver = async () => {
        const commands = await Promise.all([overdue, undelivered].map(({ id }) => other.command(id)));
        return commands.every(({ ended_at }) => ended_at !== null);
      };
      await waitUntil(areOver, "the deadlines to be kept", TAKEN_OVER_MS, 200);
      console.log(`deadlines kept ${Date.now() - harmedAt} ms after process ${place + 1} ${title}`);
      await heal(victim);
      // What it has slept through it may try to do now.
      await Bun.sleep(1_500);
      const { items } = await other.ask<{ items: { type: string; command_id: string }[] }>(
        "GET",
        `/operate/v1/events?source_id=${source_id}`,
      );
      const ends = items.filter(({ type }) => /overdue|undelivered/.test(type));
      expect(ends.map(({ type, command_id }) => [type, command_id]).toSorted()).toEqual([
        ["command.overdue", overdue.id],
        ["command.undelivered", undelivered.id],
      ]);
    }
  });
}

test("a process with another master key, or none, refuses to start and says why", async () => {
  const database = await startDatabase();
  const ferry = await Ferry.start({ env: sharedEnvironment(database.url) });
  const source_id = await ferry.registerSource();
  const { FERRY_MASTER_KEY, ...keyless } = sharedEnvironment(database.url);
  for (const [env, code, message] of [
    [sharedEnvironment(database.url, OTHER_KEY), 1, /^ferry: .*another master key.*FERRY_MASTER_KEY.*\n$/m],
    [keyless, 2, /^ferry: FERRY_MASTER_KEY must be set where the database is on a libSQL server.*\n$/m],
  ] as const) {
    const folder = temporaryFolder();
    const refused = await run([executable, "serve", "--listen", "127.0.0.1:0"], {
      cwd: folder.home,
      env: cleanEnvironment(folder.path, env),
    });
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code, stdout: "" });
    expect(refused.stderr).toMatch(message);
    expect(refused.stderr).not.toContain(OTHER_KEY);
  }
  expect((await ferry.call("GET", `/v3/sources/${source_id}`)).status).toBe(200);
});

test("of processes that come to an empty database at once with different keys, one starts", async () => {
  const database = await startDatabase();
  const starts = await Promise.allSettled(
    ["07", "08", "09"].map((byte) => Ferry.start({ env: sharedEnvironment(database.url, byte.repeat(32)) })),
  );
  const refusals = starts.flatMap((start) => (start.status === "rejected" ? String(start.reason) : []));
  expect(refusals.map((refusal) => /another master key/.test(refusal))).toEqual([true, true]);
  const [started] = starts.flatMap((start) => (start.status === "fulfilled" ? start.value : []));
  expect((await started?.call("GET", "/v3/sources"))?.status).toBe(200);
});

test("SIGTERM under load finishes what has begun, within seconds", async () => {
  const database = await startDatabase();
  const ferries = await startFerries(2, database.url);
  const [leaving, staying] = ferries as [Ferry, Ferry];
  const balancer = new Balancer([leaving]);
  const sources = await registerMany(new Balancer([staying]), CALLERS);
  const answered: { mark: string; at: number; outcome: Answer }[] = [];
  const report = async (source_id: string, place: number) => {
    for (let round = 0; ; round += 1) {
      const [mark, at] = [`${place}-${round}`, performance.now()];
      const body = { command_name: "START", result: "success", result_detail: { mark } };
      const outcome = await balancer.once(leaving, "POST", `/v3/sources/${source_id}/command_result`, body);
      answered.push({ mark, at, outcome });
      if (outcome.status === 0) return;
    }
  };
  const all = Promise.all(sources.map(report));
  await waitUntil(() => answered.length > 3 * CALLERS, "the load to be on", 30_000);
  const stoppedAt = performance.now();
  expect(await leaving.stop()).toBe(0);
  const tookMs = performance.now() - stoppedAt;
  await all;

  console.log(`stopped under load in ${Math.round(tookMs)} ms: ${JSON.stringify(balancer.outcomes)}`);
  expect(tookMs).toBeLessThan(STOP_MS);
  expect(balancer.misshapen).toEqual([]);
  // What was sent well before the signal had begun, and what has begun is answered.
  const begun = answered.filter(({ at }) => at < stoppedAt - ARRIVED_MS);
  expect(begun.filter(({ outcome }) => outcome.status === 0)).toEqual([]);
  const stored = (await staying.results()).map(({ result_detail }) => (result_detail as { mark: string }).mark);
  expect(stored.length).toBe(new Set(stored).size);
  const acknowledged = answered.filter(({ outcome }) => outcome.status === 200).map(({ mark }) => mark);
  expect(acknowledged.filter((mark) => !stored.includes(mark))).toEqual([]);
});

async function registerMany(balancer: Balancer, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, place) => `web-${place}`);
  const sources: string[] = [];
  const register = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      sources.push(await balancer.next().registerSource(name));
  };
  await Promise.all(Array.from({ length: 8 }, register));
  return sources;
}

/** The process stands still, as a machine that swaps or moves. */
async function silent(ferry: Ferry, ms: number): Promise<void> {
  process.kill(ferry.pid, "SIGSTOP");
  await Bun.sleep(ms);
  process.kill(ferry.pid, "SIGCONT");
}

function logLines(ferry: Ferry): number {
  return ferry.printed.stderr.split("\n").length - 1;
}

async function countOpen(ferry: Ferry): Promise<number> {
  const pages = ["queued", "delivered"].map((state) =>
    ferry.ask<CommandPage>("GET", `/operate/v1/commands?state=${state}`),
  );
  return (await Promise.all(pages)).reduce((sum, { items }) => sum + items.length, 0);
}
