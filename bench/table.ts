import { BARE } from "./names.ts";
import { FOREIGN_LOAD, middle, type Round } from "./round.ts";
import type { Run } from "./run.ts";
import type { Storage } from "./storage.ts";
import { works } from "./subject.ts";
import type { Results } from "./turns.ts";

/* Results as Markdown, to be read in a terminal and copied into a document. */

/** One table for each work: medians, and throughput as a share of what answering alone reaches. */
export function roundsTable(results: Results): string {
  const head = [
    "",
    "requests/s",
    "of bare",
    "p50 ms",
    "p99 ms",
    "CPU us",
    "sqld CPU us",
    "refused %",
    "generator",
    "foreign",
  ];
  const tables = works.map((work) => {
    const bare = results[BARE]?.[work] ?? [];
    const yardstick = middle(bare, "rps");
    const rows = Object.entries(results).map(([name, rounds]) => {
      if (rounds[work].length === 0) return [name, "failed"];
      const of = (figure: keyof Round) => middle(rounds[work], figure);
      const share = bare.length > 0 ? (of("rps") / yardstick).toFixed(3) : "";
      const times = [of("p50_ms").toFixed(1), of("p99_ms").toFixed(1)];
      const cpu = [amount(of("server_cpu_us")), amount(of("database_cpu_us"))];
      const sum = (figure: "accepted" | "refused") => rounds[work].reduce((total, one) => total + one[figure], 0);
      const refused = ((sum("refused") / (sum("accepted") + sum("refused"))) * 100).toFixed(1);
      const loads = [of("generator_load").toFixed(2), of("foreign_load").toFixed(2)];
      return [name, amount(of("rps")), share, ...times, ...cpu, refused, ...loads];
    });
    return `\n### ${work}\n\n${markdown(head, rows)}`;
  });
  const rounds = Math.max(0, ...Object.values(results).map(({ poll }) => poll.length));
  return `${tables.join("\n")}\n
Medians of ${rounds} rounds, without those that other programs disturbed, but of the three quietest at least.
CPU: microseconds of a core for a request, of the subject's processes and of its sqld. Generator, foreign: cores that the generator and other programs had meanwhile.\n`;
}

const BUSY =
  "**The machine was busy with other programs in this run** (see foreign): requests/s are too low, times and CPU too high. The ratios tell more than the figures.";

/** Says so where other programs took so much in any subject's rounds that its figures say "at most"; else empty. */
export function busyNote(results: Results): string {
  const rounds = Object.values(results).flatMap(({ poll, report }) => [poll, report]);
  return rounds.some((some) => some.length > 0 && middle(some, "foreign_load") > FOREIGN_LOAD) ? BUSY : "";
}

/** When and on what a run was made. */
export function machineLine({ machine, settings, at }: Run): string {
  return `${at.slice(0, 10)}, ${machine.cores} cores (${machine.cpu}), Linux ${machine.linux}, Bun ${machine.bun}; servers together on core ${settings.cores ?? "any"}, ${settings.connections} connections.`;
}

export function storageTable({ commands, bytes_per_command, bytes_per_source, rps }: Storage): string {
  const total = Object.values(bytes_per_command).reduce((sum, bytes) => sum + bytes, 0);
  const rows = Object.entries({ ...bytes_per_command, "all of a command": total, "a source": bytes_per_source });
  const speed = Object.entries(rps).map(([step, value]) => `${step} ${amount(value)}/s`);
  const bytes = markdown(
    ["", "bytes"],
    rows.map(([name, value]) => [name, whole(value)]),
  );
  return `${bytes}\n\n${commands} commands through the API, with report and events. On the way: ${speed.join(", ")}\n`;
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const line = (cells: readonly string[]) =>
    `| ${head.map((_, column) => pad(cells[column] ?? "", column)).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** One place behind the point for small values, whole ones above. */
export function amount(value: number): string {
  return Math.abs(value) < 10 ? value.toFixed(1) : whole(value);
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
