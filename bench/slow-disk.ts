import { watchFlushes } from "./flush.ts";
import { DRIZZLE, FERRY } from "./names.ts";
import type { Bench } from "./plan.ts";
import { middle } from "./round.ts";
import type { Subject } from "./subject.ts";
import { amount, markdown } from "./table.ts";
import { type Results, startAll, stopAll, takeTurns } from "./turns.ts";

/* Reports where the disk takes longer to flush, as cloud disks do. */

const DELAY_US = 1_000;

export interface SlowDisk {
  delay_us: number;
  results: Results;
}

/** Undefined where flushes cannot be made slower. */
export async function measureSlowDisk(bench: Bench, subjects: readonly Subject[]): Promise<SlowDisk | undefined> {
  if (watchFlushes(bench.folder(), DELAY_US) === undefined) return undefined;
  const { rounds, warmUpMs, measureMs } = bench.plan.short;
  const wanted = subjects.filter(({ name }) => name === FERRY || name === DRIZZLE);
  const started = await startAll(bench, wanted, (folder) => watchFlushes(folder, DELAY_US)?.env ?? {});
  try {
    const options = { ...bench.options, warmUpMs, measureMs };
    return { delay_us: DELAY_US, results: await takeTurns(bench, started, ["report"], rounds, options) };
  } finally {
    await stopAll(started);
  }
}

export function slowDiskTable({ delay_us, results }: SlowDisk): string {
  const rows = Object.entries(results).map(([name, { report }]) => [
    name,
    amount(middle(report, "rps")),
    middle(report, "p50_ms").toFixed(1),
    middle(report, "p99_ms").toFixed(1),
  ]);
  return markdown([`reports, a flush takes ${delay_us / 1000} ms longer`, "requests/s", "p50 ms", "p99 ms"], rows);
}
