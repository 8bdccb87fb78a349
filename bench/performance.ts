import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { growthSummary, growthTable } from "./growth.ts";
import { loneTable } from "./lone.ts";
import { fillMarked } from "./marked.ts";
import { barsPlot, linesPlot, type Panel, type Series } from "./plots.ts";
import { middle } from "./round.ts";
import type { Run } from "./run.ts";
import { sections } from "./sections.ts";
import { works } from "./subject.ts";
import { busyNote, machineLine, roundsTable } from "./table.ts";
import { goalsTable } from "./verdicts.ts";

/* bun bench/performance.ts [--json FILE]: puts the figures of a run into docs/performance.md, and draws its plots. */

const root = join(import.meta.dir, "..");
const { values } = parseArgs({
  options: { json: { type: "string", default: join(root, ".cache", "bench.json") } },
});
const run = JSON.parse(readFileSync(values.json, "utf8")) as Run;
const NOT_MEASURED = "Not measured in this run.";

const ours = (name: string) => name.includes("ferr") || name.includes("workerd");
const about = Object.entries(run.about).map(([name, text]) => `* **${name}**: ${text}`);
const growth = run.growth;

fillMarked(join(root, "docs", "performance.md"), {
  goals: `${goalsTable(run)}\n\n${machineLine(run)} ${busyNote(run.results)}`,
  peers: `${roundsTable(run.results)}\n${about.join("\n")}`,
  lone: run.lone ? loneTable(run.lone) : NOT_MEASURED,
  growth: growth ? growthTable(growth, false) : NOT_MEASURED,
  pages: growth ? growthTable(growth) : NOT_MEASURED,
  // The rest as the run printed it.
  ...Object.fromEntries(
    sections
      .filter(({ name }) => name !== "growth" && name !== "waiting")
      .map(({ name, table }) => [name, table(run) ?? NOT_MEASURED]),
  ),
});

const plots = join(root, "docs", "performance");
mkdirSync(plots, { recursive: true });
draw("throughput", barsPlot(panels("rps"), "requests/s on one core"));
draw("cpu", barsPlot(panels("server_cpu_us"), "CPU of a request in microseconds"));
if (growth) {
  const series = growthSummary(growth).map(
    ({ name, costs }): Series => ({ name, values: costs.map(({ server_cpu_us }) => server_cpu_us) }),
  );
  draw("growth", linesPlot("What a request costs as the database grows", growth.rows, series, "CPU, microseconds"));
}

function panels(figure: "rps" | "server_cpu_us"): Panel[] {
  return works.map((work) => ({
    title: work,
    bars: Object.entries(run.results)
      .filter(([, rounds]) => rounds[work].length > 0)
      .map(([name, rounds]) => ({ name, value: middle(rounds[work], figure), isOurs: ours(name) })),
  }));
}

function draw(name: string, svg: string): void {
  writeFileSync(join(plots, `${name}.svg`), svg);
}
