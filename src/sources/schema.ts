import * as v from "valibot";
import { logCollectStatuses, taskStates } from "../core/words.ts";
import { decimal, INT32, integer, object, queryBoolean, queryInteger, text } from "../http/wire.ts";
import {
  addressed,
  BtrfsFileSystem,
  NetWork,
  physicalVolume,
  ReportedDisk,
  SentVolumeGroups,
  ServerDisk,
  VolumeGroups,
} from "./disk-schema.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

export const sourceStates = [
  "unavailable",
  "waiting",
  "initialize",
  "replicate",
  "syncing",
  "stopping",
  "stopped",
  "skipping",
  "deleting",
  "clearing",
  "cleared",
  "clearfailed",
  "premigready",
  "premiged",
  "premigfailed",
  "cloning",
  "cutovering",
  "finished",
  "error",
] as const;
/** As replies show it: a drill under way has a word in no reply's list, but in changestate's. */
export const shownSourceStates = [...sourceStates, "premiging"] as const;
export type SourceState = (typeof shownSourceStates)[number];

export const migrationCycles = ["cutovering", "cutovered", "checking", "setting", "replicating", "syncing"] as const;
/** As replies show it: changestate may say four more. */
export const shownMigrationCycles = [...migrationCycles, "no_ready", "ready_for_test", "testing", "tested"] as const;
export type MigrationCycle = (typeof shownMigrationCycles)[number];

/** Where a source stands: its condition, and the stage of the migration. */
export interface Place {
  state: SourceState;
  migration_cycle: MigrationCycle;
}

/** Needed to register; an update may leave them out. */
const neededToRegister = {
  name: text(1, 64),
  os_type: v.picklist(["WINDOWS", "LINUX"]),
  os_version: text(0, 255),
  networks: v.array(NetWork),
  agent_version: text(0, 255),
};

const alwaysOptional = {
  ip: v.optional(text(0, 255)),
  ipv6: v.optional(text(0, 255)),
  hostname: v.optional(text(1, 64)),
  linux_block_check: v.optional(text(0, 255)),
  firmware: v.optional(v.picklist(["BIOS", "UEFI"])),
  cpu_quantity: v.optional(integer(0, 65535)),
  memory: v.optional(integer(0)),
  btrfs_list: v.optional(v.array(BtrfsFileSystem)),
  domain_id: v.optional(text(0, 255)),
  has_rsync: v.optional(v.boolean()),
  paravirtualization: v.optional(v.boolean()),
  raw_devices: v.optional(text(0, 255)),
  driver_files: v.optional(v.boolean()),
  system_services: v.optional(v.boolean()),
  account_rights: v.optional(v.boolean()),
  boot_loader: v.optional(text(0, 255)),
  system_dir: v.optional(text(0, 255)),
  kernel_version: v.optional(text(0, 255)),
  oem_system: v.optional(v.boolean()),
  start_type: v.optional(text(0, 255)),
  io_read_wait: v.optional(decimal(0, 10000)),
  has_tc: v.optional(v.boolean()),
  platform: v.optional(
    v.picklist(["hw", "ali", "aws", "azure", "gcp", "tencent", "vmware", "hyperv", "other", "default"]),
  ),
};

/** What a source's agent told of it, as kept: disks and volumes numbered. */
const Registration = object({
  ...neededToRegister,
  ...alwaysOptional,
  disks: v.optional(v.array(ServerDisk)),
  volume_groups: v.optional(v.array(VolumeGroups)),
});
export type Registration = v.InferOutput<typeof Registration>;

export const PostSourceServerBody = v.pipe(
  object({
    id: v.optional(v.pipe(text(0, 255), v.description("Updates that source instead of registering a new one."))),
    ...v.partial(object(neededToRegister)).entries,
    ...alwaysOptional,
    disks: v.optional(v.pipe(v.array(ReportedDisk), v.maxLength(65535))),
    volume_groups: v.optional(v.array(SentVolumeGroups)),
    migration_cycle: v.optional(v.pipe(v.picklist(migrationCycles), v.description("Checked and ignored."))),
    state: v.optional(v.pipe(v.picklist(sourceStates), v.description("Checked and ignored."))),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || (dataset.value.id ?? "") !== "") return;
    const { value } = dataset;
    const missing = Object.keys(neededToRegister).filter((name) => value[name as keyof typeof value] === undefined);
    if (missing.length > 0)
      addIssue({ message: `registering a source takes ${missing.join(", ")}`, expected: null as never });
    else if (!value.ip && !value.ipv6)
      addIssue({ message: "registering a source takes ip or ipv6", expected: null as never });
  }),
);
export type PostSourceServerBody = v.InferOutput<typeof PostSourceServerBody>;

export const RegisterServerResponse = object({ id: text(0, 255) });

/** The integer id of a reply, as a number (Terraform) or as text (SDK model). */
const diskId = v.union([v.pipe(integer(0), v.transform(String)), text(0, 255)]);

const setting = {
  id: v.optional(diskId),
  need_migration: v.optional(v.boolean()),
  adjust_size: v.optional(integer(0)),
};

export const PutSourceServerBody = object({
  name: v.optional(text(0, 255)),
  migprojectid: v.optional(text(0, 255)),
  disks: v.optional(v.array(object({ ...setting, physical_volumes: v.optional(v.array(object(setting))) }))),
  volume_groups: v.optional(v.array(object({ ...setting, logical_volumes: v.optional(v.array(object(setting))) }))),
});
export type PutSourceServerBody = v.InferOutput<typeof PutSourceServerBody>;

export const PutDiskInfoReq = object({
  disks: v.optional(v.array(ReportedDisk)),
  volumegroups: v.optional(v.array(SentVolumeGroups)),
  btrfs_list: v.optional(v.array(BtrfsFileSystem)),
});
export type PutDiskInfoReq = v.InferOutput<typeof PutDiskInfoReq>;

export const EnvironmentCheck = object({
  id: integer(0),
  params: v.optional(v.array(v.string())),
  name: text(0, 255),
  result: v.picklist(["OK", "WARN", "ERROR"]),
  error_code: v.optional(text(0, 255)),
  error_or_warn: v.optional(text(0, 255)),
  error_params: v.optional(text(0, 255)),
});
export type EnvironmentCheck = v.InferOutput<typeof EnvironmentCheck>;

export const targetDiskUses = ["BOOT", "OS", "NORMAL"] as const;

export const InitTargetServer = object({
  disks: v.array(
    object({
      name: v.optional(text(0, 255)),
      size: v.optional(integer(0)),
      device_use: v.optional(v.picklist(targetDiskUses)),
      used_size: v.optional(integer(0)),
      physical_volumes: v.optional(v.array(object({ ...physicalVolume, ...addressed }))),
      ...addressed,
    }),
  ),
  volume_groups: v.optional(v.array(VolumeGroups)),
});
export type InitTargetServer = v.InferOutput<typeof InitTargetServer>;

export const CloneServer = object({
  vm_id: v.optional(text(0, 255)),
  name: v.optional(text(0, 255)),
  clone_error: v.optional(text(0, 255)),
  clone_state: v.optional(v.picklist(["NOT_READY", "READY", "PREPARING", "CREATING", "ERROR", "FINISHED"])),
  error_msg: v.optional(text(0, 1024)),
});

/** What listServers and showServer both tell of a source's task. */
const currentTask = {
  id: text(1, 255),
  name: text(0, 255),
  type: v.picklist(["MIGRATE_BLOCK", "MIGRATE_FILE"]),
  state: v.picklist(taskStates),
  start_date: v.optional(v.pipe(integer(0), v.description("When it first ran; milliseconds since 1970."))),
  speed_limit: v.pipe(integer(0, 10000), v.description("Mbit/s; 0 is none.")),
  migrate_speed: v.optional(v.pipe(decimal(0, 10000), v.description("Mbit/s, as last reported."))),
  start_target_server: v.boolean(),
  vm_template_id: v.optional(text(0, 255)),
  region_id: text(0, 255),
  project_name: text(0, 255),
  project_id: text(0, 255),
  target_server: object({ vm_id: v.optional(text(0, 255)), name: v.optional(text(0, 255)) }),
  log_collect_status: v.picklist(logCollectStatuses),
  exist_server: v.optional(v.boolean()),
  use_public_ip: v.boolean(),
};

/** clone_server is left out: Terraform's provider ends on an object there. */
export const TaskByServerSource = object(currentTask);
export type TaskByServerSource = v.InferOutput<typeof TaskByServerSource>;

export const TaskByServerSources = object({
  ...currentTask,
  estimate_complete_time: v.optional(integer(0)),
  compress_rate: v.optional(decimal(0, 10000)),
  clone_server: v.pipe(CloneServer, v.description("Always there: {} without a clone.")),
  remain_seconds: v.optional(integer(0)),
  log_bucket: v.optional(text(0, 255)),
  log_upload_time: v.optional(integer(0)),
});
export type TaskByServerSources = v.InferOutput<typeof TaskByServerSources>;

/** What listServers and showServer both tell of a source. */
const serverInReplies = {
  id: text(0, 255),
  ip: v.optional(text(0, 255)),
  name: text(0, 255),
  enterprise_project_id: text(1, 255),
  add_date: integer(0),
  os_type: v.picklist(["WINDOWS", "LINUX"]),
  os_version: text(0, 255),
  oem_system: v.optional(v.boolean()),
  state: v.picklist(shownSourceStates),
  connected: v.pipe(v.boolean(), v.description("It polled or reported within the last 60 s.")),
  cpu_quantity: v.optional(integer(0, 65535)),
  memory: v.optional(integer(0)),
  checks: v.array(EnvironmentCheck),
  init_target_server: InitTargetServer,
  last_visit_time: v.pipe(integer(0), v.description("Last poll, report or registration; milliseconds since 1970.")),
  migration_cycle: v.picklist(shownMigrationCycles),
  state_action_time: integer(0),
  stage_action_time: integer(0),
  has_tc: v.optional(v.boolean()),
  start_type: v.optional(text(0, 255)),
  replicatesize: v.optional(v.pipe(integer(0), v.description("Bytes copied, as last reported."))),
  totalsize: v.optional(v.pipe(integer(0), v.description("Bytes to copy, as last reported."))),
};

export const ListServersResponse = object({
  count: v.pipe(integer(0, INT32), v.description("All that match, before paging.")),
  source_servers: v.array(
    object({
      ...serverInReplies,
      current_task: v.optional(TaskByServerSources),
      is_consistency_result_exist: v.boolean(),
    }),
  ),
});
export type ListServersResponse = v.InferOutput<typeof ListServersResponse>;

export const ShowServerResponse = object({
  ...serverInReplies,
  hostname: v.optional(text(0, 255)),
  firmware: v.optional(v.picklist(["BIOS", "UEFI"])),
  disks: v.array(ServerDisk),
  volume_groups: v.array(VolumeGroups),
  btrfs_list: v.array(BtrfsFileSystem),
  networks: v.array(NetWork),
  agent_version: text(0, 255),
  current_task: v.optional(TaskByServerSource),
});
export type ShowServerResponse = v.InferOutput<typeof ShowServerResponse>;

/** States that showOverview counts; sources in others are not counted. */
export const countedStates = [
  "waiting",
  "replicate",
  "syncing",
  "stopped",
  "deleting",
  "cutovering",
  "unavailable",
  "stopping",
  "skipping",
  "finished",
  "initialize",
  "error",
  "cloning",
] as const;

export const ShowOverviewResponse = object({
  ...v.entriesFromList(countedStates, integer(0, INT32)),
  unconfigured: v.pipe(integer(0, INT32), v.description("Sources without a task; their state counts them too.")),
});
export type ShowOverviewResponse = v.InferOutput<typeof ShowOverviewResponse>;

export const MAX_SERVERS_PER_PAGE = 200;

export const ListServersQuery = object({
  state: v.optional(v.picklist(sourceStates)),
  name: v.optional(v.pipe(text(0, 255), v.description("Part of the name, taken literally."))),
  id: v.optional(text(0, 255)),
  ip: v.optional(text(0, 255)),
  ipv6: v.optional(text(0, 255)),
  migproject: v.optional(v.pipe(text(0, 255), v.description("Migration project id."))),
  limit: v.optional(v.pipe(queryInteger(0, MAX_SERVERS_PER_PAGE), v.description("0 means 200."))),
  offset: v.optional(queryInteger(0, 65535)),
  migration_cycle: v.optional(v.picklist(migrationCycles)),
  connected: v.optional(queryBoolean()),
  enterprise_project_id: v.optional(text(0, 255)),
  is_consistency_result_exist: v.optional(queryBoolean()),
  vm_id: v.optional(text(0, 255)),
});
export type ListServersQuery = v.InferOutput<typeof ListServersQuery>;

export function targetDiskUse(use: string | undefined): (typeof targetDiskUses)[number] | undefined {
  return targetDiskUses.find((known) => known === use);
}
