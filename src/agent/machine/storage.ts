import { type BlockDevice, withAllAbove } from "./block-devices.ts";
import { INT32, whole } from "./fit.ts";
import { type Mount, mainMountPoint } from "./mounts.ts";
import type { RawUsage } from "./raw.ts";

/** What is known beside the tree of devices. */
export interface Storage {
  mounts: readonly Mount[];
  usage: Readonly<Record<string, RawUsage>>;
  /** Bytes in use on each LVM physical volume, by path. */
  usedByLvm: ReadonlyMap<string, number>;
  /** The device that / is on was found; without it nobody knows what the others are for. */
  rootIsKnown: boolean;
  /** Something is mounted where the boot loader's files are. */
  hasBootMount: boolean;
}

/** What is known of the file system on a device, under an encryption or the like as well. */
export interface Content {
  file_system: string | undefined;
  mount_point: string | undefined;
  used: number | undefined;
  free: number | undefined;
  inodes: number | undefined;
  block_size: number | undefined;
  blocks: number | undefined;
}

const bootMountPoints = ["/boot", "/boot/efi", "/efi"];

/** Partition types that a boot loader or the firmware reads: EFI system, BIOS boot, PReP; GPT and MBR. */
const bootPartitionTypes = [
  "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  "21686148-6449-6e6f-744e-656564454649",
  "9e1a2d38-c612-4316-aa26-8b49521e5a8b",
  "0xef",
  "0x41",
];

export const holdsRoot = (device: BlockDevice) => holds(device, ["/"]);
export const holdsBoot = (device: BlockDevice) => holds(device, bootMountPoints);

/** BOOT, OS or NORMAL for a partition or volume; undefined if it cannot be told. */
export function volumeUse(device: BlockDevice, { rootIsKnown }: Storage): string | undefined {
  if (holdsRoot(device)) return "OS";
  const { partition_type = "" } = device;
  if (holdsBoot(device) || bootPartitionTypes.includes(partition_type.toLowerCase())) return "BOOT";
  return rootIsKnown ? "NORMAL" : undefined;
}

/** For a disk: BOOT is the one the machine starts from, OS one with the system on it only. */
export function diskUse(device: BlockDevice, { rootIsKnown, hasBootMount }: Storage): string | undefined {
  if (holdsBoot(device)) return "BOOT";
  if (holdsRoot(device)) return hasBootMount ? "OS" : "BOOT";
  return rootIsKnown ? "NORMAL" : undefined;
}

export function contentOf(device: BlockDevice, { mounts, usage, usedByLvm }: Storage): Content {
  const layer = mountedLayer(device) ?? device;
  const mount_point = mainMountPoint(layer.mount_points, mounts);
  const mount = mounts.findLast(({ point }) => point === mount_point);
  const counted = mount === undefined ? undefined : usage[mount.number];
  const bytes = (blocks: number) => (counted === undefined ? undefined : whole(blocks * counted.bsize));
  const used = layer.used ?? (counted && bytes(counted.blocks - counted.bfree)) ?? usedByLvm.get(device.path);
  return {
    // lsblk does not know it without the system's help, in a container for example; what is mounted is known.
    file_system: device.file_system ?? (layer === device ? mount?.file_system : undefined),
    mount_point,
    // A btrfs over several devices counts what is on all of them.
    used: used !== undefined && used <= (device.size ?? 0) ? used : undefined,
    free: counted && bytes(counted.bfree),
    inodes: whole(counted?.files) || undefined,
    block_size: whole(counted?.bsize, INT32) || undefined,
    blocks: whole(counted?.blocks, INT32),
  };
}

/** The device that is mounted: this one, or an encryption, a cache or the like that fills it. */
function mountedLayer(device: BlockDevice): BlockDevice | undefined {
  if (device.mount_points.length > 0) return device;
  const layers = device.children.filter(
    ({ type, kernel_name }) => !/^(part|lvm|mpath|dmraid)$/.test(type) && !/^md/.test(kernel_name),
  );
  return layers.map(mountedLayer).find((layer) => layer !== undefined);
}

function holds(device: BlockDevice, points: readonly string[]): boolean {
  return withAllAbove([device]).some(({ mount_points }) => mount_points.some((point) => points.includes(point)));
}
