import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fillMarked } from "./marked.ts";
import { BARE, FERRY, SQLD } from "./names.ts";
import { middle, type Round } from "./round.ts";
import type { Run } from "./run.ts";
import type { Work } from "./subject.ts";
import { amount, busyNote, machineLine, markdown, roundsTable, storageTable, whole } from "./table.ts";
import { type Waiting, waitingTable } from "./waiting.ts";

/*
 * bun bench/scale.ts [--agents N] [--json FILE]: puts the figures of a run into docs/scale.md, and what follows from
 * them. The formulae stand there in words and here in code, and nowhere else.
 */

const DAY_S = 86_400;
/** A process that is half busy has room for the peaks. */
const HALF = 0.5;
const INTERVALS_S = [5, 15, 60];
const LONG_POLL_S = 55;
const FLEETS = [1_000, 10_000, 100_000];
const COMMANDS_A_DAY = [1, 10, 100];
/** Presence is written when it is so old, in statements of so many sources. */
const PRESENCE_S = { file: 30, sqld: 15 };
const PRESENCE_ROWS = 500;

const root = join(import.meta.dir, "..");
const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "100000" },
    json: { type: "string", default: join(root, ".cache", "bench.json") },
  },
});
const agents = Number(values.agents);
const run = JSON.parse(readFileSync(values.json, "utf8")) as Run;
const { storage, waiting } = run;
if (!storage || !waiting) throw new Error(`${values.json} is not of a run with --full: docs/scale.md needs one`);

const waits = { file: waitingOf(FERRY), sqld: waitingOf("one ferry, sqld") };
const cost = { file: cpuOf(FERRY), sqld: cpuOf(SQLD) };

const document = join(root, "docs", "scale.md");
const blocks: Record<string, string> = {
  setup: setupTable(),
  measured: measured(),
  storage: storageTable(storage),
  waiting: waitingTable(waiting),
  half: halfTable(),
  polls: pollsTable(),
  writes: writesTable(),
  memory: memory(),
};
fillMarked(document, blocks);

/** CPU of a request, in seconds of a core: ferry's and its database server's. */
function cpuOf(subject: string): Record<Work, { ferry: number; sqld: number }> {
  const rounds = run.results[subject];
  if (!rounds) throw new Error(`the run has nothing of "${subject}"`);
  const of = (work: Work, figure: keyof Round) => middle(rounds[work], figure) / 1e6;
  const both = (work: Work) => ({ ferry: of(work, "server_cpu_us"), sqld: of(work, "database_cpu_us") });
  return { poll: both("poll"), report: both("report") };
}

function waitingOf(subject: string): Waiting {
  const one = waiting?.[subject];
  if (!one) throw new Error(`the run has nothing of polls that wait on "${subject}"`);
  return one;
}

function measured(): string {
  const megabytes = Object.entries(run.memory)
    .filter(([name]) => isShown(name))
    .map(
      ([name, { server, database }]) =>
        `${name} ${whole(server / 1e6)}${database > 0 ? ` (sqld ${whole(database / 1e6)})` : ""}`,
    );
  const results = Object.fromEntries(Object.entries(run.results).filter(([name]) => isShown(name)));
  return `${roundsTable(results)}
${machineLine(run)}
Memory after the rounds in MB: ${megabytes.join("; ")}.

${busyNote(results)}`;
}

/** The yardstick and ferry: what others do is in docs/performance.md. */
function isShown(name: string): boolean {
  return name === BARE || name === FERRY || name.includes("sqld");
}

/** What some numbers of agents need that poll at the middle one of the intervals. */
function setupTable(): string {
  const seconds = INTERVALS_S[1] ?? Number.NaN;
  const cores = (count: number, cpu: number) => (count / seconds) * cpu;
  const rows = FLEETS.map((count) => {
    const onFile = cores(count, cost.file.poll.ferry);
    const file =
      onFile <= HALF
        ? `one ferry, ${onFile.toFixed(2)} of a core`
        : `not every ${seconds} s: every ${whole(Math.ceil((count * cost.file.poll.ferry) / HALF))} s, or waiting`;
    const ferries = Math.max(2, Math.ceil(cores(count, cost.sqld.poll.ferry) / HALF));
    const database = cores(count, cost.sqld.poll.sqld);
    return [whole(count), file, `${ferries} ferries, ${amount(database)} cores for sqld`];
  });
  return markdown([`agents, polling every ${seconds} s`, "on a file", "on sqld"], rows);
}

/** How many polling agents keep a process half busy. */
function halfTable(): string {
  const served = (seconds: number, cpu: number) => whole(round2((HALF / cpu) * seconds));
  const rows = INTERVALS_S.map((seconds) => [
    `every ${seconds} s`,
    served(seconds, cost.file.poll.ferry),
    served(seconds, cost.sqld.poll.ferry),
    served(seconds, cost.sqld.poll.sqld),
  ]);
  return markdown(["agents poll", "ferry on a file", "each ferry on sqld", "each core of sqld"], rows);
}

function pollsTable(): string {
  const row = (name: string, seconds: number, meanwhile: readonly number[] = []) => {
    const polls = agents / seconds;
    const costs = [cost.file.poll.ferry, cost.sqld.poll.ferry, cost.sqld.poll.sqld];
    const cores = costs.map((cpu, index) => amount(polls * cpu + agents * (meanwhile[index] ?? 0)));
    const presence = [PRESENCE_S.file, PRESENCE_S.sqld].map((oldest) => agents / Math.max(seconds, oldest));
    const commits = presence.map((rows) => `${whole(rows)} (${amount(rows / PRESENCE_ROWS)})`);
    return [name, whole(polls), ...cores, ...commits];
  };
  const rows = INTERVALS_S.map((seconds) => row(`every ${seconds} s`, seconds));
  const { file, sqld } = waits;
  const meanwhile = [file.server_cpu_us, sqld.server_cpu_us, sqld.database_cpu_us].map((us) => us / 1e6);
  const head = [
    `${whole(agents)} agents poll`,
    "polls/s",
    "cores: file",
    "ferry on sqld",
    "sqld",
    "presence rows/s (commits): file",
    "presence: sqld",
  ];
  return markdown(head, [...rows, row(`waiting ${LONG_POLL_S} s`, LONG_POLL_S, meanwhile)]);
}

/** Of one process that holds the connections of all. */
function memory(): string {
  return `${whole(agents)} polls that wait: ${amount((agents * waits.file.bytes) / 1e9)} GB in ferry.`;
}

function writesTable(): string {
  const bytes = Object.values(storage?.bytes_per_command ?? {}).reduce((sum, table) => sum + table, 0);
  const kept = storage?.bytes_per_command.commands ?? Number.NaN;
  const rows = COMMANDS_A_DAY.map((commands) => {
    const perSecond = (agents * commands) / DAY_S;
    const gigabytes = (each: number, days: number) => amount((agents * commands * each * days) / 1e9);
    const reports = [cost.file.report.ferry, cost.sqld.report.ferry, cost.sqld.report.sqld];
    return [
      `${commands}`,
      amount(perSecond * 3),
      ...reports.map((cpu) => (perSecond * 3 * cpu).toFixed(3)),
      gigabytes(bytes, 1),
      gigabytes(bytes - kept, 90),
      gigabytes(kept, 365),
    ];
  });
  const head = [
    `commands a day of each of ${whole(agents)}`,
    "writes/s",
    "cores: file",
    "ferry on sqld",
    "sqld",
    "GB a day",
    "GB of reports and events, 90 days",
    "GB of commands, a year",
  ];
  return markdown(head, rows);
}

/** To two figures that count. */
function round2(value: number): number {
  return Number(value.toPrecision(2));
}
