import { whole } from "./fit.ts";
import type { Mount } from "./mounts.ts";

/** A disk, a partition or what is laid over them, with what is laid over it. */
export interface BlockDevice {
  /** As the kernel calls it: sda1, dm-0. */
  kernel_name: string;
  /** As people call it: /dev/sda1, /dev/mapper/vg0-root. */
  path: string;
  /** MAJOR:MINOR */
  number: string;
  type: string;
  size: number | undefined;
  partition_table: string | undefined;
  partition_type: string | undefined;
  file_system: string | undefined;
  label: string | undefined;
  uuid: string | undefined;
  mount_points: readonly string[];
  /** Bytes in use on the file system. */
  used: number | undefined;
  children: BlockDevice[];
}

const OLD_COLUMNS = "NAME,KNAME,MAJ:MIN,TYPE,SIZE,FSTYPE,LABEL,UUID,MOUNTPOINT";

/**
 * Arguments for lsblk, the best first: a column it does not know makes it refuse. The second form is for those before
 * 2.37, the third for those before 2.27, as in CentOS 7.
 */
export const lsblkArguments: readonly (readonly string[])[] = [
  [
    "--json",
    "--bytes",
    "--output",
    "NAME,KNAME,PATH,MAJ:MIN,TYPE,SIZE,PTTYPE,PARTTYPE,FSTYPE,LABEL,UUID,MOUNTPOINTS,FSUSED",
  ],
  ["--json", "--bytes", "--output", OLD_COLUMNS],
  ["--pairs", "--bytes", "--output", `${OLD_COLUMNS},PKNAME`],
];

type Row = Readonly<Record<string, unknown>>;

/**
 * The devices with nothing below them, in lsblk's order. A device over several others is one object in each of them.
 * `mounts` is for an lsblk that names one of several mount points only.
 */
export function parseLsblk(text: string | undefined, mounts: readonly Mount[] = []): BlockDevice[] {
  const found = new Map<string, BlockDevice>();
  const json = parseJson(text ?? "");
  const roots = json === undefined ? fromPairs(text ?? "", found) : fromTree(rowsOf(json, "blockdevices"), found);
  for (const device of found.values()) {
    const points = mounts
      .filter(({ number, source }) => number === device.number || source === device.path)
      .map(({ point }) => point);
    device.mount_points = [...new Set([...device.mount_points, ...points])];
  }
  return roots;
}

/** These and all that lies over them, each once. */
export function withAllAbove(devices: readonly BlockDevice[]): BlockDevice[] {
  const all = new Set(devices);
  // A set goes on with what is added on the way.
  for (const device of all) for (const child of device.children) all.add(child);
  return [...all];
}

/** False if that would go round in a circle, which no true output does. */
function lay(device: BlockDevice, below: BlockDevice): boolean {
  if (withAllAbove([device]).includes(below)) return false;
  if (!below.children.includes(device)) below.children.push(device);
  return true;
}

function fromTree(rows: readonly Row[], found: Map<string, BlockDevice>): BlockDevice[] {
  return rows.flatMap((row) => {
    const device = deviceOf(row, found);
    if (device === undefined) return [];
    for (const child of fromTree(rowsOf(row, "children"), found)) {
      lay(child, device);
    }
    return [device];
  });
}

/** NAME="sda1" KNAME="sda1" PKNAME="sda" ...: one line for each device and each that it lies on. */
function fromPairs(text: string, found: Map<string, BlockDevice>): BlockDevice[] {
  const rows = text.split("\n").map((line) => {
    const members = [...line.matchAll(/([A-Z:_-]+)="([^"]*)"/g)];
    return Object.fromEntries(members.map(([, name = "", value = ""]) => [name.toLowerCase(), unescaped(value)]));
  });
  const upper = new Set<BlockDevice>();
  for (const row of rows) {
    const device = deviceOf(row, found);
    const below = row.pkname ? found.get(row.pkname) : undefined;
    if (device === undefined || below === undefined) continue;
    if (lay(device, below)) upper.add(device);
  }
  return [...found.values()].filter((device) => !upper.has(device));
}

function deviceOf(row: Row, found: Map<string, BlockDevice>): BlockDevice | undefined {
  const name = textOf(row.name);
  const kernel_name = textOf(row.kname) ?? name;
  if (name === undefined || kernel_name === undefined) return undefined;
  const before = found.get(kernel_name);
  if (before !== undefined) return before;
  const mountPoints = Array.isArray(row.mountpoints) ? row.mountpoints : [row.mountpoint];
  const device: BlockDevice = {
    kernel_name,
    path: textOf(row.path) ?? (kernel_name.startsWith("dm-") ? `/dev/mapper/${name}` : `/dev/${name}`),
    number: textOf(row["maj:min"])?.trim() ?? "",
    type: textOf(row.type) ?? "",
    size: whole(row.size),
    partition_table: textOf(row.pttype),
    partition_type: textOf(row.parttype),
    file_system: textOf(row.fstype),
    label: textOf(row.label),
    uuid: textOf(row.uuid),
    // Swap is mounted on [SWAP].
    mount_points: mountPoints.flatMap((point) => textOf(point) ?? []).filter((point) => point.startsWith("/")),
    used: whole(row.fsused),
    children: [],
  };
  found.set(kernel_name, device);
  return device;
}

function rowsOf(row: unknown, member: string): Row[] {
  const rows = typeof row === "object" && row !== null ? (row as Row)[member] : undefined;
  return Array.isArray(rows) ? rows.filter((each) => typeof each === "object" && each !== null) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Quotes, backslashes and every byte outside of ASCII are written \xNN. */
function unescaped(text: string): string {
  if (!text.includes("\\x")) return text;
  try {
    return decodeURIComponent(text.replaceAll("%", "%25").replace(/\\x([0-9a-f]{2})/gi, "%$1"));
  } catch {
    return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
