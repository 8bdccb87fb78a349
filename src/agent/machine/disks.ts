import { type BlockDevice, withAllAbove } from "./block-devices.ts";
import { cut, INT32, known, whole } from "./fit.ts";
import type { Disk, PhysicalVolume } from "./model.ts";
import { partitionStyle } from "./partition-style.ts";
import { contentOf, diskUse, holdsRoot, type Storage, volumeUse } from "./storage.ts";

/** Devices in memory, over files, with media to change, and an eMMC's own boot sectors. */
const NO_DISK = /^(loop|ram|zram|sr|fd|mtdblock)\d|^mmcblk\d+(boot|rpmb)/;

const EXTENDED = /^0x(5|f|85)$/i;

/** The kernel gives an extended partition this size, as there is nothing in it but other partitions. */
const EXTENDED_SIZE = 1024;

/**
 * What counts as a disk: whole devices; for one that is reached by several paths the multipath device instead; and RAID
 * arrays besides, as file systems and volume groups lie on them and not on their members.
 */
export function diskDevices(roots: readonly BlockDevice[]): BlockDevice[] {
  const candidates = roots.filter(
    ({ type, kernel_name }) => (type === "disk" || isArray({ type, kernel_name })) && !NO_DISK.test(kernel_name),
  );
  const disks = candidates.flatMap((device) => {
    const paths = device.children.filter(({ type }) => type === "mpath");
    return paths.length > 0 ? paths : [device];
  });
  return [...new Set([...disks, ...withAllAbove(disks).filter(isArray)])].filter(
    ({ size }) => size !== undefined && size > 0,
  );
}

/** `files`: what udev knows of them. */
export function disksOf(
  devices: readonly BlockDevice[],
  files: Readonly<Record<string, string>>,
  storage: Storage,
): Disk[] {
  return devices.map((device) => {
    const volumes = volumesOn(device);
    return known({
      name: cut(device.path),
      partition_style: partitionStyle(device, files),
      device_use: diskUse(device, storage),
      size: device.size,
      // What is taken of the disk, as in the service's own examples; what is in use within is each volume's own.
      used_size: whole(volumes.reduce((sum, { size = 0 }) => sum + size, 0)),
      os_disk: storage.rootIsKnown ? holdsRoot(device) : undefined,
      physical_volumes: volumes.map((volume, index) => physicalVolume(volume, index, storage)),
    });
  });
}

/** The partitions; or the disk itself, if there is something on it without any. */
function volumesOn(disk: BlockDevice): BlockDevice[] {
  // Partitions of an array are of type md for an older lsblk.
  const partitions = disk.children.filter(({ type }) => type === "part" || (type === "md" && isArray(disk)));
  if (partitions.length > 0) {
    return partitions.filter(
      ({ partition_type = "", size = 0 }) => !EXTENDED.test(partition_type) && size > EXTENDED_SIZE,
    );
  }
  const isEmpty = disk.file_system === undefined && disk.mount_points.length === 0 && disk.children.length === 0;
  return isEmpty ? [] : [disk];
}

function physicalVolume(device: BlockDevice, index: number, storage: Storage): PhysicalVolume {
  const content = contentOf(device, storage);
  return known({
    device_use: volumeUse(device, storage),
    file_system: cut(content.file_system),
    index,
    mount_point: cut(content.mount_point),
    name: cut(device.path),
    size: device.size,
    used_size: content.used,
    inode_nums: content.inodes,
    uuid: cut(device.uuid),
    size_per_cluster: whole(content.block_size, INT32),
  });
}

function isArray({ type, kernel_name }: Pick<BlockDevice, "type" | "kernel_name">): boolean {
  return type === "dmraid" || (/^md/.test(kernel_name) && !/^(part|md)$/.test(type));
}
