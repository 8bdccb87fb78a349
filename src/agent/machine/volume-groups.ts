import type { BlockDevice } from "./block-devices.ts";
import { cut, INT32, joined, known, whole } from "./fit.ts";
import type { LogicalVolume, VolumeGroup } from "./model.ts";
import { contentOf, type Storage, volumeUse } from "./storage.ts";

const REPORT = ["--reportformat", "json", "--units", "b", "--nosuffix", "--options"];

export const pvsArguments = [...REPORT, "pv_name,vg_name,pv_used"];
export const vgsArguments = [...REPORT, "vg_name,vg_size,vg_free"];
export const lvsArguments = [...REPORT, "vg_name,lv_path,lv_dm_path,lv_size,lv_attr"];

type Row = Readonly<Record<string, string | undefined>>;

/** A group on these lies in a file of some disk, and goes with it. */
const IN_A_FILE = /^\/dev\/loop\d/;

const LONGEST_VOLUME_NAME = 1024;
const LONGEST_MOUNT_POINT = 256;
const LARGEST_BLOCK = 1048576;

/** Bytes in use on each physical volume, by path. */
export function usedByLvm(pvs: string | undefined): Map<string, number> {
  return new Map(
    parseReport(pvs, "pv").flatMap(({ pv_name, pv_used }) => {
      const used = whole(pv_used);
      return pv_name === undefined || used === undefined ? [] : [[pv_name, used] as const];
    }),
  );
}

export function volumeGroups(
  reports: { pvs?: string | undefined; vgs?: string | undefined; lvs?: string | undefined },
  devices: readonly BlockDevice[],
  storage: Storage,
): VolumeGroup[] {
  const physical = parseReport(reports.pvs, "pv");
  const logical = parseReport(reports.lvs, "lv");
  return parseReport(reports.vgs, "vg").flatMap(({ vg_name, vg_size, vg_free }) => {
    const components = physical.flatMap((pv) => (pv.vg_name === vg_name ? (pv.pv_name ?? []) : []));
    if (components.length > 0 && components.every((path) => IN_A_FILE.test(path))) return [];
    const group: VolumeGroup = {
      components: reports.pvs === undefined ? undefined : joined(components),
      free_size: whole(vg_free),
      name: cut(vg_name),
      size: whole(vg_size),
      logical_volumes: logical
        .filter((lv) => lv.vg_name === vg_name && !isPool(lv))
        .map((lv) =>
          logicalVolume(
            lv,
            devices.find(({ path }) => path === lv.lv_dm_path),
            storage,
          ),
        ),
    };
    return [known(group)];
  });
}

/** A thin or cache pool holds other volumes, and nothing of its own that could be copied. */
function isPool({ lv_attr = "" }: Row): boolean {
  return /^[tC]/.test(lv_attr);
}

function logicalVolume(row: Row, device: BlockDevice | undefined, storage: Storage): LogicalVolume {
  const content = device && contentOf(device, storage);
  return known({
    block_count: whole(content?.blocks, INT32),
    block_size: whole(content?.block_size, LARGEST_BLOCK),
    file_system: cut(content?.file_system),
    inode_nums: content?.inodes,
    device_use: device && volumeUse(device, storage),
    mount_point: cut(content?.mount_point, LONGEST_MOUNT_POINT),
    // By path: two groups may each have a volume of the same name, and ferry tells volumes apart by theirs.
    name: cut(row.lv_path, LONGEST_VOLUME_NAME),
    size: whole(row.lv_size),
    used_size: content?.used,
    free_size: content?.free,
  });
}

/** {"report":[{"vg":[{"vg_name":"vg0", ...}]}]}; every value is text. */
function parseReport(text: string | undefined, kind: "pv" | "vg" | "lv"): Row[] {
  try {
    const { report = [] } = JSON.parse(text ?? "") as { report?: Partial<Record<string, object[]>>[] };
    return report.flatMap((section) => section[kind] ?? []).map((row) => textsOf(row));
  } catch {
    return [];
  }
}

function textsOf(row: object): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => typeof value === "string"));
}
