import type { BlockDevice } from "./block-devices.ts";

/** What udev knows of a device; lsblk before 2.37 is not asked for its partition table. */
export function udevFile(number: string): string {
  return `/run/udev/data/b${number}`;
}

/** Undefined for a disk without partitions, and for tables the contract has no name for. */
export function partitionStyle(
  device: BlockDevice,
  files: Readonly<Record<string, string>>,
): "GPT" | "MBR" | undefined {
  const told = /^E:ID_PART_TABLE_TYPE=(.+)$/m.exec(files[udevFile(device.number)] ?? "")?.[1];
  const table = device.partition_table ?? told;
  return table === "gpt" ? "GPT" : table === "dos" ? "MBR" : undefined;
}
