import * as v from "valibot";
import { decimal, integer, text } from "../http/wire.ts";
import { BtrfsFileSystem, physicalVolume, VolumeGroups } from "../sources/schema.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

export const taskTypes = ["MIGRATE_FILE", "MIGRATE_BLOCK"] as const;
export const osTypes = ["WINDOWS", "LINUX"] as const;
const targetDiskUses = ["NORMAL", "OS", "BOOT"] as const;

/** Anchored, unlike most patterns of the contract: it bounds. */
const TaskName = v.pipe(text(1, 64), v.regex(/^[A-Za-z0-9_\-\u4e00-\u9fa5]{1,64}$/, "takes letters, digits, - and _"));

// createTask

export const PostTask = v.object({
  name: TaskName,
  type: v.picklist(taskTypes),
  start_target_server: v.optional(v.boolean()),
  auto_start: v.optional(
    v.pipe(v.boolean(), v.description("Queues START; the task stays READY until the agent takes it.")),
  ),
  os_type: v.optional(v.picklist(osTypes)),
  source_server: v.object({ id: text(0, 255) }),
  target_server: v.object({
    btrfs_list: v.optional(v.array(BtrfsFileSystem)),
    disks: v.optional(
      v.array(
        v.object({
          device_use: v.optional(v.picklist(targetDiskUses)),
          disk_id: v.optional(text(0, 255)),
          name: v.optional(text(0, 255)),
          physical_volumes: v.optional(v.array(v.object(physicalVolume))),
          size: v.optional(integer(0)),
          used_size: v.optional(integer(0)),
        }),
      ),
    ),
    name: v.optional(text(0, 255)),
    vm_id: v.optional(text(0, 255)),
    volume_groups: v.optional(v.array(VolumeGroups)),
  }),
  migration_ip: v.optional(text(0, 255)),
  region_name: text(0, 255),
  region_id: text(0, 255),
  project_name: text(0, 255),
  project_id: text(0, 255),
  priority: v.optional(integer(0, 65535)),
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

export const CreateTaskResponse = v.object({ id: text(0, 255) });

/** What a task is beyond the columns of its table: as sent, disks and volumes of the target numbered. */
export type TaskDefinition = Omit<PostTask, "name" | "type" | "os_type" | "source_server" | "auto_start">;

// Settings

export const ConfigBody = v.object({
  config_key: text(0, 255),
  config_value: text(0, 1024),
  config_status: v.optional(text(0, 255)),
});
export type ConfigBody = v.InferOutput<typeof ConfigBody>;

export const SpeedLimit = v.object({
  start: text(0, 255),
  end: text(0, 255),
  speed: v.optional(integer(0, 1000)),
  over_speed_threshold: v.optional(decimal(10, 100)),
});
export type SpeedLimit = v.InferOutput<typeof SpeedLimit>;

// What agents report

export const NetworkCheckInfo = v.object({
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
