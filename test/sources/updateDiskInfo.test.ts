import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Ferry, register, START, startFerry } from "../harness.ts";

const disks = [
  { name: "/dev/vda", size: 10, physical_volumes: [{ name: "/dev/vda1" }, { name: "/dev/vda2", size: 2 }] },
  { name: "/dev/vdb", partition_style: "GPT" },
];
const volume_groups = [{ name: "vg0", logical_volumes: [{ name: "lv0" }, { name: "lv1" }] }];
const btrfs_list = [{ name: "data" }];

let ferry: Ferry;
let id: string;
beforeEach(async () => {
  ferry = await startFerry();
  id = await register(ferry, "web-1", { disks, volume_groups, btrfs_list });
  const body = {
    disks: [{ id: 2, need_migration: false, physical_volumes: [{ id: 2, adjust_size: 7 }] }],
    volume_groups: [{ id: 1, adjust_size: 8, logical_volumes: [{ id: 2, need_migration: true }] }],
  };
  await ferry.call("operator", "PUT", `/v3/sources/${id}`, { body });
});
afterEach(() => ferry.stop());

const show = async () => (await ferry.call("viewer", "GET", `/v3/sources/${id}`)).json;
const update = (body: object, as: "agent" | "foreign" = "agent", source = id) =>
  ferry.call(as, "PUT", `/v3/sources/${source}/diskinfo`, { body });

test("updateDiskInfo replaces the disks, numbered anew; what was set on one of the same name stays", async () => {
  const before = await show();
  const reported = [
    { name: "/dev/vdb", size: 20, device_use: "OS", physical_volumes: [{ name: "/dev/vda2", file_system: "xfs" }] },
    { name: "/dev/vdc" },
  ];
  await ferry.clock.advance(1_000);
  const { status, text } = await update({ disks: reported });
  expect([status, text]).toEqual([200, "{}"]);
  const kept = [
    {
      ...reported[0],
      id: 1,
      need_migration: false,
      physical_volumes: [{ name: "/dev/vda2", file_system: "xfs", id: 1, adjust_size: 7 }],
    },
    { name: "/dev/vdc", id: 2 },
  ];
  const { init_target_server, ...source } = await show();
  const { init_target_server: _, ...others } = before;
  // Neither a sign of life nor a change of state.
  expect(source).toEqual({ ...others, disks: kept });
  expect(init_target_server).toEqual({ disks: kept, volume_groups: before.volume_groups });
});

test("updateDiskInfo replaces volume groups and file systems each by itself", async () => {
  const before = await show();
  await update({ volumegroups: [{ name: "vg1" }, { name: "vg0", logical_volumes: [{ name: "lv1", size: 3 }] }] });
  const groups = [
    { name: "vg1", id: 1 },
    { name: "vg0", id: 2, adjust_size: 8, logical_volumes: [{ name: "lv1", size: 3, id: 1, need_migration: true }] },
  ];
  expect(await show()).toMatchObject({ disks: before.disks, volume_groups: groups, btrfs_list });
  await update({ btrfs_list: [] });
  expect(await show()).toMatchObject({ disks: before.disks, volume_groups: groups, btrfs_list: [] });
  await update({ disks: [], volumegroups: null });
  expect(await show()).toMatchObject({ disks: [], volume_groups: groups, btrfs_list: [] });
  await update({});
  expect(await show()).toMatchObject({ disks: [], volume_groups: groups, btrfs_list: [] });
});

test("updateDiskInfo passes over ids and settings that are sent, and is on record by kind", async () => {
  await update({ disks: [{ id: 9, name: "/dev/vdz", adjust_size: 1, need_migration: true }], volumegroups: [] });
  expect((await show()).disks).toEqual([{ name: "/dev/vdz", id: 1 }]);
  const [event] = await ferry.rows("SELECT type, at, data FROM events ORDER BY seq DESC LIMIT 1");
  expect([event?.type, event?.at, JSON.parse(String(event?.data))]).toEqual([
    "source.updated",
    START,
    { name: "web-1", changed: ["disks", "volumegroups"] },
  ]);
});

test("updateDiskInfo refuses what is wrong, and nothing changes", async () => {
  const before = await show();
  for (const body of [
    { disks: {} },
    { disks: [{ size: -1 }] },
    { disks: [], volumegroups: [{ logical_volumes: [{ block_size: 1048577 }] }] },
    { btrfs_list: [{ sectorsize: "4096" }] },
  ]) {
    const { status, json } = await update(body);
    expect([body, status, json.error_code]).toEqual([body, 400, "SMS.8001"]);
  }
  expect((await update({ disks: [] }, "foreign")).status).toBe(404);
  expect((await update({ disks: [] }, "agent", "nobody")).json.error_msg).toBe("source nobody is unknown");
  expect(await show()).toEqual(before);
});
