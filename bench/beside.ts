import { startFerry } from "./ferry.ts";
import { Fleet } from "./fleet.ts";
import { watchFlushes } from "./flush.ts";
import type { Bench } from "./plan.ts";
import { measureRound, middle, type Round } from "./round.ts";
import { amount, markdown } from "./table.ts";

/* What polls wait while as many reports come as the server can take: two generators on one server. */

const CONNECTIONS = { poll: 8, report: 32 };
const DELAYS_US = [0, 2_000];
/** From the start of the reports' generator to that of the polls', and how much longer the first goes on. */
const LEAD_MS = 600;
const TAIL_MS = 900;
/** A round whose reports were over too soon is made again with twice the tail, so often. */
const TRIES = 3;
/** More than the server takes in a round. */
const WAITING = 120_000;

type Server = Parameters<typeof measureRound>[0];

export interface Beside {
  /** A flush takes so much longer. */
  delay_us: number;
  poll: Round[];
  report: Round[];
}

export async function measureBeside(bench: Bench): Promise<Beside[]> {
  const measured: Beside[] = [];
  for (const delay_us of DELAYS_US) {
    const folder = bench.folder();
    const env = delay_us === 0 ? {} : watchFlushes(folder, delay_us)?.env;
    if (env) measured.push(await besideOn(bench, folder, env, delay_us));
  }
  return measured;
}

async function besideOn(bench: Bench, folder: string, env: Record<string, string>, delay_us: number): Promise<Beside> {
  const { rounds } = bench.plan.short;
  const fleet = await Fleet.make(folder, undefined, { waiting: WAITING });
  const result: Beside = { delay_us, poll: [], report: [] };
  try {
    const ferry = await startFerry(folder, undefined, env);
    try {
      for (let turn = 1; turn <= rounds; turn += 1) {
        bench.say(`round ${turn} of ${rounds}: polls beside reports, a flush ${delay_us / 1000} ms slower`);
        const server = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
        const { poll, report } = await aRound(bench, fleet, server);
        result.poll.push(poll);
        result.report.push(report);
      }
    } finally {
      await ferry.stop();
    }
  } finally {
    fleet.close();
  }
  return result;
}

async function aRound(bench: Bench, fleet: Fleet, server: Server): Promise<{ poll: Round; report: Round }> {
  for (let [tries, tailMs] = [0, TAIL_MS]; tries < TRIES; tries += 1, tailMs *= 2) {
    const round = await oneRound(bench, fleet, server, tailMs);
    if (round) return round;
  }
  throw new Error("the reports were over before the polls were");
}

/** Undefined if not all polls were beside reports. */
async function oneRound(bench: Bench, fleet: Fleet, server: Server, tailMs: number) {
  const { warmUpMs, measureMs } = bench.plan.short;
  const loads = { poll: await fleet.load("poll"), report: await fleet.load("report") };
  const whole = { connections: CONNECTIONS.report, warmUpMs, measureMs: LEAD_MS + warmUpMs + measureMs + tailMs };
  const part = { connections: CONNECTIONS.poll, warmUpMs, measureMs };
  let areReportsOver = false;
  const reports = measureRound(server, loads.report, { ...bench.options, ...whole }).finally(() => {
    areReportsOver = true;
  });
  const polls = Bun.sleep(LEAD_MS)
    .then(() => measureRound(server, loads.poll, { ...bench.options, ...part }))
    .then((round) => (areReportsOver ? undefined : round));
  const [poll, report] = await Promise.all([polls, reports]);
  await fleet.done("report", report);
  if (!poll) return undefined;
  // The other generator is no stranger.
  const foreign_load = Math.max(0, poll.foreign_load - report.generator_load);
  return { poll: { ...poll, foreign_load }, report: { ...report, foreign_load } };
}

export function besideTable(besides: readonly Beside[]): string {
  const rows = besides.map(({ delay_us, poll, report }) => [
    delay_us === 0 ? "this machine's flushes" : `${delay_us / 1000} ms slower`,
    amount(middle(poll, "rps")),
    middle(poll, "p50_ms").toFixed(2),
    middle(poll, "p99_ms").toFixed(2),
    amount(middle(report, "rps")),
    middle(report, "p99_ms").toFixed(2),
  ]);
  const head = ["polls beside reports", "polls/s", "p50 ms", "p99 ms", "reports/s", "p99 ms"];
  return markdown(head, rows);
}
