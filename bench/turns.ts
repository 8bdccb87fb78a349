import type { Bench } from "./plan.ts";
import { measureRound, type Round, type RoundOptions } from "./round.ts";
import type { Running, Subject, Work } from "./subject.ts";

/** A subject that is up. */
export interface Up {
  subject: Subject;
  running: Running;
}

/** Rounds by subject and work. */
export type Results = Record<string, Record<Work, Round[]>>;

/**
 * Every subject in turn, round by round, so that what changes on the machine meets all of them. One that fails has no
 * further rounds; the others go on.
 */
export async function takeTurns(
  bench: Pick<Bench, "say" | "fail">,
  started: readonly Up[],
  works: readonly Work[],
  rounds: number,
  options: RoundOptions,
): Promise<Results> {
  const measured: Results = Object.fromEntries(started.map(({ subject }) => [subject.name, { poll: [], report: [] }]));
  const failed = new Set<string>();
  for (let turn = 1; turn <= rounds; turn += 1) {
    for (const work of works) {
      for (const { subject, running } of started) {
        if (failed.has(subject.name)) continue;
        bench.say(`round ${turn} of ${rounds}: ${work}, ${subject.name}`);
        await oneRound(running, work, options).then(
          (one) => measured[subject.name]?.[work].push(one),
          (error) => {
            failed.add(subject.name);
            bench.fail(subject.name, error);
          },
        );
      }
    }
  }
  return measured;
}

async function oneRound(running: Running, work: Work, options: RoundOptions): Promise<Round> {
  const one = await measureRound(running, await running.load(work), options);
  await running.done?.(work, one);
  return one;
}

/** Those of them that this machine can start, each in a folder of its own. */
export async function startAll(
  bench: Pick<Bench, "folder" | "say" | "fail">,
  wanted: readonly Subject[],
  env?: (folder: string) => Record<string, string>,
): Promise<Up[]> {
  const started: Up[] = [];
  for (const subject of wanted) {
    bench.say(`starting ${subject.name}`);
    const folder = bench.folder();
    try {
      const running = await subject.start(folder, env?.(folder));
      if (running) started.push({ subject, running });
    } catch (error) {
      bench.fail(subject.name, error);
    }
  }
  return started;
}

export async function stopAll(started: readonly Up[]): Promise<void> {
  await Promise.allSettled(started.map(({ running }) => running.stop()));
}
