import { fail, ok, warn } from "./check.ts";

/** How far a clock may be off before something is said, and before nothing works: signatures allow 15 minutes. */
const CLOCK_WARN_MS = 2_000;
const CLOCK_FAIL_MS = 300_000;

/** `aheadMs`: how far the other clock is ahead of this machine's, known to `withinMs`. */
export function clockVerdict(whose: string, aheadMs: number, withinMs: number) {
  const off = Math.max(0, Math.abs(aheadMs) - withinMs);
  const text = `${whose} clock is ${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs < 0 ? "behind" : "ahead of"} this machine's`;
  if (off > CLOCK_FAIL_MS) return fail(`${text}: set both by NTP; deadlines and signatures go by them`);
  if (off > CLOCK_WARN_MS) return warn(`${text}: set both by NTP`);
  return ok(`${whose} clock and this machine's agree`);
}

/** For a time on record that has not come yet. */
export function recordVerdict(laterMs: number) {
  if (laterMs <= CLOCK_WARN_MS) return ok("nothing is dated later than now");
  const text = `the newest event is dated ${Math.round(laterMs / 1000)} s later than now: was this machine's clock set back? Set it by NTP`;
  return laterMs > CLOCK_FAIL_MS ? fail(text) : warn(text);
}
