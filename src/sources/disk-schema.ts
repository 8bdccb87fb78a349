import * as v from "valibot";
import { INT32, integer, object, text } from "../http/wire.ts";

/* What a machine is made of: disks, volumes, file systems, networks. Names and bounds are the contract's. */

/** On disks and volumes of replies: an id to address them by, and what updateServerName has set. */
export const addressed = {
  id: v.optional(integer(0)),
  adjust_size: v.optional(integer(0)),
  need_migration: v.optional(v.boolean()),
};

export const physicalVolume = {
  device_use: v.optional(text(0, 255)),
  file_system: v.optional(text(0, 255)),
  index: v.optional(integer(0, INT32)),
  mount_point: v.optional(text(0, 255)),
  name: v.optional(text(0, 255)),
  size: v.optional(integer(0)),
  used_size: v.optional(integer(0)),
  inode_size: v.optional(integer(0, INT32)),
  uuid: v.optional(text(0, 255)),
};

const reportedPhysicalVolume = {
  ...physicalVolume,
  inode_nums: v.optional(integer(0)),
  size_per_cluster: v.optional(integer(0, INT32)),
};

const disk = {
  name: v.optional(text(0, 255)),
  partition_style: v.optional(text(0, 255)),
  device_use: v.optional(text(0, 255)),
  size: v.optional(integer(0)),
  used_size: v.optional(integer(0)),
  os_disk: v.optional(v.boolean()),
  relation_name: v.optional(text(0, 255)),
  inode_size: v.optional(integer(0, INT32)),
};

const logicalVolume = {
  block_count: v.optional(integer(0, INT32)),
  block_size: v.optional(integer(0, 1048576)),
  file_system: v.optional(text(0, 255)),
  inode_size: v.optional(integer(0, INT32)),
  inode_nums: v.optional(integer(0)),
  device_use: v.optional(text(0, 255)),
  mount_point: v.optional(text(0, 256)),
  name: v.optional(text(0, 1024)),
  size: v.optional(integer(0)),
  used_size: v.optional(integer(0)),
  free_size: v.optional(integer(0)),
};

const volumeGroup = {
  components: v.optional(text(0, 255)),
  free_size: v.optional(integer(0)),
  name: v.optional(text(0, 255)),
  size: v.optional(integer(0)),
};

export const ServerDisk = object({
  ...disk,
  ...addressed,
  physical_volumes: v.optional(v.array(object({ ...reportedPhysicalVolume, ...addressed }))),
});
export type ServerDisk = v.InferOutput<typeof ServerDisk>;

export const VolumeGroups = object({
  ...volumeGroup,
  ...addressed,
  logical_volumes: v.optional(v.array(object({ ...logicalVolume, ...addressed }))),
});
export type VolumeGroups = v.InferOutput<typeof VolumeGroups>;

export const BtrfsFileSystem = object({
  name: v.optional(text(0, 255)),
  label: v.optional(text(0, 255)),
  uuid: v.optional(text(0, 255)),
  device: v.optional(text(0, 255)),
  size: v.optional(integer(0)),
  nodesize: v.optional(integer(0)),
  sectorsize: v.optional(integer(0, INT32)),
  data_profile: v.optional(text(0, 255)),
  system_profile: v.optional(text(0, 255)),
  metadata_profile: v.optional(text(0, 255)),
  global_reserve1: v.optional(text(0, 255)),
  g_vol_used_size: v.optional(integer(0)),
  default_subvolid: v.optional(text(0, 255)),
  default_subvol_name: v.optional(text(0, 255)),
  default_subvol_mountpath: v.optional(text(0, 255)),
  subvolumn: v.optional(
    v.array(
      object({
        uuid: v.optional(text(0, 255)),
        is_snapshot: v.optional(text(0, 255)),
        subvol_id: v.optional(text(0, 255)),
        parent_id: v.optional(text(0, 255)),
        subvol_name: v.optional(text(0, 255)),
        subvol_mount_path: v.optional(text(0, 255)),
      }),
    ),
  ),
});
export type BtrfsFileSystem = v.InferOutput<typeof BtrfsFileSystem>;

export const NetWork = object({
  name: v.optional(text(0, 255)),
  ip: v.optional(text(0, 255)),
  ipv6: v.optional(text(0, 255)),
  netmask: v.optional(text(0, 255)),
  gateway: v.optional(text(0, 255)),
  mtu: v.optional(integer(0, INT32)),
  mac: text(0, 255),
  id: v.optional(text(0, 255)),
});
export type NetWork = v.InferOutput<typeof NetWork>;

/** As an agent reports it: without an id. */
export const ReportedDisk = object({ ...disk, physical_volumes: v.optional(v.array(object(reportedPhysicalVolume))) });

/** As requests have it: without an id. */
export const SentVolumeGroups = object({
  ...volumeGroup,
  logical_volumes: v.optional(v.array(object(logicalVolume))),
});
