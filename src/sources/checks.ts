import type { EnvironmentCheck, MigrationCycle, Registration, SourceState } from "./schema.ts";

/** What the checks look at. */
export type Checked = Pick<Registration, "os_type" | "has_rsync" | "has_tc" | "boot_loader">;

/** The environment check of a registration. Source: docs/decisions.md, "Sources". */
export function environmentChecks(registration: Checked): EnvironmentCheck[] {
  if (registration.os_type !== "LINUX") return [];
  const { has_rsync = false, has_tc = false, boot_loader = "" } = registration;
  return [
    check(1, "has_rsync", String(has_rsync), has_rsync, "rsync is missing on the source", "SMS.6517"),
    check(2, "has_tc", String(has_tc), has_tc, "tc is missing on the source"),
    check(3, "boot_loader", boot_loader, boot_loader === "GRUB", "the boot loader must be GRUB"),
  ];
}

/** Where a source stands after its checks, as long as it has no task. */
export function stateAfterChecks(checks: readonly EnvironmentCheck[]): {
  state: SourceState;
  migration_cycle: MigrationCycle;
} {
  return checks.some((check) => check.result === "ERROR")
    ? { state: "unavailable", migration_cycle: "checking" }
    : { state: "waiting", migration_cycle: "setting" };
}

function check(
  id: number,
  name: string,
  value: string,
  passes: boolean,
  problem: string,
  code?: string,
): EnvironmentCheck {
  const known = { id, name, params: [value] };
  if (passes) return { ...known, result: "OK" };
  return { ...known, result: "ERROR", error_or_warn: problem, ...(code === undefined ? {} : { error_code: code }) };
}
