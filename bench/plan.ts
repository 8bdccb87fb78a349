import type { RoundOptions } from "./round.ts";

/* How much of everything a run does. */

export interface Plan {
  /** Of the subjects beside each other. */
  rounds: number;
  warmUpMs: number;
  measureMs: number;
  /** Of the measurements with servers of their own. */
  short: { rounds: number; warmUpMs: number; measureMs: number };
  storage: { passes: number; sources: number };
  waiting: { file: number; sqld: number };
  wake: { agents: number; wakes: number };
  memory: { sources: number; starts: number; loadMs: number };
  /** `rows`: of each table, in databases that grow; `pageMs`: of each list and database, in each of some rounds. */
  growth: { rows: number[]; pageMs: number; pageRounds: number };
}

const plain: Plan = {
  rounds: 5,
  warmUpMs: 300,
  measureMs: 1_500,
  short: { rounds: 5, warmUpMs: 200, measureMs: 800 },
  storage: { passes: 1, sources: 8_000 },
  waiting: { file: 5_000, sqld: 1_000 },
  wake: { agents: 10_000, wakes: 1_000 },
  memory: { sources: 100_000, starts: 7, loadMs: 3_000 },
  growth: { rows: [100_000, 1_000_000], pageMs: 60, pageRounds: 5 },
};

export const plans = {
  plain,
  quick: {
    rounds: 3,
    warmUpMs: 200,
    measureMs: 600,
    short: { rounds: 3, warmUpMs: 100, measureMs: 400 },
    storage: { passes: 1, sources: 1_000 },
    waiting: { file: 1_000, sqld: 200 },
    wake: { agents: 1_000, wakes: 200 },
    memory: { sources: 10_000, starts: 3, loadMs: 1_000 },
    growth: { rows: [30_000, 100_000], pageMs: 30, pageRounds: 3 },
  } satisfies Plan,
  full: {
    ...plain,
    rounds: 7,
    warmUpMs: 500,
    measureMs: 3_000,
    short: { rounds: 7, warmUpMs: 300, measureMs: 1_500 },
    memory: { sources: 100_000, starts: 11, loadMs: 5_000 },
    growth: { rows: [100_000, 1_000_000, 10_000_000], pageMs: 200, pageRounds: 5 },
  } satisfies Plan,
};

/** What a measurement is given. */
export interface Bench {
  plan: Plan;
  options: RoundOptions;
  /** A new folder, which goes when the measurement is over. */
  folder(): string;
  /** Tells whoever looks what is going on. */
  say(text: string): void;
  /** Notes that a part of it failed; the rest goes on. */
  fail(part: string, error: unknown): void;
}
