import { CliFailure, messageOf } from "../cli/failure.ts";
import type { Output } from "../cli/output.ts";

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
