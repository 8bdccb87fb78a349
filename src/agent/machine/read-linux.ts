import { statfs } from "node:fs/promises";
import { cpus, hostname, machine, release } from "node:os";
import { join } from "node:path";
import { lsblkArguments, parseLsblk, withAllAbove } from "./block-devices.ts";
import { bootLoaderFiles, efiFolders, GRUB_IN_EFI } from "./boot-loader.ts";
import { dmiFiles } from "./hardware.ts";
import { mountsOnDevices, parseMounts } from "./mounts.ts";
import { udevFile } from "./partition-style.ts";
import type { RawMachine, RawUsage } from "./raw.ts";
import { readBtrfs } from "./read-btrfs.ts";
import { lookFor, namesIn, readText, readTexts } from "./read-files.ts";
import { linuxInterfaces } from "./read-interfaces.ts";
import { findTool, printedBy, runTool, toolFolders } from "./tools.ts";
import { lvsArguments, pvsArguments, vgsArguments } from "./volume-groups.ts";

const texts = [
  "/etc/redhat-release",
  "/proc/meminfo",
  "/proc/diskstats",
  "/proc/self/mountinfo",
  "/proc/net/route",
  "/proc/net/ipv6_route",
  "/sys/hypervisor/type",
  "/sys/hypervisor/guest_type",
  ...dmiFiles,
];

/** A file system on a disk that is gone, or on a device that does not answer, would be waited for without end. */
const GIVE_UP_AFTER_MS = 10_000;

/** Looks at this machine. Whatever is missing, closed or stuck is left out. */
export async function readLinux(folders: readonly string[] = toolFolders()): Promise<RawMachine> {
  const files = await readTexts(texts);
  const osRelease = (await readText("/etc/os-release")) ?? (await readText("/usr/lib/os-release"));
  const mountinfo = files["/proc/self/mountinfo"];
  const [lsblk, pvs, vgs, lvs, usage, btrfs, interfaces, tools, efi, rawDevices] = await Promise.all([
    readLsblk(folders),
    printedByNamed("pvs", pvsArguments, folders),
    printedByNamed("vgs", vgsArguments, folders),
    printedByNamed("lvs", lvsArguments, folders),
    readUsage(mountinfo),
    readBtrfs(mountinfo, folders),
    linuxInterfaces(),
    findTools(["rsync", "tc"], folders),
    grubFilesInEfi(),
    namesIn("/dev/raw"),
  ]);
  const devices = withAllAbove(parseLsblk(lsblk));
  return {
    hostname: hostname(),
    architecture: machine(),
    kernel: release(),
    cpus: cpus().length,
    files: {
      ...files,
      ...(osRelease !== undefined && { "/etc/os-release": osRelease }),
      ...(await readTexts(devices.filter(({ type }) => type !== "part").map(({ number }) => udevFile(number)))),
    },
    ...(await lookFor(["/sys/firmware", "/sys/firmware/efi", "/sys/kernel", ...bootLoaderFiles, ...efi])),
    tools,
    raw_devices: rawDevices.filter((name) => /^raw\d+$/.test(name)).map((name) => join("/dev/raw", name)),
    interfaces,
    ...(lsblk !== undefined && { lsblk }),
    ...(pvs !== undefined && { pvs }),
    ...(vgs !== undefined && { vgs }),
    ...(lvs !== undefined && { lvs }),
    usage,
    btrfs,
  };
}

async function printedByNamed(name: string, args: readonly string[], folders: readonly string[]) {
  return printedBy(await findTool(name, folders), args);
}

/** The first way of asking that lsblk takes. One that hangs is not asked again. */
async function readLsblk(folders: readonly string[]): Promise<string | undefined> {
  const path = await findTool("lsblk", folders);
  if (path === undefined) return undefined;
  for (const args of lsblkArguments) {
    const outcome = await runTool(path, args);
    if (outcome === undefined) return undefined;
    if (!outcome.failed) return outcome.printed;
  }
  return undefined;
}

async function readUsage(mountinfo: string | undefined): Promise<Record<string, RawUsage>> {
  const usage: Record<string, RawUsage> = {};
  await Promise.all(
    mountsOnDevices(parseMounts(mountinfo)).map(async ({ number, point }) => {
      const counted = await inTime(statfs(point)).catch(() => undefined);
      if (counted === undefined) return;
      const { bsize, blocks, bfree, files } = counted;
      usage[number] = { bsize, blocks, bfree, files };
    }),
  );
  return usage;
}

function inTime<Value>(work: Promise<Value>): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), GIVE_UP_AFTER_MS);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}

async function findTools(names: readonly string[], folders: readonly string[]): Promise<string[]> {
  const paths = await Promise.all(names.map((name) => findTool(name, folders)));
  return names.filter((_, index) => paths[index] !== undefined);
}

/** Each distribution has a folder of its own there. */
async function grubFilesInEfi(): Promise<string[]> {
  const paths = await Promise.all(
    efiFolders.map(async (folder) => (await namesIn(folder)).map((name) => join(folder, name, GRUB_IN_EFI))),
  );
  return paths.flat();
}
