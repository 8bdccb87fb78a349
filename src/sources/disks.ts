import type { ServerDisk, VolumeGroups } from "./disk-schema.ts";
import type { InitTargetServer, PostSourceServerBody, PutSourceServerBody, Registration } from "./schema.ts";
import { targetDiskUse } from "./schema.ts";

/*
 * Disks and volumes carry an integer id in replies, given by ferry: each kind is counted from 1 through the whole
 * source. updateServerName addresses them by it and sets adjust_size and need_migration.
 */

interface Addressed {
  id?: number | undefined;
  name?: string | undefined;
  adjust_size?: number | undefined;
  need_migration?: boolean | undefined;
}

interface Disk extends Addressed {
  physical_volumes?: readonly Addressed[] | undefined;
}

/**
 * The disks and their volumes with ids: one that has an id already keeps it, the others are counted from 1. What was
 * set on a disk or volume of the same name before stays.
 */
export function numberDisks<D extends Disk>(
  reported: readonly D[],
  before: readonly Disk[] = [],
): (D & { id: number })[] {
  const volumes = reported.flatMap((disk) => disk.physical_volumes ?? []);
  const diskIds = counter(reported);
  const volumeIds = counter(volumes);
  const disksBefore = byName(before);
  const volumesBefore = byName(before.flatMap((disk) => disk.physical_volumes ?? []));
  return reported.map((disk) => {
    const numbered = { ...disk, ...settingsOf(disksBefore, disk.name), id: disk.id ?? diskIds() };
    if (disk.physical_volumes === undefined) return numbered;
    const physical_volumes = disk.physical_volumes.map((volume) => ({
      ...volume,
      ...settingsOf(volumesBefore, volume.name),
      id: volume.id ?? volumeIds(),
    }));
    return { ...numbered, physical_volumes };
  });
}

/** The reported volume groups with ids; see numberDisks. */
export function numberVolumeGroups(
  reported: NonNullable<PostSourceServerBody["volume_groups"]>,
  before: readonly VolumeGroups[] = [],
): VolumeGroups[] {
  const groupIds = counter();
  const volumeIds = counter();
  const groupsBefore = byName(before);
  const volumesBefore = byName(before.flatMap((group) => group.logical_volumes ?? []));
  return reported.map((group) => {
    const numbered = { ...group, ...settingsOf(groupsBefore, group.name), id: groupIds() };
    if (group.logical_volumes === undefined) return numbered as VolumeGroups;
    const logical_volumes = group.logical_volumes.map((volume) => ({
      ...volume,
      ...settingsOf(volumesBefore, volume.name),
      id: volumeIds(),
    }));
    return { ...numbered, logical_volumes };
  });
}

/** The kinds that were reported, with ids and what was set before. */
export function numbered(
  { disks, volume_groups }: Pick<PostSourceServerBody, "disks" | "volume_groups">,
  before: Registration | undefined,
): Pick<Registration, "disks" | "volume_groups"> {
  return {
    ...(disks && { disks: numberDisks(disks, before?.disks) }),
    ...(volume_groups && { volume_groups: numberVolumeGroups(volume_groups, before?.volume_groups) }),
  };
}

/** Sets what updateServerName asks for; ids that name nothing are passed over. */
export function applyDiskSettings(
  disks: readonly ServerDisk[],
  wanted: NonNullable<PutSourceServerBody["disks"]>,
): ServerDisk[] {
  const wantedDisks = byId(wanted);
  const wantedVolumes = byId(wanted.flatMap((disk) => disk.physical_volumes ?? []));
  return disks.map((disk) => ({
    ...applySettings(disk, wantedDisks),
    ...(disk.physical_volumes && {
      physical_volumes: disk.physical_volumes.map((volume) => applySettings(volume, wantedVolumes)),
    }),
  }));
}

/** See applyDiskSettings. */
export function applyVolumeGroupSettings(
  groups: readonly VolumeGroups[],
  wanted: NonNullable<PutSourceServerBody["volume_groups"]>,
): VolumeGroups[] {
  const wantedGroups = byId(wanted);
  const wantedVolumes = byId(wanted.flatMap((group) => group.logical_volumes ?? []));
  return groups.map((group) => ({
    ...applySettings(group, wantedGroups),
    ...(group.logical_volumes && {
      logical_volumes: group.logical_volumes.map((volume) => applySettings(volume, wantedVolumes)),
    }),
  }));
}

/** What a target machine starts from: the source's disks and volume groups, in the members that model has. */
export function initTargetServer(
  disks: readonly ServerDisk[],
  volume_groups: readonly VolumeGroups[],
): InitTargetServer {
  return {
    disks: disks.map(
      ({
        partition_style: _p,
        os_disk: _o,
        relation_name: _r,
        inode_size: _i,
        device_use,
        physical_volumes,
        ...disk
      }) => {
        const use = targetDiskUse(device_use);
        return {
          ...disk,
          ...(use && { device_use: use }),
          ...(physical_volumes && {
            physical_volumes: physical_volumes.map(({ inode_nums: _n, size_per_cluster: _s, ...volume }) => volume),
          }),
        };
      },
    ),
    volume_groups: [...volume_groups],
  };
}

/** Ids from 1, but those that are taken. */
function counter(items: readonly Addressed[] = []): () => number {
  const taken = new Set(items.map(({ id }) => id));
  let last = 0;
  return () => {
    do last += 1;
    while (taken.has(last));
    return last;
  };
}

/** The first of each name. */
function byName(items: readonly Addressed[]): ReadonlyMap<string, Addressed> {
  return new Map(items.flatMap((item) => (item.name === undefined ? [] : [[item.name, item] as const])).reverse());
}

function settingsOf(
  before: ReadonlyMap<string, Addressed>,
  name: string | undefined,
): Pick<Addressed, "adjust_size" | "need_migration"> {
  const same = name === undefined ? undefined : before.get(name);
  return {
    ...(same?.adjust_size !== undefined && { adjust_size: same.adjust_size }),
    ...(same?.need_migration !== undefined && { need_migration: same.need_migration }),
  };
}

type Wanted = readonly {
  id?: string | undefined;
  adjust_size?: number | undefined;
  need_migration?: boolean | undefined;
}[];

/** What is asked for each id, the first time it is named. */
function byId(wanted: Wanted): ReadonlyMap<string | undefined, Wanted[number]> {
  return new Map(wanted.map((setting) => [setting.id, setting] as const).reverse());
}

function applySettings<Item extends Addressed>(
  item: Item,
  wanted: ReadonlyMap<string | undefined, Wanted[number]>,
): Item {
  const setting = wanted.get(String(item.id));
  return {
    ...item,
    ...(setting?.adjust_size !== undefined && { adjust_size: setting.adjust_size }),
    ...(setting?.need_migration !== undefined && { need_migration: setting.need_migration }),
  };
}
