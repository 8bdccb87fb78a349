import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { bindTo, residentBytes } from "./processes.ts";
import { measureRound, type Round, type RoundOptions } from "./round.ts";
import type { Run } from "./run.ts";
import { measureStorage } from "./storage.ts";
import { type Running, type Subject, type Work, works } from "./subject.ts";
import { ferryFile } from "./subjects/ferry-file.ts";
import { ferrySqld } from "./subjects/ferry-sqld.ts";
import { subjects } from "./subjects.ts";
import { roundsTable, storageTable, waitingTable } from "./table.ts";
import { measureWaiting, type Waiting } from "./waiting.ts";

/* npm run bench: every subject in turn, round by round, so that what changes on the machine meets all of them. */

const USAGE = `npm run bench [-- OPTIONS]
  --quick           a minute or two instead of five: fewer and shorter rounds
  --only TEXT       subjects whose name contains it, and neither storage nor waiting polls
  --cores LIST      cores of the servers (default 0); the generator has the last core
  --connections N   kept open by the generator (default 64)
  --json FILE       results (default .cache/bench.json)`;

const full = {
  rounds: 5,
  warmUpMs: 500,
  measureMs: 3_000,
  storage: { passes: 1, sources: 8_000 },
  waiting: { file: 5_000, sqld: 1_000 },
};
const quickly: typeof full = {
  rounds: 3,
  warmUpMs: 300,
  measureMs: 1_000,
  storage: { passes: 1, sources: 1_000 },
  waiting: { file: 1_000, sqld: 200 },
};

/** Before anything is bound: afterwards fewer are to be had. */
const lastCore = availableParallelism() - 1;
const { quick, only, cores, connections, json, isBound } = readOptions();
const plan = quick ? quickly : full;
if (!isBound) console.error("Servers and generator share all cores: taskset and a second core are not here.");
const roundOptions: RoundOptions = { ...plan, connections, generatorCores: isBound ? String(lastCore) : undefined };

const folder = mkdtempSync(join(tmpdir(), "ferry-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

/** By subject: why it had no further rounds. */
const failures: Record<string, string> = {};

try {
  const started = await startAll(subjects.filter(({ name }) => name.includes(only)));
  const results = await measureAll(started);
  const memory = Object.fromEntries(
    started
      .filter(({ subject }) => !(subject.name in failures))
      .map(({ subject, running }) => [subject.name, memoryOf(running)]),
  );
  await Promise.all(started.map(({ running }) => running.stop()));
  console.log(roundsTable(results));
  for (const { name, about } of started.map(({ subject }) => subject)) console.log(`* ${name}: ${about}`);
  const extras = only === "" ? await measureExtras() : {};
  const run: Run = {
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model ?? "", cores: lastCore + 1, linux: release(), bun: Bun.version },
    settings: { cores: isBound ? cores : null, connections, ...plan },
    results,
    memory,
    failures,
    ...extras,
  };
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(run, undefined, 2)}\n`);
  console.log(`\nAll rounds, and the machine: ${json}`);
  process.exit(Object.keys(failures).length > 0 ? 1 : 0);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

interface Up {
  subject: Subject;
  running: Running;
}

async function startAll(wanted: readonly Subject[]): Promise<Up[]> {
  const started: Up[] = [];
  for (const subject of wanted) {
    say(`starting ${subject.name}`);
    const running = await subject.start(newFolder());
    if (running) started.push({ subject, running });
  }
  if (started.length === 0) throw new Error(`no subject: there are ${subjects.map(({ name }) => name).join("; ")}`);
  return started;
}

/** Rounds of each subject and work, by name. One that fails has no further rounds; the others go on. */
async function measureAll(started: readonly Up[]): Promise<Record<string, Record<Work, Round[]>>> {
  const measured = new Map(
    started.map(({ subject }) => [subject.name, { poll: [] as Round[], report: [] as Round[] }]),
  );
  for (let turn = 1; turn <= plan.rounds; turn += 1) {
    for (const work of works) {
      for (const { subject, running } of started) {
        if (subject.name in failures) continue;
        say(`round ${turn} of ${plan.rounds}: ${work}, ${subject.name}`);
        await oneRound(running, work).then(
          (one) => measured.get(subject.name)?.[work].push(one),
          (error) => fail(subject.name, error),
        );
      }
    }
  }
  say("");
  return Object.fromEntries(measured);
}

async function oneRound(running: Running, work: Work): Promise<Round> {
  const one = await measureRound(running, await running.load(work), roundOptions);
  await running.done?.(work, one);
  return one;
}

function fail(name: string, error: unknown): void {
  failures[name] = error instanceof Error ? error.message : String(error);
  console.error(`\n${name} FAILED: ${failures[name]}`);
}

async function measureExtras() {
  say("filling a file");
  const { passes, sources } = plan.storage;
  const storage = await measureStorage(newFolder(), passes, sources, roundOptions);
  console.log(`\n### storage\n\n${storageTable(storage)}`);
  const waiting = {
    "ferry, file": await waitingOn(ferryFile, plan.waiting.file),
    "one ferry, sqld": await waitingOn(ferrySqld(1, "strong"), plan.waiting.sqld),
  };
  console.log(`\n### polls that wait\n\n${waitingTable(waiting)}`);
  return { storage, waiting };
}

async function waitingOn(subject: Subject, agents: number): Promise<Waiting | undefined> {
  say(`${agents} polls that wait: ${subject.name}`);
  const running = await subject.start(newFolder());
  if (!running?.ids) return undefined;
  try {
    return await measureWaiting(running, running.ids.slice(0, agents));
  } finally {
    await running.stop();
  }
}

function memoryOf({ pids }: Running): Run["memory"][string] {
  return { server: residentBytes(pids.server), database: residentBytes(pids.database) };
}

function newFolder(): string {
  return mkdtempSync(join(folder, "subject-"));
}

/** One line that is written over, where somebody looks. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== "") console.error(text);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        only: { type: "string", default: "" },
        cores: { type: "string", default: "0" },
        connections: { type: "string", default: "64" },
        json: { type: "string", default: join(import.meta.dir, "..", ".cache", "bench.json") },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const connections = Number(values.connections);
    if (!Number.isInteger(connections) || connections < 1) throw new Error("--connections takes a number from 1");
    return { ...values, connections, isBound: lastCore > 0 && bindTo(values.cores) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}
