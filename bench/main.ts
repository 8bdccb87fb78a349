import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { loneTable, measureLone } from "./lone.ts";
import { type Bench, type Plan, plans } from "./plan.ts";
import { bindTo, residentBytes } from "./processes.ts";
import type { RoundOptions } from "./round.ts";
import type { Run } from "./run.ts";
import { type Section, sections } from "./sections.ts";
import { type Running, type Subject, works } from "./subject.ts";
import { subjects } from "./subjects.ts";
import { roundsTable } from "./table.ts";
import { startAll, stopAll, takeTurns } from "./turns.ts";
import { goalsTable } from "./verdicts.ts";

/* npm run bench: the subjects beside each other, then one measurement after the other, then the goals. */

const USAGE = `npm run bench [-- OPTIONS]
  --quick           a minute or two instead of five: fewer and shorter rounds, smaller databases
  --full            half an hour and more: longer rounds, all subjects, ten million rows (20 GB under TMPDIR)
  --only TEXT       subjects and measurements whose name contains it
  --add             puts what is measured into the results that are there, instead of beginning new ones
  --cores LIST      cores of the servers (default 0); the generator has the last core
  --connections N   kept open by the generator (default 64)
  --json FILE       results (default .cache/bench.json)`;

/** Before anything is bound: afterwards fewer are to be had. */
const lastCore = availableParallelism() - 1;
const { quick, full, only, add, cores, connections, json, isBound } = readOptions();
const plan: Plan = quick ? plans.quick : full ? plans.full : plans.plain;
if (!isBound) console.error("Servers and generator share all cores: taskset and a second core are not here.");
const options: RoundOptions = {
  connections,
  warmUpMs: plan.warmUpMs,
  measureMs: plan.measureMs,
  generatorCores: isBound ? String(lastCore) : undefined,
};

const root = mkdtempSync(join(tmpdir(), "ferry-bench-"));
process.once("exit", () => rmSync(root, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const run: Run = add ? (JSON.parse(readFileSync(json, "utf8")) as Run) : newRun();
const isWanted = ({ name, onlyFull }: Pick<Subject | Section, "name"> & { onlyFull?: boolean }) =>
  name.includes(only) && (full || !onlyFull || only !== "");
const wanted = { subjects: subjects.filter(isWanted), sections: sections.filter(isWanted) };
if (wanted.subjects.length + wanted.sections.length === 0) {
  const names = [...subjects, ...sections].map(({ name }) => name);
  console.error(`nothing has "${only}" in its name; there are ${names.join("; ")}`);
  process.exit(2);
}

/** What failed in this run, not in one that it is added to. */
let failures = 0;
if (wanted.subjects.length > 0) await guarded("subjects", measureSubjects);
for (const section of wanted.sections) {
  await guarded(section.name, async (bench) => {
    const found = await section.measure(bench);
    Object.assign(run, found);
    const table = section.table(found);
    bench.say("");
    console.log(`\n### ${section.name}\n\n${table ?? "left out"}`);
  });
}
console.log(`\n### goals\n\n${goalsTable(run)}\n\nAll rounds, and the machine: ${json}`);
for (const [name, reason] of Object.entries(run.failures)) console.log(`FAILED: ${name}: ${reason.split("\n", 1)[0]}`);
process.exit(failures > 0 ? 1 : 0);

/** One measurement: whatever becomes of it, its folders go, what there is is written, and the next one follows. */
async function guarded(name: string, measure: (bench: Bench) => Promise<void>): Promise<void> {
  const folders: string[] = [];
  const folder = () => {
    const made = mkdtempSync(join(root, "of-"));
    folders.push(made);
    return made;
  };
  for (const known of Object.keys(run.failures)) if (known.startsWith(name)) delete run.failures[known];
  const fail = (part: string, error: unknown) => {
    failures += 1;
    const reason = error instanceof Error ? error.message : String(error);
    run.failures[part === "" ? name : `${name}: ${part}`] = reason;
    console.error(`\n${name} ${part} FAILED: ${reason}`);
  };
  say(name);
  try {
    await measure({ plan, options, folder, say: (text) => say(text && `${name}: ${text}`), fail });
  } catch (error) {
    fail("", error);
  }
  say("");
  for (const one of folders) rmSync(one, { recursive: true, force: true });
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(run, undefined, 2)}\n`);
}

async function measureSubjects(bench: Bench): Promise<void> {
  const started = await startAll(bench, wanted.subjects);
  try {
    const results = { ...run.results, ...(await takeTurns(bench, started, works, plan.rounds, options)) };
    const known = subjects.filter(({ name }) => name in results);
    run.results = Object.fromEntries(known.map(({ name }) => [name, results[name] ?? { poll: [], report: [] }]));
    for (const { subject, running } of started) {
      run.about[subject.name] = subject.about;
      const memory = memoryOf(running);
      if (memory) run.memory[subject.name] = memory;
    }
    bench.say("");
    console.log(roundsTable(run.results));
    for (const [name, about] of Object.entries(run.about)) console.log(`* ${name}: ${about}`);
    const lone = await measureLone(bench, started);
    if (Object.keys(lone).length === 0) return;
    run.lone = { ...run.lone, ...lone };
    bench.say("");
    console.log(`\n### one agent alone\n\n${loneTable(lone)}`);
  } finally {
    await stopAll(started);
  }
}

/** Undefined for one that is not there any more. */
function memoryOf({ pids }: Running): Run["memory"][string] | undefined {
  try {
    return { server: residentBytes(pids.server), database: residentBytes(pids.database) };
  } catch {
    return undefined;
  }
}

function newRun(): Run {
  return {
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model ?? "", cores: lastCore + 1, linux: release(), bun: Bun.version },
    settings: {
      cores: isBound ? cores : null,
      connections,
      rounds: plan.rounds,
      warmUpMs: plan.warmUpMs,
      measureMs: plan.measureMs,
    },
    results: {},
    about: {},
    memory: {},
    failures: {},
  };
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
        full: { type: "boolean", default: false },
        only: { type: "string", default: "" },
        add: { type: "boolean", default: false },
        cores: { type: "string", default: "0" },
        connections: { type: "string", default: "64" },
        json: { type: "string", default: join(import.meta.dir, "..", ".cache", "bench.json") },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    if (values.quick && values.full) throw new Error("--quick or --full, not both");
    const connections = Number(values.connections);
    if (!Number.isInteger(connections) || connections < 1) throw new Error("--connections takes a number from 1");
    return { ...values, connections, isBound: lastCore > 0 && bindTo(values.cores) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}
