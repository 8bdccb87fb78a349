import { parseLsblk, withAllAbove } from "./block-devices.ts";
import { bootLoader } from "./boot-loader.ts";
import { btrfsList } from "./btrfs.ts";
import { diskDevices, disksOf } from "./disks.ts";
import { cut, joined, known, whole } from "./fit.ts";
import { firmware, memory, paravirtualization, platform, readWait } from "./hardware.ts";
import type { Machine } from "./model.ts";
import { parseMounts } from "./mounts.ts";
import { mainAddress, networksOf } from "./networks.ts";
import { linuxVersion } from "./operating-system.ts";
import type { RawMachine } from "./raw.ts";
import { parseIpv6Routes, parseRoutes } from "./routes.ts";
import { holdsBoot, holdsRoot, type Storage } from "./storage.ts";
import { usedByLvm, volumeGroups } from "./volume-groups.ts";

const LONGEST_NAME = 64;
const MOST_CPUS = 65535;

/** What registerServer takes of a Linux machine. What is not known is not in it. */
export function linuxMachine(raw: RawMachine, agent_version: string): Machine {
  const { files, interfaces, tools } = raw;
  const routes = {
    ipv4: parseRoutes(files["/proc/net/route"]),
    ipv6: parseIpv6Routes(files["/proc/net/ipv6_route"]),
  };
  const ip = mainAddress(interfaces, routes, "IPv4");
  const ipv6 = mainAddress(interfaces, routes, "IPv6");
  const hostname = cut(raw.hostname, LONGEST_NAME);
  return known({
    name: hostname ?? ip ?? ipv6 ?? "unnamed",
    hostname,
    ip,
    ipv6,
    os_type: "LINUX" as const,
    os_version: linuxVersion(files["/etc/os-release"], files["/etc/redhat-release"], raw.architecture),
    firmware: firmware(raw),
    cpu_quantity: whole(raw.cpus, MOST_CPUS) || undefined,
    memory: memory(raw),
    kernel_version: cut(raw.kernel),
    boot_loader: bootLoader(raw),
    has_rsync: tools.includes("rsync"),
    has_tc: tools.includes("tc"),
    platform: platform(raw),
    paravirtualization: paravirtualization(raw),
    raw_devices: joined(raw.raw_devices),
    // MANUAL: somebody here ran --register. Other values are for starts from elsewhere.
    start_type: "MANUAL",
    agent_version: cut(agent_version) ?? "",
    networks: networksOf(interfaces, routes),
    ...storageMembers(raw),
  });
}

function storageMembers(raw: RawMachine) {
  const mounts = parseMounts(raw.files["/proc/self/mountinfo"]);
  const disks = diskDevices(parseLsblk(raw.lsblk, mounts));
  const devices = withAllAbove(disks);
  const storage: Storage = {
    mounts,
    usage: raw.usage,
    usedByLvm: usedByLvm(raw.pvs),
    rootIsKnown: devices.some(holdsRoot),
    hasBootMount: devices.some(holdsBoot),
  };
  return {
    disks: disksOf(disks, raw.files, storage),
    volume_groups: volumeGroups(raw, devices, storage),
    btrfs_list: btrfsList(raw.btrfs, devices, mounts),
    io_read_wait: readWait(
      raw,
      disks.map(({ kernel_name }) => kernel_name),
    ),
  };
}
