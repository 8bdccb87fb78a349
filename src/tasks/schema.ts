import * as v from "valibot";
import { migrationTypes } from "../core/words.ts";
import { decimal, INT32, integer, object, text } from "../http/wire.ts";
import {
  BtrfsFileSystem,
  NetWork,
  physicalVolume,
  SentVolumeGroups,
  type VolumeGroups,
} from "../sources/disk-schema.ts";
import { CloneServer, targetDiskUses } from "../sources/schema.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

export const osTypes = ["WINDOWS", "LINUX"] as const;

/** Anchored, unlike most patterns of the contract: it bounds. */
const TaskName = v.pipe(text(1, 64), v.regex(/^[A-Za-z0-9_\-\u4e00-\u9fa5]{1,64}$/, "takes letters, digits, - and _"));

// createTask

const TargetServerByTask = object({
  btrfs_list: v.optional(v.array(BtrfsFileSystem)),
  disks: v.optional(
    v.array(
      object({
        device_use: v.optional(v.picklist(targetDiskUses)),
        disk_id: v.optional(text(0, 255)),
        name: v.optional(text(0, 255)),
        physical_volumes: v.optional(v.array(object({ ...physicalVolume, inode_size: v.optional(integer(0)) }))),
        size: v.optional(integer(0)),
        used_size: v.optional(integer(0)),
      }),
    ),
  ),
  name: v.optional(text(0, 255)),
  vm_id: v.optional(text(0, 255)),
  volume_groups: v.optional(v.array(SentVolumeGroups)),
});
export type TargetServerByTask = v.InferOutput<typeof TargetServerByTask>;

export const PostTask = object({
  name: TaskName,
  type: v.picklist(migrationTypes),
  start_target_server: v.optional(v.boolean()),
  auto_start: v.optional(
    v.pipe(v.boolean(), v.description("Queues START; the task stays READY until the agent takes it.")),
  ),
  os_type: v.optional(v.picklist(osTypes)),
  source_server: object({ id: text(0, 255) }),
  target_server: TargetServerByTask,
  migration_ip: v.optional(text(0, 255)),
  region_name: text(0, 255),
  region_id: text(0, 255),
  project_name: text(0, 255),
  project_id: text(0, 255),
  priority: v.optional(v.pipe(integer(0, 65535), v.description("Default 1; more than 2 is shown as 2."))),
  vm_template_id: v.optional(text(0, 100)),
  clonevm_template_id: v.optional(text(0, 100)),
  use_public_ip: v.optional(v.boolean()),
  use_ipv6: v.optional(v.boolean()),
  syncing: v.optional(v.boolean()),
  exist_server: v.optional(v.boolean()),
  start_network_check: v.optional(v.boolean()),
  speed_limit: v.optional(integer(0, 1000)),
  over_speed_threshold: v.optional(decimal(10, 100)),
  is_need_consistency_check: v.optional(v.boolean()),
  need_migration_test: v.optional(v.boolean()),
});
export type PostTask = v.InferOutput<typeof PostTask>;

export const CreateTaskResponse = object({ id: text(0, 255) });

// updateTask

/** Members of a target's volume, in requests and replies; device_use differs. */
const targetVolume = {
  id: v.optional(integer(0)),
  file_system: v.optional(text(0, 255)),
  index: v.optional(integer(0, INT32)),
  mount_point: v.optional(text(0, 255)),
  name: v.optional(text(0, 255)),
  size: v.optional(integer(0)),
  used_size: v.optional(integer(0)),
  uuid: v.optional(text(0, 255)),
  relation_name: v.optional(text(0, 255)),
  free_size: v.optional(integer(0)),
};

const targetDisk = {
  id: v.optional(integer(0)),
  device_use: v.optional(v.picklist(targetDiskUses)),
  disk_id: v.optional(text(0, 255)),
  name: v.optional(text(0, 255)),
  size: v.optional(integer(0)),
  used_size: v.optional(integer(0)),
  disk_index: v.optional(text(0, 255)),
  os_disk: v.optional(v.boolean()),
  partition_style: v.optional(v.picklist(["MBR", "GPT"])),
  relation_name: v.optional(text(0, 255)),
};

const TargetServer = object({
  id: v.optional(v.pipe(text(0, 255), v.description("Checked and ignored: ferry gives it."))),
  ip: v.optional(text(0, 255)),
  name: v.optional(text(0, 255)),
  hostname: v.optional(text(0, 255)),
  os_type: v.optional(v.picklist(osTypes)),
  os_version: v.optional(text(0, 255)),
  firmware: v.optional(v.picklist(["BIOS", "UEFI"])),
  cpu_quantity: v.optional(integer(0, 65535)),
  memory: v.optional(integer(0)),
  btrfs_list: v.optional(v.array(BtrfsFileSystem)),
  networks: v.optional(v.array(NetWork)),
  domain_id: v.optional(text(0, 255)),
  has_rsync: v.optional(v.boolean()),
  paravirtualization: v.optional(v.boolean()),
  raw_devices: v.optional(text(0, 255)),
  driver_files: v.optional(v.boolean()),
  system_services: v.optional(v.boolean()),
  account_rights: v.optional(v.boolean()),
  boot_loader: v.optional(v.picklist(["GRUB", "LILO"])),
  system_dir: v.optional(text(0, 255)),
  volume_groups: v.optional(v.array(SentVolumeGroups)),
  vm_id: v.optional(text(0, 255)),
  flavor: v.optional(text(0, 255)),
  disks: v.optional(
    v.array(
      object({
        ...targetDisk,
        physical_volumes: v.optional(
          v.array(object({ ...targetVolume, device_use: v.optional(v.picklist(targetDiskUses)) })),
        ),
      }),
    ),
  ),
  image_disk_id: v.optional(text(0, 255)),
  snapshot_ids: v.optional(text(0, 255)),
  cutovered_snapshot_ids: v.optional(text(0, 255)),
});
export type TargetServer = v.InferOutput<typeof TargetServer>;

export const PutTaskReq = object({
  name: v.optional(TaskName),
  type: v.optional(v.picklist(migrationTypes)),
  region_id: v.optional(text(0, 255)),
  region_name: v.optional(text(0, 255)),
  exist_server: v.optional(v.boolean()),
  migration_ip: v.optional(text(0, 255)),
  use_ipv6: v.optional(v.boolean()),
  use_public_ip: v.optional(v.boolean()),
  speed_limit: v.optional(integer(0, 1000)),
  project_name: v.optional(text(0, 255)),
  project_id: v.optional(text(0, 255)),
  enterprise_project: v.optional(text(0, 36)),
  image_disk_id: v.optional(text(0, 255)),
  vm_template_id: v.optional(text(0, 100)),
  target_disk_ids: v.optional(text(0, 16384)),
  snapshot_ids: v.optional(text(0, 1024)),
  cutovered_snapshot_ids: v.optional(text(0, 1024)),
  target_server: v.optional(v.pipe(TargetServer, v.description("Members that are absent stay; a list is replaced."))),
  clone_server: v.optional(v.pipe(CloneServer, v.description("Members that are absent stay."))),
});
export type PutTaskReq = v.InferOutput<typeof PutTaskReq>;

export const UpdateTaskResponse = object({ id: text(1, 255) });

// What is kept of a task

/** As replies show it too. The use of a volume is as sent: createTask takes any text. */
export const TargetDisk = object({
  ...targetDisk,
  physical_volumes: v.optional(v.array(object({ ...targetVolume, device_use: v.optional(text(0, 255)) }))),
});
export type TargetDisk = v.InferOutput<typeof TargetDisk>;

/** The target machine beyond its lists. */
export type TargetMachine = Omit<TargetServer, "id" | keyof TargetLayout> & { id: string };

/** What of the target may be long: kept apart, as only showTask shows it. */
export interface TargetLayout {
  disks: TargetDisk[];
  volume_groups: VolumeGroups[];
  btrfs_list: BtrfsFileSystem[];
  networks: NetWork[];
}

/** What a task is beyond the columns of its table, as sent. */
export type TaskDefinition = Omit<
  PostTask,
  "name" | "type" | "os_type" | "source_server" | "auto_start" | "target_server"
> &
  Omit<PutTaskReq, "name" | "type" | "target_server"> & { target_server: TargetMachine };

// Settings

export const configKeys = [
  "MIGRATE_EXCLUDE_DIR",
  "SYNC_EXCLUDE_DIR",
  "ONLY_SYNC_DIR",
  "CONSISTENCY_DIR",
  "CONSISTENCY_DIR_ILLEGAL",
  "LINUX_BLOCK_COMPRESS_THREAD_NUM",
  "MIGRATE_DST_IP",
  "LINUX_BLOCK_CACHE_SIZE",
  "LINUX_CPU_LIMIT",
  "LINUX_MEM_LIMIT",
  "LINUX_IO_LIMIT",
  "NUM_PROCESS_MIGRATE",
  "NUM_PROCESS_SYNC",
  "CONSISTENCY_RECHECK",
  "CONSISTENCY_MODE",
  "DYNAMIC_PORT",
  "INSTALL_PWD_AGENT",
] as const;

export const ConfigBody = object({
  config_key: v.picklist(configKeys),
  config_value: text(0, 1024),
  config_status: v.optional(text(0, 255)),
});
export type ConfigBody = v.InferOutput<typeof ConfigBody>;

export const ConfigurationRequestBody = object({
  configurations: v.optional(
    v.pipe(v.array(ConfigBody), v.maxLength(50), v.description("Of equal keys the last counts; absent clears.")),
  ),
});
export type ConfigurationRequestBody = v.InferOutput<typeof ConfigurationRequestBody>;

export const ShowConfigSettingQuery = object({ config_key: v.optional(v.string()) });
export type ShowConfigSettingQuery = v.InferOutput<typeof ShowConfigSettingQuery>;

/** WINDOWS_MIGRATE_FILE stands in no list of the contract, but a task may be one. */
const migrateTypes = [
  "WINDOWS_MIGRATE_FILE",
  "WINDOWS_MIGRATE_BLOCK",
  "LINUX_MIGRATE_FILE",
  "LINUX_MIGRATE_BLOCK",
] as const;

export const ShowConfigSettingResponse = object({
  task_id: text(0, 100),
  migrate_type: v.picklist(migrateTypes),
  configurations: v.array(ConfigBody),
});
export type ShowConfigSettingResponse = v.InferOutput<typeof ShowConfigSettingResponse>;

const SpeedLimitlJson = object({
  start: v.pipe(text(0, 255), v.description("HH:MM")),
  end: v.pipe(text(0, 255), v.description("HH:MM")),
  speed: v.optional(v.pipe(integer(0, 1000), v.description("Mbit/s"))),
  over_speed_threshold: v.optional(v.pipe(decimal(10, 100), v.description("Percent over the limit that is borne."))),
});
export type SpeedLimitlJson = v.InferOutput<typeof SpeedLimitlJson>;

export const SpeedLimit = object({
  speed_limit: v.optional(v.pipe(v.array(SpeedLimitlJson), v.description("Replaces the list; absent clears it."))),
});
export type SpeedLimit = v.InferOutput<typeof SpeedLimit>;

export const ShowsSpeedLimitsResponse = object({ speed_limit: v.array(SpeedLimitlJson) });
export type ShowsSpeedLimitsResponse = v.InferOutput<typeof ShowsSpeedLimitsResponse>;

// What agents report

export const NetworkCheckInfo = object({
  domain_connectivity: v.optional(v.boolean()),
  destination_connectivity: v.optional(v.boolean()),
  network_delay: decimal(0, 10000),
  network_jitter: decimal(0, 10000),
  migration_speed: decimal(0, 10000),
  loss_percentage: decimal(0, 100),
  cpu_usage: decimal(0, 100),
  mem_usage: decimal(0, 100),
  evaluation_result: text(5, 9),
});
export type NetworkCheckInfo = v.InferOutput<typeof NetworkCheckInfo>;
