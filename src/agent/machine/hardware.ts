import { whole } from "./fit.ts";
import type { Machine, Platform } from "./model.ts";
import type { RawMachine } from "./raw.ts";

/** What the firmware tells of the machine, readable for everybody. */
export const dmiFiles = ["sys_vendor", "product_name", "bios_vendor", "bios_version", "chassis_asset_tag"].map(
  (name) => `/sys/class/dmi/id/${name}`,
);

/** The first that fits; Azure is Hyper-V with a tag of its own. */
const platforms: readonly (readonly [Platform, RegExp])[] = [
  ["hw", /huawei ?cloud/i],
  ["aws", /amazon/i],
  ["ali", /alibaba/i],
  ["tencent", /tencent/i],
  ["gcp", /^google/im],
  ["azure", /^7783-7084-3265-9085-8269-3286-77$/m],
  ["hyperv", /^microsoft corporation\n+virtual machine$/im],
  ["vmware", /vmware/i],
];

/** Where the machine runs; undefined if its firmware says nothing at all. */
export function platform({ files }: RawMachine): Platform | undefined {
  const told = dmiFiles.flatMap((path) => files[path]?.trim() ?? []).join("\n");
  if (told === "") return undefined;
  return platforms.find(([, sign]) => sign.test(told))?.[0] ?? "other";
}

export function firmware({ present, architecture }: RawMachine): Machine["firmware"] {
  if (present.includes("/sys/firmware/efi")) return "UEFI";
  // Other machines have neither, and without /sys nobody knows.
  return present.includes("/sys/firmware") && /^(x86_64|i\d86|ia32)$/.test(architecture) ? "BIOS" : undefined;
}

/** Paravirtualized is a guest of Xen that boots without firmware; virtio drivers do not make one. */
export function paravirtualization({ files, present }: RawMachine): boolean | undefined {
  if (!present.includes("/sys/kernel")) return undefined;
  if (files["/sys/hypervisor/type"]?.trim() !== "xen") return false;
  const guest = files["/sys/hypervisor/guest_type"]?.trim();
  return guest === undefined ? undefined : guest === "PV";
}

/** Bytes, as the service's clients take it to be, although its pages speak of MB. */
export function memory({ files }: RawMachine): number | undefined {
  const kilobytes = whole(/^MemTotal:\s+(\d+) kB$/m.exec(files["/proc/meminfo"] ?? "")?.[1]);
  return kilobytes === undefined ? undefined : whole(kilobytes * 1024);
}

/** Milliseconds a read from these devices took, on average since the machine started. */
export function readWait({ files }: RawMachine, kernelNames: readonly string[]): number | undefined {
  let reads = 0;
  let milliseconds = 0;
  for (const line of (files["/proc/diskstats"] ?? "").split("\n")) {
    const [, , name = "", completed, , , spent] = line.trim().split(/\s+/);
    if (!kernelNames.includes(name)) continue;
    reads += whole(completed) ?? 0;
    milliseconds += whole(spent) ?? 0;
  }
  if (reads === 0) return undefined;
  return Math.min(Math.round((milliseconds / reads) * 1000) / 1000, 10_000);
}
