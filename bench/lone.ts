import { BY_HAND, DRIZZLE, FERRY } from "./names.ts";
import type { Bench } from "./plan.ts";
import { middle } from "./round.ts";
import { works } from "./subject.ts";
import { amount, markdown } from "./table.ts";
import { type Results, takeTurns, type Up } from "./turns.ts";

/* What one agent alone waits for its answer: nobody shares a commit with it. */

const ALONE = [FERRY, DRIZZLE, BY_HAND];

export function measureLone(bench: Bench, started: readonly Up[]): Promise<Results> {
  const { rounds, warmUpMs, measureMs } = bench.plan.short;
  const some = started.filter(({ subject }) => ALONE.includes(subject.name));
  return takeTurns(bench, some, works, rounds, { ...bench.options, connections: 1, warmUpMs, measureMs });
}

export function loneTable(lone: Results): string {
  const rows = Object.entries(lone).flatMap(([name, rounds]) =>
    works.map((work) => {
      const times = [middle(rounds[work], "p50_ms"), middle(rounds[work], "p99_ms")].map((ms) => ms.toFixed(2));
      return [`${work}, ${name}`, ...times, amount(middle(rounds[work], "server_cpu_us"))];
    }),
  );
  return markdown(["one agent alone", "p50 ms", "p99 ms", "CPU us"], rows);
}
