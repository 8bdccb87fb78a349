import { type Ferry, waitUntil } from "../executable.ts";

/* Something of everything that the screens show. */

/** What a field says instead of its plain text; most characters it takes. */
export type Say = (plain: string, most?: number) => string;

export interface Estate {
  /** Ids of sources: its task has failed, is running, could not begin, has none; deleted. */
  failed: string;
  running: string;
  unready: string;
  idle: string;
  gone: string;
  task: string;
  /** How many sources there are. */
  count: number;
}

const plainly: Say = (plain) => plain;

export async function makeEstate(ferry: Ferry, say: Say = plainly): Promise<Estate> {
  const failed = await register(ferry, say, "web-failed");
  const running = await register(ferry, say, "web-running");
  const unready = await register(ferry, say, "web-unready", { has_rsync: false, boot_loader: say("LILO") });
  const idle = await register(ferry, say, "web-idle");
  const gone = await register(ferry, say, "web-gone");
  await runTask(ferry, say, failed);
  const error = { error_code: say("SMS.0805", 100), error_msg: say("partition copy failed", 300) };
  await report(ferry, failed, "START", "fail", error);
  const task = await runTask(ferry, say, running);
  await endings(ferry, say, idle);
  await ferry.queue(gone, { command_name: "STOP" });
  await ferry.ask("DELETE", `/v3/sources/${gone}`);
  return { failed, running, unready, idle, gone, task, count: 4 };
}

async function register(ferry: Ferry, say: Say, name: string, more: object = {}): Promise<string> {
  const registration = {
    name: say(name, 64),
    hostname: say(`host-of-${name}`, 64),
    ip: say("192.0.2.10"),
    ipv6: say("2001:db8::10"),
    os_type: "LINUX",
    os_version: say("ubuntu_22"),
    agent_version: say("1.0"),
    kernel_version: say("6.1"),
    firmware: "UEFI",
    cpu_quantity: 4,
    memory: 8_589_934_592,
    has_rsync: true,
    has_tc: true,
    boot_loader: "GRUB",
    disks: [0, 1].map((place) => ({
      name: say(`/dev/vd${place}`),
      size: 107_374_182_400,
      used_size: 53_687_091_200,
      os_disk: place === 0,
      physical_volumes: [
        { name: say("/dev/vda1"), file_system: say("ext4"), mount_point: say("/boot"), size: 1_073_741_824 },
      ],
    })),
    networks: [
      {
        name: say("eth0"),
        ip: say("192.0.2.10"),
        ipv6: say("2001:db8::10"),
        netmask: say("255.255.255.0"),
        gateway: say("192.0.2.1"),
        mac: say("02:00:00:00:00:01"),
      },
    ],
    ...more,
  };
  return (await ferry.ask<{ id: string }>("POST", "/v3/sources", registration)).id;
}

async function report(
  ferry: Ferry,
  source_id: string,
  command_name: string,
  result: string,
  result_detail: object,
): Promise<void> {
  await ferry.ask("POST", `/v3/sources/${source_id}/command_result`, { command_name, result, result_detail });
}

/** Makes a source's task, and lets its agent take it and say how far it is. */
async function runTask(ferry: Ferry, say: Say, source_id: string): Promise<string> {
  const { id } = await ferry.ask<{ id: string }>("POST", "/v3/tasks", {
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    source_server: { id: source_id },
    target_server: { name: say("target-1") },
    region_name: say("region-1"),
    region_id: say("region-1"),
    project_name: say("project-1"),
    project_id: say("project-1"),
  });
  await ferry.ask("POST", `/v3/tasks/${id}/action`, { operation: "start" });
  await ferry.poll(source_id);
  for (const [subtask_name, progress] of [
    ["SSL_CONFIG", 100],
    ["MIGRATE_LINUX_FILE", 40],
  ] as const) {
    await ferry.ask("PUT", `/v3/tasks/${id}/progress`, {
      subtask_name,
      progress,
      replicatesize: 4096,
      totalsize: 10_240,
      process_trace: say("rsync: copying", 2048),
      migrate_speed: 12,
      remain_time: 90,
    });
  }
  return id;
}

/** Commands that ended in every way, and reports of every kind. */
async function endings(ferry: Ferry, say: Say, source_id: string): Promise<void> {
  const detail = { [say("pid", 200)]: say("4117"), list: [say("a"), { [say("b", 200)]: 1 }], none: null };
  // The agent takes START twice and reports it twice.
  await ferry.queue(source_id);
  await ferry.poll(source_id);
  await ferry.poll(source_id);
  await ferry.report(source_id, detail);
  await ferry.report(source_id, detail);
  await ferry.report(source_id, detail, "SKIP");
  const cancelled = await ferry.queue(source_id, { command_name: "DELETE" });
  await ferry.ask("POST", `/operate/v1/commands/${cancelled.id}/cancel`);
  const overdue = await ferry.queue(source_id, { command_name: "SYNC", finish_within_s: 1 });
  await ferry.poll(source_id);
  const undelivered = await ferry.queue(source_id, {
    command_name: "UPLOAD_LOG",
    command_param: { bucket: say("bucket") },
    deliver_by: Date.now() + 300,
  });
  for (const { id } of [overdue, undelivered]) {
    await waitUntil(async () => (await ferry.command(id)).ended_at !== null, "the deadline of a command");
  }
  // The second one takes the place of the first.
  const command_param = { task_id: say("task-1") };
  await ferry.queue(source_id, { command_name: "STOP", command_param });
  await ferry.queue(source_id, { command_name: "START", command_param });
}
