import { CliFailure, messageOf } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";

/** How far a clock may be off before something is said, and before nothing works: signatures allow 15 minutes. */
const CLOCK_WARN_MS = 2_000;
const CLOCK_FAIL_MS = 300_000;

const UNITS = ["KB", "MB", "GB", "TB"];

/** One thing that was looked at. `message` says what was found and, unless it is ok, what to do. */
export interface Check {
  check: string;
  status: "ok" | "warn" | "fail";
  message: string;
}

/** What throws has failed. */
export async function checked(check: string, look: () => Promise<Omit<Check, "check">>): Promise<Check> {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    return { check, status: "fail", message: messageOf(error) };
  }
}

export const ok = (message: string) => ({ status: "ok", message }) as const;
export const warn = (message: string) => ({ status: "warn", message }) as const;
export const fail = (message: string) => ({ status: "fail", message }) as const;

/** One line each, or a JSON list. Throws with the number of those that failed. */
export function tellChecks(output: Output, checks: readonly Check[], json: boolean | undefined): void {
  if (json) output.print(JSON.stringify(checks, null, 2));
  else for (const { check, status, message } of checks) output.print(`${status.padEnd(4)}  ${check}: ${message}`);
  const failed = checks.filter(({ status }) => status === "fail").length;
  if (failed > 0) throw new CliFailure("failed", `${failed} of ${checks.length} checks failed`);
}

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

/** 1234 as "1.2 KB". */
export function sizeOf(bytes: number): string {
  let size = bytes;
  let unit = "bytes";
  for (const larger of UNITS) {
    if (size < 1000) break;
    size /= 1000;
    unit = larger;
  }
  return `${unit === "bytes" ? size : size.toFixed(1)} ${unit}`;
}
