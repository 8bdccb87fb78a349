import { type Goal, goals } from "./goals.ts";
import type { Run } from "./run.ts";
import { markdown, whole } from "./table.ts";

/* What became of the goals in a run. */

type Verdict = "stretch" | "gate" | "missed" | "not measured";

export function judge({ gate, stretch, better }: Goal, figure: number | undefined): Verdict {
  if (figure === undefined || Number.isNaN(figure)) return "not measured";
  const reaches = (goal: number) => (better === "more" ? figure >= goal : figure <= goal);
  if (stretch !== undefined && reaches(stretch)) return "stretch";
  return reaches(gate) ? "gate" : "missed";
}

const words: Record<Verdict, string> = {
  stretch: "reached, stretch",
  gate: "reached, gate",
  missed: "**missed**",
  "not measured": "not measured",
};

export function goalsTable(run: Run): string {
  const rows = goals.map((goal) => {
    const figure = goal.figure(run);
    const verdict = judge(goal, figure);
    const shown = (value: number | undefined) =>
      value === undefined || Number.isNaN(value) ? "" : `${figureText(value)} ${goal.unit}`.trim();
    const sign = goal.better === "more" ? ">=" : "<=";
    // Without a second goal the first one is all there is to reach.
    const word = verdict === "gate" && goal.stretch === undefined ? "reached" : words[verdict];
    return [
      `${goal.group}: ${goal.name}`,
      shown(figure),
      `${sign} ${shown(goal.gate)}`,
      goal.stretch === undefined ? "" : `${sign} ${shown(goal.stretch)}`,
      word,
      (verdict !== "not measured" && goal.note?.(run)) || "",
    ];
  });
  return markdown(["goal", "figure", "gate", "stretch", "", "of"], rows);
}

/** Three figures that count. */
function figureText(value: number): string {
  return value >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
}
