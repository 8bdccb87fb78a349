import { runChild } from "./child.ts";
import type { Job, Measured } from "./generator.ts";
import type { Load, Running } from "./subject.ts";

export interface RoundOptions {
  connections: number;
  warmUpMs: number;
  measureMs: number;
  /** Core of the generator; undefined: any. */
  generatorCores: string | undefined;
}

/** What a round came to. CPU in microseconds a request, loads in cores. */
export interface Round {
  seconds: number;
  rps: number;
  p50_ms: number;
  p99_ms: number;
  server_cpu_us: number;
  database_cpu_us: number;
  generator_load: number;
  foreign_load: number;
  /** Of the whole round, warm-up and end included: answered with 2xx, and with anything else. */
  accepted: number;
  refused: number;
}

/** One load on one subject, from a generator that lives as long as that. Throws if most was refused. */
export async function measureRound(
  { endpoints, pids }: Pick<Running, "endpoints" | "pids">,
  { requests, first = 0, limit, warmUpReplies = 0 }: Load,
  { connections, warmUpMs, measureMs, generatorCores }: RoundOptions,
): Promise<Round> {
  const warmUp = { ms: warmUpMs, replies: warmUpReplies };
  const job: Job = { endpoints, requests, first, limit, connections, warmUp, measureMs, pids };
  return judged(await runChild<Measured>("generator.ts", job, generatorCores));
}

/** A server may turn requests away when it has too much to do; with more than this a round says nothing. */
const MOST_REFUSED = 0.5;

function judged({ seconds, replies, p50_ms, p99_ms, cpu_us, accepted, refused, first_refusal }: Measured): Round {
  if (refused > (accepted + refused) * MOST_REFUSED)
    throw new Error(`${refused} of ${accepted + refused} requests were refused, the first one with:\n${first_refusal}`);
  return {
    seconds,
    rps: replies / seconds,
    p50_ms,
    p99_ms,
    server_cpu_us: cpu_us.server / replies,
    database_cpu_us: cpu_us.database / replies,
    generator_load: cpu_us.generator / seconds / 1e6,
    foreign_load: cpu_us.foreign / seconds / 1e6,
    accepted,
    refused,
  };
}

/** More load of other programs than this, in cores, spoils a round. */
export const FOREIGN_LOAD = 0.3;
const ENOUGH = 3;

/** The rounds that count: those that nobody disturbed; where there are too few, the quietest ones. */
export function undisturbed(rounds: readonly Round[]): Round[] {
  const quietest = rounds.toSorted((a, b) => a.foreign_load - b.foreign_load);
  const quiet = quietest.filter(({ foreign_load }) => foreign_load <= FOREIGN_LOAD);
  return quiet.length >= ENOUGH ? quiet : quietest.slice(0, ENOUGH);
}

/** One of the figures over the rounds that count. */
export function middle(rounds: readonly Round[], figure: keyof Round): number {
  return median(undisturbed(rounds).map((one) => one[figure]));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}
