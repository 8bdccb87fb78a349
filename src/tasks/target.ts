import { numberDisks, numberVolumeGroups } from "../sources/disks.ts";
import type { TargetDisk, TargetLayout, TargetMachine, TargetServer, TargetServerByTask } from "./schema.ts";

/** A task's target machine as kept. */
export interface Target {
  machine: TargetMachine;
  layout: TargetLayout;
}

type Sent = Omit<TargetServer, "disks"> & { disks?: TargetDisk[] | undefined };

/** The target of a new task. */
export function newTarget(id: string, { disks, ...sent }: TargetServerByTask): Target {
  const layout = { disks: [], volume_groups: [], btrfs_list: [], networks: [] };
  return changedTarget({ machine: { id }, layout }, { ...sent, disks: disks?.map(toTargetDisk) });
}

/**
 * What was sent replaces what was kept, a list as a whole. Disks and volumes get integer ids as those of a source do;
 * the id of the machine stays. Where no list was sent, the layout is the one that was kept.
 */
export function changedTarget({ machine, layout }: Target, sent: Sent): Target {
  const { id: _, disks, volume_groups, btrfs_list, networks, ...members } = sent;
  const changed = { machine: { ...machine, ...members }, layout };
  if (!disks && !volume_groups && !btrfs_list && !networks) return changed;
  return {
    ...changed,
    layout: {
      disks: disks ? numberDisks(disks) : layout.disks,
      volume_groups: volume_groups ? numberVolumeGroups(volume_groups) : layout.volume_groups,
      btrfs_list: btrfs_list ?? layout.btrfs_list,
      networks: networks ?? layout.networks,
    },
  };
}

/** inode_size is in no reply. */
function toTargetDisk(sent: NonNullable<TargetServerByTask["disks"]>[number]): TargetDisk {
  const { physical_volumes, ...disk } = sent;
  return { ...disk, physical_volumes: physical_volumes?.map(({ inode_size: _, ...volume }) => volume) };
}
