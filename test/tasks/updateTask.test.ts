import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { taskStates } from "../../src/core/words.ts";
import { type Ferry, makeTask, register, START, startFerry } from "../harness.ts";

let ferry: Ferry;
let source_id: string;
let id: string;
beforeEach(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
  id = await makeTask(ferry, source_id, {
    vm_template_id: "template-1",
    speed_limit: 5,
    target_server: {
      name: "target",
      disks: [{ name: "/dev/vda", physical_volumes: [{ name: "/dev/vda1" }] }, { name: "/dev/vdb" }],
      volume_groups: [{ name: "vg0" }],
      btrfs_list: [{ name: "data" }],
    },
  });
});
afterEach(() => ferry.stop());

const show = async () => (await ferry.call("viewer", "GET", `/v3/tasks/${id}`)).json;
const update = (body: object, as: "operator" | "foreign" = "operator", task = id) =>
  ferry.call(as, "PUT", `/v3/tasks/${task}`, { body });

describe("updateTask", () => {
  test("changes the members that are sent, and answers the id", async () => {
    const before = await show();
    const changed = {
      name: "renamed",
      type: "MIGRATE_BLOCK",
      region_id: "region-2",
      region_name: "Region two",
      migration_ip: "192.0.2.51",
      use_ipv6: true,
      use_public_ip: false,
      speed_limit: 0,
      project_name: "other",
      project_id: "p-2",
      vm_template_id: "template-2",
    };
    const { status, json } = await update(changed);
    expect([status, json]).toEqual([200, { id }]);
    expect(await show()).toEqual({ ...before, ...changed });
    expect((await update({})).status).toBe(200);
    expect(await show()).toEqual({ ...before, ...changed });
  });

  test("merges target_server into what is kept: a list is replaced and numbered, the id stays", async () => {
    const before = (await show()).target_server;
    const machine = {
      ip: "192.0.2.52",
      os_type: "WINDOWS",
      os_version: "WINDOWS_2022",
      system_dir: "C:",
      vm_id: "vm-2",
      image_disk_id: "image-1",
      cutovered_snapshot_ids: "s-1",
    };
    // Members that no reply shows are kept all the same.
    const unseen = { hostname: "t", firmware: "UEFI", boot_loader: "LILO", networks: [{ mac: "02:00:00:00:00:02" }] };
    await update({ target_server: { id: "given by another", ...machine, ...unseen } });
    expect((await show()).target_server).toEqual({ ...before, ...machine });
    const [row] = await ferry.rows("SELECT definition, target_layout FROM tasks");
    expect(JSON.parse(String(row?.definition)).target_server).toMatchObject({ hostname: "t", boot_loader: "LILO" });
    expect(JSON.parse(String(row?.target_layout)).networks).toEqual(unseen.networks);

    const disk = { disk_index: "0", os_disk: true, partition_style: "GPT", relation_name: "/dev/vda", disk_id: "d-9" };
    const disks = [
      { name: "/dev/vdc", ...disk },
      { id: 1, name: "/dev/vdd", physical_volumes: [{ device_use: "OS", free_size: 3, relation_name: "r" }] },
      { name: "/dev/vde" },
    ];
    await update({ target_server: { disks, volume_groups: [], btrfs_list: [{ name: "a" }, { name: "b" }] } });
    expect((await show()).target_server).toEqual({
      ...before,
      ...machine,
      disks: [
        { ...disks[0], id: 2 },
        { ...disks[1], physical_volumes: [{ device_use: "OS", free_size: 3, relation_name: "r", id: 1 }] },
        { ...disks[2], id: 3 },
      ],
      volume_groups: [],
      btrfs_list: ["a", "b"],
    });
  });

  test("vm_id is found by the filter of listServers from then on", async () => {
    const found = async (vm_id: string) => (await ferry.call("viewer", "GET", `/v3/sources?vm_id=${vm_id}`)).json.count;
    await update({ target_server: { vm_id: "vm-1" } });
    expect([await found("vm-1"), await found("vm-2")]).toEqual([1, 0]);
    await update({ target_server: { vm_id: "vm-2" } });
    await update({ target_server: { name: "other" } });
    expect([await found("vm-1"), await found("vm-2")]).toEqual([0, 1]);
  });

  test("snapshots and image given beside the target are shown where it has none of its own", async () => {
    await update({ image_disk_id: "image-1", cutovered_snapshot_ids: "x".repeat(1024), snapshot_ids: "s" });
    expect((await show()).target_server).toMatchObject({
      image_disk_id: "image-1",
      cutovered_snapshot_ids: "x".repeat(1024),
    });
    await update({ target_server: { image_disk_id: "image-2" } });
    expect((await show()).target_server.image_disk_id).toBe("image-2");
  });

  test("clone_server appears, member by member", async () => {
    const listed = async () => (await ferry.call("viewer", "GET", "/v3/tasks")).json.tasks[0].clone_server;
    expect([await listed(), (await show()).clone_server]).toEqual([undefined, undefined]);
    await update({ clone_server: { vm_id: "clone-1", name: "c", clone_state: "CREATING" } });
    await update({ clone_server: { clone_state: "ERROR", clone_error: "e", error_msg: "no" } });
    const clone_server = { vm_id: "clone-1", name: "c", clone_state: "ERROR", clone_error: "e", error_msg: "no" };
    expect((await show()).clone_server).toEqual(clone_server);
    expect(await listed()).toEqual({ vm_id: "clone-1", name: "c" });
  });

  test("is allowed in any state and moves none; members of older clients and null are passed over", async () => {
    for (const state of taskStates) {
      await ferry.database.client.execute({ sql: "UPDATE tasks SET state = ?", args: [state] });
      const body = {
        name: `in-${state}`,
        state: "READY",
        priority: 2,
        os_type: "WINDOWS",
        source_server: {},
        type: null,
      };
      expect((await update(body)).status).toBe(200);
      expect(await show()).toMatchObject({ name: `in-${state}`, state, priority: 1, os_type: "LINUX" });
    }
  });

  test("is on record, with the names of what was changed", async () => {
    await update({ name: "renamed", target_server: { raw_devices: "secret" }, unknown: 1 });
    const [event] = await ferry.rows("SELECT type, at, data FROM events ORDER BY seq DESC LIMIT 1");
    expect([event?.type, event?.at, JSON.parse(String(event?.data))]).toEqual([
      "task.updated",
      START,
      { task_id: id, changed: ["name", "target_server"] },
    ]);
  });

  test.each([
    ["a name with a space", { name: "a b" }, "name"],
    ["an empty name", { name: "" }, "name"],
    ["a name of 65", { name: "x".repeat(65) }, "name"],
    ["an unknown type", { type: "MIGRATE" }, "must be one of MIGRATE_FILE, MIGRATE_BLOCK"],
    ["a limit over its bound", { speed_limit: 1001 }, "at most 1000"],
    ["a flag as text", { use_ipv6: "true" }, "use_ipv6"],
    ["snapshots over their bound", { snapshot_ids: "x".repeat(1025) }, "snapshot_ids"],
    ["disks over their bound", { target_disk_ids: "x".repeat(16385) }, "target_disk_ids"],
    ["an unknown use of a disk", { target_server: { disks: [{ device_use: "DATA" }] } }, "device_use"],
    ["an unknown style", { target_server: { disks: [{ partition_style: "mbr" }] } }, "MBR, GPT"],
    ["a network without mac", { target_server: { networks: [{}] } }, "mac"],
    ["an unknown state of the clone", { clone_server: { clone_state: "x" } }, "clone_state"],
    ["a target that is a list", { target_server: [] }, "target_server (in the body) must be an object, not a list"],
    ["a target that is text", { target_server: "vm-1" }, "target_server"],
  ])("refuses %s, saying what is wrong", async (_name, body, said) => {
    const before = await show();
    const { status, json } = await update(body);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
    expect(await show()).toEqual(before);
  });

  test("unknown and another account's are 404 in the same words, and stay", async () => {
    const { status, json } = await update({ name: "taken" }, "foreign");
    expect([status, json.error_msg]).toEqual([404, `task ${id} is unknown`]);
    expect((await update({ name: "taken" }, "operator", "nobody")).json.error_msg).toBe("task nobody is unknown");
    expect((await show()).name).toBe("MigrationTask");
  });
});
