import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goals } from "../../bench/goals.ts";
import { fillMarked } from "../../bench/marked.ts";
import { barsPlot, linesPlot } from "../../bench/plots.ts";
import type { Round } from "../../bench/round.ts";
import type { Run } from "../../bench/run.ts";
import { goalsTable, judge } from "../../bench/verdicts.ts";

/* How figures become verdicts, documents and pictures; what the figures are is no matter of tests. */

const folder = mkdtempSync(join(tmpdir(), "ferry-goals-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rounds = (rps: number) => [{ rps, foreign_load: 0, server_cpu_us: 1e6 / rps }] as Round[];
const nothing: Run = {
  at: "2026-11-30T00:00:00.000Z",
  machine: { cpu: "", cores: 2, linux: "", bun: "" },
  settings: { cores: "0", connections: 64, rounds: 1, warmUpMs: 1, measureMs: 1 },
  results: {},
  about: {},
  memory: {},
  failures: {},
};

test("a figure that equals a goal reaches it, whichever way is better", () => {
  const more = { group: "", name: "", unit: "", better: "more", gate: 7, stretch: 11, figure: () => 0 } as const;
  const less = { ...more, better: "less", gate: 10, stretch: 3 } as const;
  expect([6.9, 7, 10.9, 11].map((figure) => judge(more, figure))).toEqual(["missed", "gate", "gate", "stretch"]);
  expect([10.1, 10, 3.1, 3].map((figure) => judge(less, figure))).toEqual(["missed", "gate", "gate", "stretch"]);
  expect([undefined, Number.NaN].map((figure) => judge(more, figure))).toEqual(["not measured", "not measured"]);
});

test("a stretch asks more than its gate", () => {
  for (const { name, gate, stretch = Number.NaN, better } of goals) {
    if (!Number.isNaN(stretch))
      expect([name, better === "more" ? stretch > gate : stretch < gate]).toEqual([name, true]);
  }
});

test("what a run has not measured has no figure, and takes no other goal with it", () => {
  expect(goals.map((goal) => goal.figure(nothing)).filter((figure) => figure !== undefined)).toEqual([]);
  const results = {
    "bare Hono": { poll: rounds(100), report: [] },
    "ferry, file": { poll: rounds(50), report: rounds(10) },
  };
  const table = goalsTable({ ...nothing, results });
  expect(table).toMatch(/of the empty Hono route +\| +0\.5 x \| +>= 0\.4 x \| +>= 0\.6 x \| +reached, gate/);
  expect(table.match(/not measured/g)?.length).toBe(goals.length - 1);
});

test("a document keeps what is outside its markers, and a marker that is missing is told", () => {
  const file = join(folder, "document.md");
  writeFileSync(file, "before\n<!-- a -->\nold\n<!-- /a -->\nafter\n");
  fillMarked(file, { a: "cost: $1\n" });
  expect(readFileSync(file, "utf8")).toBe("before\n<!-- a -->\ncost: $1\n<!-- /a -->\nafter\n");
  expect(() => fillMarked(file, { b: "" })).toThrow("no place for b");
});

test("a plot is longer where the value is greater, and its text is escaped", () => {
  const bars = [10, 1000].map((value) => ({ name: `<${value}&`, value, isOurs: false }));
  const svg = barsPlot([{ title: "poll", bars }], "requests/s");
  const widths = [...svg.matchAll(/<rect x="210"[^>]* width="([\d.]+)"/g)].map((found) => Number(found[1]));
  expect(widths[0]).toBeLessThan(widths[1] ?? 0);
  expect(svg).toContain("&lt;1000&amp;");
  const lines = linesPlot("growth", [100, 1000], [{ name: "poll", values: [5, undefined] }], "us");
  expect(lines.match(/<circle/g)?.length).toBe(1);
});
