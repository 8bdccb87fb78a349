import type { Registration } from "./estate.ts";
import { capacityOf, GIB, type Kind, type System } from "./kinds.ts";
import type { Random } from "./random.ts";

type Disk = NonNullable<Registration["disks"]>[number];
type VolumeGroup = NonNullable<Registration["volume_groups"]>[number];

/** The disks of a machine with what is used of them: `bytes` in all. */
export function disksOf(kind: Kind, system: System, bytes: number, random: Random): Disk[] {
  return system.os_type === "WINDOWS" ? windowsDisks(kind, bytes, random) : linuxDisks(kind, bytes, random);
}

/** Data of a Linux machine with more than one such disk lies in one group. */
export function volumeGroupsOf(kind: Kind, bytes: number): VolumeGroup[] {
  if (kind.data.length < 2) return [];
  const size = kind.data.reduce((sum, { gib }) => sum + gib * GIB, 0);
  return [
    {
      name: "vg_data",
      components: kind.data.map((_, index) => `${linuxDisk(index + 1)}1`).join(";"),
      size,
      free_size: 0,
      logical_volumes: kind.data.map(({ mount_point, gib }) => ({
        name: `/dev/vg_data/lv${mount_point.replaceAll("/", "_")}`,
        file_system: "xfs",
        mount_point,
        size: gib * GIB,
        used_size: shareOf(kind, bytes, gib),
        free_size: gib * GIB - shareOf(kind, bytes, gib),
      })),
    },
  ];
}

function linuxDisks(kind: Kind, bytes: number, random: Random): Disk[] {
  const ofSystem = shareOf(kind, bytes, kind.systemGib);
  const uuid = () => [8, 4, 4, 4, 12].map((digits) => random.hex(digits)).join("-");
  const boot = 1 * GIB;
  const system: Disk = {
    name: linuxDisk(0),
    partition_style: "MBR",
    device_use: "BOOT",
    size: kind.systemGib * GIB,
    used_size: ofSystem,
    os_disk: true,
    physical_volumes: [
      volume({ name: `${linuxDisk(0)}1`, mount_point: "/boot", file_system: "ext4", size: boot, used_size: boot / 4 }),
      volume({
        name: `${linuxDisk(0)}2`,
        mount_point: "/",
        file_system: "ext4",
        size: kind.systemGib * GIB - boot,
        used_size: ofSystem,
      }),
    ],
  };
  const data = kind.data.map(({ mount_point, gib }, index): Disk => {
    const name = linuxDisk(index + 1);
    const used_size = shareOf(kind, bytes, gib);
    const isGrouped = kind.data.length > 1;
    return {
      name,
      partition_style: "GPT",
      device_use: "NORMAL",
      size: gib * GIB,
      used_size,
      os_disk: false,
      physical_volumes: [
        volume({
          name: `${name}1`,
          ...(isGrouped ? { file_system: "LVM2_member" } : { file_system: "xfs", mount_point }),
          size: gib * GIB,
          used_size,
        }),
      ],
    };
  });
  return [system, ...data];

  function volume(own: { name: string; file_system: string; size: number; used_size: number; mount_point?: string }) {
    return { device_use: own.mount_point === "/boot" ? "BOOT" : "NORMAL", index: 0, uuid: uuid(), ...own };
  }
}

function windowsDisks(kind: Kind, bytes: number, random: Random): Disk[] {
  const volumes = [{ mount_point: "C:", gib: kind.systemGib }, ...kind.data];
  return volumes.map(({ mount_point, gib }, index) => ({
    name: `Disk ${index}`,
    partition_style: "GPT",
    device_use: index === 0 ? "OS" : "NORMAL",
    size: gib * GIB,
    used_size: shareOf(kind, bytes, gib),
    os_disk: index === 0,
    physical_volumes: [
      {
        name: mount_point,
        mount_point,
        file_system: "NTFS",
        device_use: index === 0 ? "OS" : "NORMAL",
        index: 1,
        size: gib * GIB,
        used_size: shareOf(kind, bytes, gib),
        size_per_cluster: 4096,
        uuid: `\\\\?\\Volume{${random.hex(8)}-${random.hex(4)}-${random.hex(4)}-${random.hex(4)}-${random.hex(12)}}`,
      },
    ],
  }));
}

/** What of so many bytes lies on a disk of that size: all are used alike. */
function shareOf(kind: Kind, bytes: number, gib: number): number {
  return Math.round((bytes / capacityOf(kind)) * gib * GIB);
}

function linuxDisk(index: number): string {
  return `/dev/sd${String.fromCharCode("a".charCodeAt(0) + index)}`;
}
