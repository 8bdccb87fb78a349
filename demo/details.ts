import type { Machine } from "./estate.ts";
import type { Random } from "./random.ts";

/* What agents say of how a command went, as result_detail. */

export type Detail = Record<string, unknown>;

const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

export function begun({ load, registration }: Machine, attempt: number, seconds: number, random: Random): Detail {
  return {
    pid: random.whole(900, 32_000),
    mode: load.type === "MIGRATE_BLOCK" ? "block" : "file",
    ...(load.type === "MIGRATE_BLOCK" ? { disks: registration.disks?.length ?? 0 } : { files: load.files }),
    bytes: load.bytes,
    scan_seconds: round(seconds),
    ...(attempt > 1 && { attempt, resumed: true }),
  };
}

/** As rsync counts, or the copier of blocks. */
export function synced({ load }: Machine, seconds: number, attempt: number, random: Random): Detail {
  const changed = random.between(0.001, 0.02);
  const bytes_copied = Math.round(load.bytes * changed);
  const again = attempt > 1 && { attempt };
  if (load.type === "MIGRATE_BLOCK") {
    const blocks = Math.ceil(bytes_copied / 4096);
    return { blocks_changed: blocks, bytes_copied: blocks * 4096, seconds: round(seconds), verified: true, ...again };
  }
  return {
    files: load.files,
    files_copied: Math.max(1, Math.round(load.files * changed)),
    files_deleted: random.whole(0, 40),
    bytes: load.bytes,
    bytes_copied,
    speedup: round(load.bytes / bytes_copied, 2),
    seconds: round(seconds),
    ...again,
  };
}

export function stopped(copied: number, { load }: Machine, seconds: number): Detail {
  return {
    bytes_copied: Math.round(copied * load.bytes),
    percent: Math.floor(copied * 100),
    seconds: round(seconds),
    resumable: true,
  };
}

export function drilled(seconds: number, random: Random): Detail {
  return {
    boot_seconds: random.whole(18, 75),
    services_up: random.whole(20, 60),
    checks: 12,
    passed: 12,
    seconds: round(seconds),
  };
}

export function drillFailed(seconds: number): Detail {
  return {
    error_code: "SMS.3205",
    error_msg: "the target did not come up: dracut could not find /dev/mapper/vg_data-root",
    checks: 12,
    passed: 4,
    seconds: round(seconds),
  };
}

export function skipped(seconds: number): Detail {
  return { step: "consistency check", seconds: round(seconds) };
}

export function cleaned(random: Random, seconds: number): Detail {
  return {
    removed: ["/var/lib/migration/state", "/var/lib/migration/bitmap"],
    bytes_freed: random.whole(2e6, 9e8),
    seconds: round(seconds),
  };
}

export function uploaded(name: string, bucket: string | undefined, random: Random, seconds: number): Detail {
  return {
    object: `${name}-logs-${random.whole(100, 999)}.tar.gz`,
    ...(bucket !== undefined && { bucket }),
    bytes: random.whole(200_000, 9_000_000),
    seconds: round(seconds),
  };
}

const startFailures: readonly Detail[] = [
  {
    error_code: "SMS.1805",
    error_msg: "the target refuses connections on port 22: connect timed out after 30 s",
    exit_code: 255,
  },
  {
    error_code: "SMS.6602",
    error_msg: "the disks of the target are smaller than the data: 84.2 GiB into 80 GiB",
    exit_code: 1,
  },
  { error_code: "SMS.3802", error_msg: "mkfs.ext4 on /dev/vdb1 failed: the device is in use", exit_code: 1 },
];

export function startFailed(seconds: number, random: Random): Detail {
  return { ...random.pick(startFailures), seconds: round(seconds) };
}

export function syncFailed(seconds: number, random: Random): Detail {
  const file = random.pick(["/srv/share/plans/2024.dwg", "/var/lib/app/spool/0007f2", "/home/reports/q3.xlsx"]);
  return {
    error_code: "SMS.1107",
    error_msg: `rsync: read errors mapping "${file}": Input/output error (5)`,
    exit_code: 23,
    files_copied: random.whole(40, 900),
    seconds: round(seconds),
  };
}
