import { growthOf, roundCosts } from "./growth.ts";
import type { List } from "./growth-pages.ts";
import { BARE, DRIZZLE, FERRY, POCKETBASE, TOKEN } from "./names.ts";
import { middle, type Round } from "./round.ts";
import type { Run } from "./run.ts";
import type { Work } from "./subject.ts";
import { whole } from "./table.ts";
import type { Results } from "./turns.ts";

/* What ferry sets out to reach, each goal with how a run tells. A ratio is of figures of one run. */

export interface Goal {
  group: string;
  name: string;
  unit: string;
  /** What must be reached, and what it would be a pleasure to reach. */
  gate: number;
  stretch?: number;
  better: "more" | "less";
  /** Undefined where the run has not measured it. */
  figure(run: Run): number | undefined;
  /** What the figure is of, where that is not always the same. */
  note?(run: Run): string | undefined;
}

const ratio = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a / b;

/** Undefined for a subject that is not there or had no rounds. */
function of(results: Results | undefined, subject: string, work: Work, figure: keyof Round): number | undefined {
  const rounds = results?.[subject]?.[work];
  return rounds?.length ? middle(rounds, figure) : undefined;
}

/** Of two subjects, in the rounds beside each other. */
const beside = (run: Run, work: Work, figure: keyof Round, one: string, other: string) =>
  ratio(of(run.results, one, work, figure), of(run.results, other, work, figure));

const besideReports = (run: Run, isSlower: boolean) => {
  const found = run.beside?.find(({ delay_us }) => delay_us > 0 === isSlower);
  return found && middle(found.poll, "p99_ms");
};

/** The page of a list that grows most. */
function worstPage({ growth }: Run, list: List) {
  const grown = growth?.pages
    .filter((page) => page.list === list)
    .map((page) => ({ ...page, times: growthOf(page.costs) }));
  return grown?.toSorted((a, b) => b.times - a.times)[0];
}

const sizes = ({ growth }: Run) =>
  growth && `${whole(growth.rows.at(-1) ?? 0)} rows against ${whole(growth.rows[0] ?? 0)}`;

const growing = (name: string, work: Work): Goal => ({
  group: "Growth",
  name,
  unit: "x CPU",
  gate: 1.3,
  stretch: 1.1,
  better: "less",
  figure: ({ growth }) => growth && growthOf(roundCosts(growth, work)),
  note: sizes,
});

const growingList = (name: string, list: List): Goal => ({
  group: "Growth",
  name,
  unit: "x CPU",
  gate: 1.3,
  stretch: 1.1,
  better: "less",
  figure: (run) => worstPage(run, list)?.times,
  note: (run) => worstPage(run, list)?.name,
});

const MB = 1e6;

export const goals: readonly Goal[] = [
  {
    group: "Poll",
    name: "requests/s, of the empty Hono route",
    unit: "x",
    gate: 0.4,
    stretch: 0.6,
    better: "more",
    figure: (run) => beside(run, "poll", "rps", FERRY, BARE),
  },
  {
    group: "Poll",
    name: "requests/s, of plain Drizzle",
    unit: "x",
    gate: 12,
    stretch: 17,
    better: "more",
    figure: (run) => beside(run, "poll", "rps", FERRY, DRIZZLE),
  },
  {
    group: "Poll",
    name: "CPU, of PocketBase",
    unit: "x",
    gate: 1 / 15,
    stretch: 1 / 20,
    better: "less",
    figure: (run) => beside(run, "poll", "server_cpu_us", FERRY, POCKETBASE),
  },
  {
    group: "Poll",
    name: "with a token, requests/s of those with a signature",
    unit: "x",
    gate: 1,
    better: "more",
    figure: (run) => beside(run, "poll", "rps", TOKEN, FERRY),
  },
  {
    group: "Report",
    name: "requests/s, of plain Drizzle",
    unit: "x",
    gate: 7,
    stretch: 11,
    better: "more",
    figure: (run) => beside(run, "report", "rps", FERRY, DRIZZLE),
    note: ({ settings }) => `${settings.connections} agents`,
  },
  {
    group: "Report",
    name: "the same where a flush takes 1 ms longer",
    unit: "x",
    gate: 14,
    stretch: 18,
    better: "more",
    figure: ({ slow_disk }) =>
      ratio(of(slow_disk?.results, FERRY, "report", "rps"), of(slow_disk?.results, DRIZZLE, "report", "rps")),
  },
  {
    group: "Report",
    name: "CPU, of the empty Hono POST",
    unit: "x",
    gate: 6,
    stretch: 4,
    better: "less",
    figure: (run) => beside(run, "report", "server_cpu_us", FERRY, BARE),
  },
  {
    group: "Report",
    name: "p50 of a lone agent, of plain Drizzle",
    unit: "x",
    gate: 0.8,
    stretch: 0.6,
    better: "less",
    figure: ({ lone }) => ratio(of(lone, FERRY, "report", "p50_ms"), of(lone, DRIZZLE, "report", "p50_ms")),
  },
  {
    group: "Beside each other",
    name: "p99 of polls while reports come flat out",
    unit: "ms",
    gate: 10,
    stretch: 3,
    better: "less",
    figure: (run) => besideReports(run, false),
  },
  {
    group: "Beside each other",
    name: "the same where a flush takes 2 ms longer",
    unit: "ms",
    gate: 10,
    stretch: 3,
    better: "less",
    figure: (run) => besideReports(run, true),
  },
  {
    group: "Disk",
    name: "flushes a report",
    unit: "",
    gate: 0.05,
    stretch: 0.03,
    better: "less",
    figure: ({ flushes }) => flushes && flushes.flushes / flushes.reports,
    note: ({ flushes }) => flushes && `${flushes.agents} agents`,
  },
  {
    group: "Disk",
    name: "a command, its report and its events, with indexes",
    unit: "bytes",
    gate: 1_500,
    stretch: 1_000,
    better: "less",
    figure: ({ storage }) => storage && Object.values(storage.bytes_per_command).reduce((sum, bytes) => sum + bytes, 0),
    note: () => "events of order, delivery and report",
  },
  growing("a poll", "poll"),
  growing("a report", "report"),
  growingList("a page of GET /operate/v1/results, the worst", "results"),
  growingList("a page of GET /operate/v1/commands, the worst", "commands"),
  growingList("a page of GET /v3/sources, the worst", "sources"),
  {
    group: "Waiting polls",
    name: "from the order to the agent's answer, p50",
    unit: "ms",
    gate: 2,
    better: "less",
    figure: ({ wake }) => wake?.p50_ms,
    note: ({ wake }) => wake && `${whole(wake.agents)} wait`,
  },
  {
    group: "Waiting polls",
    name: "the same, p99",
    unit: "ms",
    gate: 20,
    better: "less",
    figure: ({ wake }) => wake?.p99_ms,
    note: ({ wake }) => wake && `${whole(wake.agents)} wait`,
  },
  {
    group: "Waiting polls",
    name: "memory of each",
    unit: "kB",
    gate: 10,
    better: "less",
    figure: ({ wake }) => wake && wake.bytes / 1000,
    note: ({ wake }) => wake && `${whole(wake.agents)} wait`,
  },
  {
    group: "Memory",
    name: "idle, empty database",
    unit: "MB",
    gate: 65,
    better: "less",
    figure: ({ memory_and_start }) => memory_and_start && memory_and_start.memory.empty / MB,
  },
  {
    group: "Memory",
    name: "idle, 100,000 sources",
    unit: "MB",
    gate: 110,
    better: "less",
    figure: ({ memory_and_start }) => memory_and_start && memory_and_start.memory.sources / MB,
    note: ({ memory_and_start }) => memory_and_start && `${whole(memory_and_start.sources)} sources`,
  },
  {
    group: "Memory",
    name: "the most under load, with them",
    unit: "MB",
    gate: 170,
    better: "less",
    figure: ({ memory_and_start }) => memory_and_start && memory_and_start.memory.load / MB,
  },
  {
    group: "Start",
    name: "empty database, of a compiled Bun hello",
    unit: "x",
    gate: 4,
    stretch: 2.2,
    better: "less",
    figure: ({ memory_and_start }) => ratio(memory_and_start?.start_ms.empty, memory_and_start?.start_ms.hello),
  },
  {
    group: "Start",
    name: "100,000 sources",
    unit: "ms",
    gate: 350,
    stretch: 150,
    better: "less",
    figure: ({ memory_and_start }) => memory_and_start?.start_ms.sources,
    note: ({ memory_and_start }) => memory_and_start && `${whole(memory_and_start.sources)} sources`,
  },
];
