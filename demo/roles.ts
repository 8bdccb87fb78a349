import type { Random } from "./random.ts";

/*
 * What becomes of a source: its part in the story. The agent's side of a part is in agent.ts, the operator's in
 * habits.ts.
 */

/** One source each, in this order: a fleet that is smaller has the first ones. */
const parts = [
  /** Copies for hours. */
  "large",
  /** Its copy is stopped and started again. */
  "stopped",
  /** The copy fails at its start. */
  "failing",
  /** Its environment check fails. */
  "unfit",
  /** Whole life: copy, sync, cutover, the task's end, and from the beginning. */
  "cutover",
  /** Was installed and never called: a command for it is not delivered. */
  "silent",
  /** Its agent breaks down in the middle of each command and gets it again. */
  "crashing",
  /** Its task is stopped and deleted, and made anew. */
  "leaving",
  /** Begins its copy and is never seen again. */
  "gone",
  /** Takes longer for a command than it may. */
  "slow",
  /** Its agent falls silent for minutes, and comes back. */
  "pausing",
  "drill",
  "clone",
  "snapshots",
  "skipping",
  /** A sync fails, and is rolled back. */
  "syncFailing",
  /** Is done, and synced now and then. */
  "settled",
  /** Polls, and has no task. */
  "waiting",
] as const;

export type Role = (typeof parts)[number] | "plain";

/** What the others are, as often as in a real estate. */
const others: readonly { role: Role; share: number }[] = [
  { role: "plain", share: 62 },
  { role: "waiting", share: 18 },
  { role: "cutover", share: 8 },
  { role: "pausing", share: 3 },
  { role: "stopped", share: 3 },
  { role: "failing", share: 2 },
  { role: "gone", share: 1 },
  { role: "silent", share: 1 },
  { role: "unfit", share: 1 },
  { role: "crashing", share: 1 },
];

/** The part of the source at that place of the fleet. */
export function roleAt(place: number, random: Random): Role {
  const own = parts[place];
  if (own) return own;
  // The first that follow show what most of a fleet does.
  if (place < parts.length + 6) return "plain";
  const all = others.reduce((sum, { share }) => sum + share, 0);
  let drawn = random.between(0, all);
  for (const { role, share } of others) {
    drawn -= share;
    if (drawn < 0) return role;
  }
  return "plain";
}
