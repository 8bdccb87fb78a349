import { rmSync, statfsSync } from "node:fs";
import { makeTasks } from "./calls.ts";
import { runChild } from "./child.ts";
import { type Ferry, startFerry } from "./ferry.ts";
import { Fleet, IDLE, registration } from "./fleet.ts";
import type { FillJob, History } from "./growth-fill.ts";
import { type Found, type List, lists, pages } from "./growth-pages.ts";
import type { PageCost, PagerJob } from "./pager.ts";
import type { Bench } from "./plan.ts";
import { call, DETAIL, poll } from "./requests.ts";
import { measureRound, middle, type Round } from "./round.ts";
import { sendOnce } from "./storage.ts";
import { type Work, works } from "./subject.ts";
import { amount, markdown, whole } from "./table.ts";

/* What polls, reports and pages of lists cost as a database grows: databases of several sizes, asked in turn. */

/** Each source has so many reports, whatever the size: its pages are the same. */
const REPORTS_A_SOURCE = 100;
/** Sources that have a task: one in so many. */
const SOURCES_A_TASK = 100;
/** More than a row of each table takes on the disk, with indexes and the log. */
const BYTES_A_ROW = 1_800;

type Cost = Pick<PageCost, "server_cpu_us" | "p50_ms">;

export interface Growth {
  /** Rows of each table: results, commands, events. By size, as everything that follows. */
  rows: number[];
  sources: number[];
  rounds: Record<Work, Round[]>[];
  pages: { list: List; name: string; costs: PageCost[] }[];
}

interface Grown {
  fleet: Fleet;
  ferry: Ferry;
  found: Found;
}

export async function measureGrowth(bench: Bench): Promise<Growth> {
  const { rows } = bench.plan.growth;
  const sources = rows.map((count) => Math.max(count / REPORTS_A_SOURCE, 2 * IDLE));
  const folders = rows.map(() => bench.folder());
  requireRoom(folders[0] ?? "", rows);
  const grown: Grown[] = [];
  try {
    for (const [place, count] of rows.entries())
      grown.push(await grow(bench, folders[place] ?? "", count, sources[place] ?? 0));
    const pages = await measurePages(bench, grown);
    return { rows, sources, rounds: await measureRounds(bench, grown, rows), pages };
  } finally {
    for (const { fleet, ferry } of grown) {
      fleet.close();
      await ferry.stop();
    }
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

function requireRoom(folder: string, rows: readonly number[]): void {
  const { bavail, bsize } = statfsSync(folder);
  const needed = rows.reduce((sum, count) => sum + count, 0) * BYTES_A_ROW;
  if (bavail * bsize < needed)
    throw new Error(`${folder} has no room for ${whole(needed / 1e9)} GB: set TMPDIR to a folder that has`);
}

/** A database of that size, and a ferry on it. */
async function grow(bench: Bench, folder: string, rows: number, sources: number): Promise<Grown> {
  bench.say(`${whole(rows)} rows are made: sources`);
  const fleet = await Fleet.make(folder, undefined, { busy: sources - IDLE, stride: 7_919 });
  try {
    await makeTasks(folder, fleet, sources / SOURCES_A_TASK, (place) => ({ vm_id: `vm-${place}` }));
    const command_id = await makeModel(folder);
    bench.say(`${whole(rows)} rows are made: commands, reports, events`);
    const job: FillJob = { folder, rows, sources: { first: fleet.firstSeq, count: sources }, command_id };
    const history = await runChild<History>("growth-fill.ts", job, undefined);
    const ferry = await startFerry(folder);
    const source_id = fleet.busy[Math.floor(fleet.busy.length / 2)] ?? "";
    const { items } = await call(
      ferry.endpoint,
      "GET",
      `/operate/v1/commands?source_id=${source_id}&state=succeeded&limit=1`,
    );
    const { migprojects } = await call(ferry.endpoint, "GET", "/v3/migprojects");
    return { fleet, ferry, found: { history, source_id, command_id: items[0].id, migproject_id: migprojects[0].id } };
  } catch (error) {
    fleet.close();
    throw error;
  }
}

/** A command with its events and the report that ended it, through the API; its id. */
async function makeModel(folder: string): Promise<string> {
  const ferry = await startFerry(folder);
  try {
    const { endpoint } = ferry;
    const { id } = await call(endpoint, "POST", "/v3/sources", registration);
    const order = { command_name: "START" };
    const command = await call(endpoint, "POST", `/operate/v1/sources/${id}/commands`, order);
    await call(endpoint, "GET", `/v3/sources/${id}/command`);
    const report = { command_name: "START", result: "success", result_detail: DETAIL };
    await call(endpoint, "POST", `/v3/sources/${id}/command_result`, report);
    return command.id;
  } finally {
    await ferry.stop();
  }
}

async function measureRounds(bench: Bench, grown: readonly Grown[], rows: readonly number[]) {
  const { rounds, warmUpMs, measureMs } = bench.plan.short;
  const measured = grown.map((): Record<Work, Round[]> => ({ poll: [], report: [] }));
  for (let turn = 1; turn <= rounds; turn += 1) {
    for (const work of works) {
      for (const [place, { fleet, ferry }] of grown.entries()) {
        bench.say(`round ${turn} of ${rounds}: ${work}, ${whole(rows[place] ?? 0)} rows`);
        const server = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
        const load = await fleet.load(work);
        const round = await measureRound(server, load, { ...bench.options, warmUpMs, measureMs });
        await fleet.done(work, round);
        measured[place]?.[work].push(round);
      }
    }
  }
  return measured;
}

/** As a fleet is: every source has polled just before. */
async function measurePages(bench: Bench, grown: readonly Grown[]): Promise<Growth["pages"]> {
  for (const { fleet, ferry } of grown) {
    bench.say(`${whole(fleet.busy.length)} sources poll`);
    const server = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
    const all = [...fleet.idle, ...fleet.busy];
    await sendOnce(server, await Promise.all(all.map((id) => poll(id))), bench.options);
  }
  bench.say(`${pages.length} pages`);
  const { pageMs: ms, pageRounds: rounds } = bench.plan.growth;
  const servers = grown.map(({ ferry, found }) => ({
    endpoint: ferry.endpoint,
    pid: ferry.pid,
    paths: pages.map((page) => page.path(found)),
  }));
  const job: PagerJob = { servers, ms, rounds };
  const costs = await runChild<PageCost[][]>("pager.ts", job, bench.options.generatorCores);
  return pages.map(({ list, name }, place) => ({ list, name, costs: costs[place] ?? [] }));
}

/** How much more CPU a request takes in the largest database than in the smallest. */
export function growthOf(costs: readonly { server_cpu_us: number }[]): number {
  return (costs.at(-1)?.server_cpu_us ?? Number.NaN) / (costs[0]?.server_cpu_us ?? Number.NaN);
}

/** What a poll or a report costs, by size. */
export function roundCosts({ rounds }: Growth, work: Work): Cost[] {
  return rounds.map((one) => ({
    server_cpu_us: middle(one[work], "server_cpu_us"),
    p50_ms: middle(one[work], "p50_ms"),
  }));
}

/** Polls, reports, and of each list the page that grows most. */
export function growthSummary(growth: Growth): { name: string; costs: Cost[] }[] {
  const loads = works.map((work) => ({ name: work, costs: roundCosts(growth, work) }));
  const worst = lists.flatMap((list) => {
    const ofList = growth.pages.filter((page) => page.list === list);
    const [first] = ofList.toSorted((a, b) => growthOf(b.costs) - growthOf(a.costs));
    return first ? [{ name: `${list}, the worst page: ${first.name}`, costs: first.costs }] : [];
  });
  return [...loads, ...worst];
}

/** The summary, or every page. */
export function growthTable(growth: Growth, isWhole = true): string {
  const head = [
    "",
    "rows shown",
    ...growth.rows.map((rows) => `CPU us at ${whole(rows)}`),
    "times",
    ...growth.rows.map((rows) => `p50 ms at ${whole(rows)}`),
  ];
  const row = (name: string, shown: string, costs: readonly Cost[]) => [
    name,
    shown,
    ...costs.map(({ server_cpu_us }) => amount(server_cpu_us)),
    growthOf(costs).toFixed(2),
    ...costs.map(({ p50_ms }) => p50_ms.toFixed(2)),
  ];
  if (!isWhole)
    return markdown(
      head,
      growthSummary(growth).map(({ name, costs }) => row(name, "", costs)),
    );
  const loads = works.map((work) => row(work, "", roundCosts(growth, work)));
  const each = growth.pages.map(({ list, name, costs }) =>
    row(`${list}: ${name}`, [...new Set(costs.map(({ rows }) => rows))].join(", "), costs),
  );
  return markdown(head, [...loads, ...each]);
}
