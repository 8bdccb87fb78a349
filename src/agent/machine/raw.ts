/** A network interface as the system has it. */
export interface RawInterface {
  name: string;
  /** As written in /sys or told by node:os; "" if it has none. */
  mac: string;
  /** Where it stands in the system's own order. */
  index?: number;
  mtu?: string;
  /** It belongs to a device on a bus, as opposed to one made of software. */
  physical?: boolean;
  /** Part of a bond or a bridge. */
  enslaved?: boolean;
  /** Loopback. */
  internal?: boolean;
  addresses: readonly RawAddress[];
}

export interface RawAddress {
  family: "IPv4" | "IPv6";
  address: string;
  netmask: string;
}

/** What statfs tells of a mounted file system. */
export interface RawUsage {
  bsize: number;
  blocks: number;
  bfree: number;
  files: number;
}

/** A mounted btrfs: what lies in /sys/fs/btrfs/UUID, and what the btrfs tool prints of it. */
export interface RawBtrfs {
  uuid: string;
  label?: string;
  nodesize?: string;
  sectorsize?: string;
  /** Kernel names of its devices, as sda2. */
  devices: readonly string[];
  /** Folders in allocation/data, metadata and system that name a profile, as single or raid1. */
  profiles: Readonly<Partial<Record<BtrfsKind, readonly string[]>>>;
  /** allocation/KIND/bytes_used */
  bytes_used: Readonly<Partial<Record<BtrfsKind, string>>>;
  mount_points: readonly string[];
  /** `btrfs subvolume list -p -u -q` */
  subvolumes?: string;
  /** `btrfs subvolume get-default` */
  default_subvolume?: string;
}

export const btrfsKinds = ["data", "metadata", "system"] as const;
export type BtrfsKind = (typeof btrfsKinds)[number];

/**
 * What a Linux machine says of itself, as texts. All that is registered of it is made from this alone, so a machine
 * fits in a file and a test can be run on any of them.
 */
export interface RawMachine {
  hostname: string;
  /** `uname -m` */
  architecture: string;
  /** `uname -r` */
  kernel: string;
  cpus: number;
  /** Files that could be read, by path. */
  files: Readonly<Record<string, string>>;
  /** Of the paths that were looked for: those that are there. */
  present: readonly string[];
  /** And those in a folder this user may not look into. */
  hidden: readonly string[];
  /** Names of the executables that were found. */
  tools: readonly string[];
  /** Bound raw devices, /dev/raw/rawN. */
  raw_devices: readonly string[];
  interfaces: readonly RawInterface[];
  /** What the tools printed; absent where there is none, it failed or it hung. */
  lsblk?: string;
  pvs?: string;
  vgs?: string;
  lvs?: string;
  /** By device number, as 8:1, of /proc/self/mountinfo. */
  usage: Readonly<Record<string, RawUsage>>;
  btrfs: readonly RawBtrfs[];
}
