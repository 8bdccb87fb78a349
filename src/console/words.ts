/* How the words of the API look. A colour never says anything alone: the word stands beside it. */

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

const tones: Record<Exclude<Tone, "idle">, string> = {
  good: "finished succeeded success matched MIGRATE_SUCCESS SYNC_SUCCESS OK SYNC_F_ROLLBACK_SUCCESS",
  busy: "initialize replicate syncing cutovering cloning premiging premigready premiged RUNNING SYNCING delivered SYNC_F_ROLLBACKING",
  warn: "stopping skipping deleting clearing ABORTING SKIPPING DELETING RESETING unavailable overdue undelivered late WARN not_seen",
  bad: "error failed fail clearfailed premigfailed MIGRATE_FAIL SYNC_FAIL ERROR task_failed",
};
const toneOf = new Map(
  Object.entries(tones).flatMap(([tone, words]) => words.split(" ").map((word) => [word, tone as Tone] as const)),
);

export const tone = (word: string): Tone => toneOf.get(word) ?? "idle";

/** A word of the API as a person reads it. */
export const plain = (word: string): string => word.toLowerCase().replaceAll("_", " ");

/** In the order of a migration; what hinders it first. */
const order =
  "error clearfailed premigfailed unavailable waiting initialize premigready premiging premiged replicate syncing cloning cutovering stopping stopped skipping deleting clearing cleared finished";

export const byState = <Counted extends { state: string }>(counts: readonly Counted[]): Counted[] =>
  [...counts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));

const sizes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(sizes.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${sizes[power]}`;
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const units: [name: string, ms: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** Milliseconds as a person says them: its one largest unit, and beside it the next where that is short. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const at = units.findIndex(([, size]) => ms >= size);
  const [name, size] = units[at] ?? ["s", 1_000];
  const count = Math.floor(ms / size);
  const [lesser, part] = units[at + 1] ?? ["", 0];
  const rest = part && count < 10 ? Math.floor((ms % size) / part) : 0;
  return `${count} ${name}${rest ? ` ${rest} ${lesser}` : ""}`;
}

/** By its largest unit alone. */
export const ago = (ms: number): string =>
  ms < 1_000
    ? "now"
    : `${duration(ms - (ms % 1_000))
        .split(" ", 2)
        .join(" ")} ago`;
