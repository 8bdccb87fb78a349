import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Ferry, poll, queue, register, registration, START, settle, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const show = async (id: string) => (await ferry.call("viewer", "GET", `/v3/sources/${id}`)).json;
const list = async (query = "", as: "viewer" | "foreign" = "viewer") =>
  (await ferry.call(as, "GET", `/v3/sources${query}`)).json;
const names = async (query: string) => (await list(query)).source_servers.map(({ name }: { name: string }) => name);

/** Everything a registration can hold. */
const full = {
  ...registration("web-1"),
  ipv6: "2001:db8::10",
  hostname: "web-1.example.test",
  linux_block_check: "ok",
  firmware: "BIOS",
  cpu_quantity: 4,
  memory: 17179869184,
  disks: [
    {
      name: "/dev/vda",
      partition_style: "MBR",
      device_use: "BOOT",
      size: 42949672960,
      used_size: 1234567890123,
      os_disk: true,
      inode_size: 256,
      physical_volumes: [
        {
          device_use: "OS",
          file_system: "ext4",
          index: 0,
          mount_point: "/",
          name: "/dev/vda1",
          size: 42948624384,
          used_size: 5,
          inode_size: 256,
          inode_nums: 9007199254740991,
          uuid: "u-1",
          size_per_cluster: 4096,
        },
        { name: "/dev/vda2", size: 1 },
      ],
    },
    { name: "/dev/vdb", device_use: "whatever", size: 10, physical_volumes: [{ name: "/dev/vdb1" }] },
  ],
  volume_groups: [
    {
      components: "/dev/vdb1",
      free_size: 1,
      name: "vg0",
      size: 9,
      logical_volumes: [
        { name: "lv0", size: 4, mount_point: "/data", block_count: 1, block_size: 1048576, free_size: 0 },
      ],
    },
  ],
  btrfs_list: [
    {
      name: "b",
      label: "l",
      size: 1,
      default_subvolid: "5",
      subvolumn: [{ uuid: "s", is_snapshot: "false", subvol_id: "256" }],
    },
  ],
  networks: [
    {
      name: "eth0",
      ip: "192.0.2.10",
      ipv6: "",
      netmask: "255.255.255.0",
      gateway: "192.0.2.1",
      mtu: 1500,
      mac: "02:00:00:00:00:01",
      id: "n-1",
    },
  ],
  domain_id: "d",
  has_rsync: true,
  paravirtualization: true,
  raw_devices: "",
  driver_files: true,
  system_services: true,
  account_rights: true,
  system_dir: "/",
  kernel_version: "6.1.0",
  oem_system: false,
  start_type: "MANUAL",
  io_read_wait: 0.5,
  platform: "vmware",
};

describe("registerServer", () => {
  test("answers the id; showServer gives back what was reported, with ids on disks and volumes", async () => {
    const id = await register(ferry, "web-1", full);
    const { disks, volume_groups, btrfs_list, networks } = full;
    expect(await show(id)).toEqual({
      id,
      ip: "192.0.2.10",
      name: "web-1",
      hostname: "web-1.example.test",
      enterprise_project_id: "0",
      add_date: START,
      os_type: "LINUX",
      os_version: "DEBIAN_12_64BIT",
      oem_system: false,
      state: "waiting",
      connected: false,
      firmware: "BIOS",
      cpu_quantity: 4,
      memory: 17179869184,
      checks: [
        { id: 1, name: "has_rsync", params: ["true"], result: "OK" },
        { id: 2, name: "has_tc", params: ["true"], result: "OK" },
        { id: 3, name: "boot_loader", params: ["GRUB"], result: "OK" },
      ],
      disks: [
        {
          ...disks[0],
          id: 1,
          physical_volumes: disks[0]?.physical_volumes.map((volume, index) => ({ ...volume, id: index + 1 })),
        },
        { ...disks[1], id: 2, physical_volumes: [{ name: "/dev/vdb1", id: 3 }] },
      ],
      volume_groups: [
        { ...volume_groups[0], id: 1, logical_volumes: [{ ...volume_groups[0]?.logical_volumes[0], id: 1 }] },
      ],
      btrfs_list,
      networks,
      init_target_server: {
        disks: [
          {
            name: "/dev/vda",
            device_use: "BOOT",
            size: 42949672960,
            used_size: 1234567890123,
            id: 1,
            physical_volumes: [
              {
                device_use: "OS",
                file_system: "ext4",
                index: 0,
                mount_point: "/",
                name: "/dev/vda1",
                size: 42948624384,
                used_size: 5,
                inode_size: 256,
                uuid: "u-1",
                id: 1,
              },
              { name: "/dev/vda2", size: 1, id: 2 },
            ],
          },
          { name: "/dev/vdb", size: 10, id: 2, physical_volumes: [{ name: "/dev/vdb1", id: 3 }] },
        ],
        volume_groups: [
          { ...volume_groups[0], id: 1, logical_volumes: [{ ...volume_groups[0]?.logical_volumes[0], id: 1 }] },
        ],
      },
      last_visit_time: START,
      migration_cycle: "setting",
      state_action_time: START,
      stage_action_time: START,
      agent_version: "5.0.1",
      has_tc: true,
      start_type: "MANUAL",
    });
  });

  test("60,000 disks are numbered in a moment, one more than 65,535 is refused", async () => {
    const disks = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}` }));
    const id = await register(ferry, "many", { disks: disks("a", 60_000) });
    expect((await ferry.call("agent", "POST", "/v3/sources", { body: { id, disks: disks("b", 60_000) } })).status).toBe(
      200,
    );
    const refused = await ferry.call("agent", "POST", "/v3/sources", { body: { id, disks: disks("c", 65_536) } });
    expect([refused.status, refused.json.error_msg]).toEqual([
      400,
      "disks (in the body) must have at most 65535 items",
    ]);
  }, 10_000);

  test("stores the whole body, also what no reply shows", async () => {
    await register(ferry, "web-1", full);
    const [row] = await ferry.rows("SELECT registration FROM sources");
    const { disks: _d, volume_groups: _v, ...rest } = full;
    expect(JSON.parse(String(row?.registration))).toMatchObject(rest);
  });

  test.each([
    ["without rsync", { has_rsync: false }, "has_rsync"],
    ["without tc", { has_tc: undefined }, "has_tc"],
    ["with another boot loader", { boot_loader: "LILO" }, "boot_loader"],
  ])("a Linux source %s is unavailable and told why", async (_name, more, failing) => {
    const source = await show(await register(ferry, "web-1", more));
    expect([source.state, source.migration_cycle]).toEqual(["unavailable", "checking"]);
    const errors = source.checks.filter(({ result }: { result: string }) => result === "ERROR");
    expect(errors).toMatchObject([{ name: failing, error_or_warn: expect.any(String) }]);
  });

  test("a Windows source passes without those; the state sent is ignored", async () => {
    const source = await show(
      await register(ferry, "win", {
        os_type: "WINDOWS",
        has_rsync: false,
        boot_loader: undefined,
        state: "error",
        migration_cycle: "cutovered",
      }),
    );
    expect([source.state, source.migration_cycle, source.checks]).toEqual(["waiting", "setting", []]);
  });

  test("with id updates that source: what is left out stays, checks run again, settings of disks of the same name stay", async () => {
    const id = await register(ferry, "web-1", full);
    await ferry.call("operator", "PUT", `/v3/sources/${id}`, {
      body: { disks: [{ id: 2, need_migration: false, physical_volumes: [{ id: "3", adjust_size: 7 }] }] },
    });
    await ferry.clock.advance(1_000);
    const body = { id, has_rsync: false, disks: [{ name: "/dev/vdb", physical_volumes: [{ name: "/dev/vdb1" }] }] };
    expect((await ferry.call("agent", "POST", "/v3/sources", { body })).json).toEqual({ id });
    expect(await show(id)).toMatchObject({
      name: "web-1",
      state: "unavailable",
      state_action_time: START + 1_000,
      add_date: START,
      last_visit_time: START + 1_000,
      firmware: "BIOS",
      disks: [
        {
          id: 1,
          name: "/dev/vdb",
          need_migration: false,
          physical_volumes: [{ id: 1, name: "/dev/vdb1", adjust_size: 7 }],
        },
      ],
    });
    expect((await list()).count).toBe(1);
  });

  test("an empty id is no id; null counts as absent; unknown members are ignored; a body may end in a newline", async () => {
    const text = `${JSON.stringify({ ...registration(), id: "", hostname: null, disks: null, virtualization_type: "x" })}\n`;
    const { status, json } = await ferry.call("agent", "POST", "/v3/sources", { text });
    expect(status).toBe(200);
    expect(await show(json.id)).not.toHaveProperty("hostname");
  });

  test("lengths count characters: 64 of four bytes each are a name, 65 are not", async () => {
    expect((await show(await register(ferry, "😀".repeat(64)))).name).toBe("😀".repeat(64));
    const { status, json } = await ferry.call("agent", "POST", "/v3/sources", { body: registration("😀".repeat(65)) });
    expect([status, json.error_msg]).toEqual([400, "name (in the body) must have at most 64 characters"]);
  });

  test.each([
    ["no name", { name: undefined }, "registering a source takes name"],
    [
      "nothing but a name",
      { os_type: undefined, os_version: undefined, networks: undefined, agent_version: undefined },
      "os_type, os_version, networks, agent_version",
    ],
    ["no address", { ip: undefined }, "ip or ipv6"],
    ["an empty name", { name: "" }, "name"],
    ["an unknown system", { os_type: "BEOS" }, "must be one of WINDOWS, LINUX, not"],
    ["an unknown state", { state: "sleeping" }, "state"],
    ["a number as text", { cpu_quantity: "4" }, "cpu_quantity"],
    ["a number with a fraction", { memory: 1.5 }, "memory"],
    ["a number past 2^53", { memory: 2 ** 53 }, "memory"],
    ["a number over its bound", { cpu_quantity: 65536 }, "cpu_quantity"],
    ["a negative size", { disks: [{ size: -1 }] }, "disks.0.size"],
    ["a network without mac", { networks: [{ name: "eth0" }] }, "networks.0.mac"],
    ["a flag as number", { has_tc: 1 }, "has_tc"],
    ["disks as object", { disks: {} }, "disks"],
    ["a name with U+0000", { name: "a\u0000b" }, "U+0000"],
    ["a name with half a surrogate pair", { name: "a\ud800" }, "surrogate"],
  ])("refuses %s, saying what is wrong", async (_name, more, said) => {
    const { status, json } = await ferry.call("agent", "POST", "/v3/sources", { body: { ...registration(), ...more } });
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
    expect((await list()).count).toBe(0);
  });

  test("an unknown id is 404, another account's too", async () => {
    expect((await ferry.call("agent", "POST", "/v3/sources", { body: { id: "nobody" } })).status).toBe(404);
    const id = await register(ferry, "theirs", {}, "foreign");
    expect((await ferry.call("agent", "POST", "/v3/sources", { body: { id, name: "mine" } })).status).toBe(404);
  });

  test("the account's first source makes its SystemProject, the next ones join it", async () => {
    await Promise.all([register(ferry, "a"), register(ferry, "b"), register(ferry, "c", {}, "foreign")]);
    expect(
      await ferry.rows("SELECT name, isdefault, region, type, count(*) OVER () AS n FROM migprojects LIMIT 1"),
    ).toEqual([{ name: "SystemProject", isdefault: 1, region: "region-1", type: "MIGRATE_FILE", n: 2 }]);
  });
});

describe("listServers", () => {
  beforeEach(async () => {
    await register(ferry, "web-1");
    await register(ferry, "web_2", { ip: "192.0.2.20", ipv6: "2001:db8::2" });
    await register(ferry, "db%1", { has_tc: false });
    await register(ferry, "theirs", {}, "foreign");
  });

  test("the account's sources, oldest first, with the count", async () => {
    const { count, source_servers } = await list();
    expect([count, source_servers.map(({ name }: { name: string }) => name)]).toEqual([3, ["web-1", "web_2", "db%1"]]);
    expect((await list("", "foreign")).count).toBe(1);
    expect(source_servers[0]).toMatchObject({
      is_consistency_result_exist: false,
      init_target_server: { disks: [], volume_groups: [] },
    });
  });

  test("filters", async () => {
    const [first] = (await list()).source_servers;
    const [project] = await ferry.rows("SELECT id FROM migprojects ORDER BY seq LIMIT 1");
    const expected: [string, string[]][] = [
      ["name=web", ["web-1", "web_2"]],
      ["name=_", ["web_2"]],
      ["name=%25", ["db%1"]],
      ["name=WEB", []],
      ["name=", ["web-1", "web_2", "db%1"]],
      ["state=unavailable", ["db%1"]],
      ["migration_cycle=setting", ["web-1", "web_2"]],
      [`id=${first.id}`, ["web-1"]],
      ["ip=192.0.2.20", ["web_2"]],
      ["ipv6=2001:db8::2", ["web_2"]],
      ["connected=false", ["web-1", "web_2", "db%1"]],
      ["connected=True", []],
      [`migproject=${project?.id}`, ["web-1", "web_2", "db%1"]],
      ["migproject=nobody", []],
      ["enterprise_project_id=0", ["web-1", "web_2", "db%1"]],
      ["enterprise_project_id=x", []],
      ["vm_id=x", []],
      ["is_consistency_result_exist=true", []],
      ["is_consistency_result_exist=false&state=waiting&name=1", ["web-1"]],
      ["unknown=ignored&name=web-", ["web-1"]],
    ];
    for (const [query, found] of expected) {
      expect([query, await names(`?${query}`), (await list(`?${query}`)).count]).toEqual([query, found, found.length]);
    }
  });

  test("connected counts what memory knows and what is stored", async () => {
    const [first, second] = (await list()).source_servers;
    await poll(ferry, first.id);
    await ferry.clock.advance(59_999);
    await poll(ferry, second.id);
    expect(await names("?connected=true")).toEqual(["web-1", "web_2"]);
    await ferry.clock.advance(1);
    expect(await names("?connected=true")).toEqual(["web_2"]);
    await ferry.runJobs();
    await ferry.restart();
    expect(await names("?connected=true")).toEqual(["web_2"]);
    expect(await names("?connected=false")).toEqual(["web-1", "db%1"]);
  });

  test("pages by limit and offset with the true count", async () => {
    expect(await names("?limit=2")).toEqual(["web-1", "web_2"]);
    expect(await names("?offset=1")).toEqual(["web_2", "db%1"]);
    expect(await names("?limit=1&offset=2")).toEqual(["db%1"]);
    expect(await list("?limit=1&offset=50")).toEqual({ count: 3, source_servers: [] });
    expect(await names("?limit=0")).toEqual(["web-1", "web_2", "db%1"]);
  });

  test("sources of many megabytes make shorter pages, and none is passed over", async () => {
    const raw_devices = Array.from({ length: 17_000 }, (_, index) => ({ name: `${index}`.padEnd(255, "x") }));
    for (const name of ["big-1", "big-2", "big-3", "big-4"]) await register(ferry, name, { disks: raw_devices });
    const pages: string[][] = [];
    for (let offset = 0; ; offset = pages.flat().length) {
      const page = await names(`?name=big&offset=${offset}`);
      if (page.length === 0) break;
      pages.push(page);
    }
    expect(pages.flat()).toEqual(["big-1", "big-2", "big-3", "big-4"]);
    expect(pages.length).toBeGreaterThan(1);
  });

  test.each([
    "limit=201",
    "limit=-1",
    "limit=two",
    "offset=65536",
    "state=sleeping",
    "connected=maybe",
    "connected=",
    "migration_cycle=x",
    "name=a&name=b",
    `name=${"x".repeat(256)}`,
  ])("refuses %s", async (query) => {
    const { status, json } = await ferry.call("viewer", "GET", `/v3/sources?${query}`);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
  });
});

describe("updateServerName", () => {
  const update = (id: string, body: object) => ferry.call("operator", "PUT", `/v3/sources/${id}`, { body });

  test("renames; sets what is to be migrated by id as number or text, passing over unknown ones", async () => {
    const id = await register(ferry, "web-1", full);
    const reply = await update(id, {
      name: "web-one",
      disks: [
        {
          id: 1,
          need_migration: true,
          adjust_size: 50,
          physical_volumes: [
            { id: "2", need_migration: false },
            { id: 99, adjust_size: 1 },
          ],
        },
      ],
      volume_groups: [{ id: "1", adjust_size: 8, logical_volumes: [{ id: 1, need_migration: true }] }, { id: "none" }],
    });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    const source = await show(id);
    expect(source).toMatchObject({
      name: "web-one",
      disks: [
        {
          id: 1,
          need_migration: true,
          adjust_size: 50,
          physical_volumes: [{ id: 1 }, { id: 2, need_migration: false }],
        },
        { id: 2 },
      ],
      volume_groups: [{ id: 1, adjust_size: 8, logical_volumes: [{ id: 1, need_migration: true }] }],
    });
    expect(source.disks[1]).not.toHaveProperty("need_migration");
    expect(source.init_target_server.disks[0]).toMatchObject({ adjust_size: 50 });
  });

  test("an absent or empty name stays; last_visit_time does not move", async () => {
    const id = await register(ferry);
    await ferry.clock.advance(1_000);
    await update(id, {});
    await update(id, { name: "" });
    expect(await show(id)).toMatchObject({ name: "web-1", last_visit_time: START });
  });

  test("moves to a migration project of the account, else 404 and nothing changes", async () => {
    const id = await register(ferry);
    await register(ferry, "theirs", {}, "foreign");
    const [own, theirs] = (await ferry.rows("SELECT id FROM migprojects ORDER BY seq")).map((row) => String(row.id));
    expect((await update(id, { migprojectid: own })).status).toBe(200);
    for (const migprojectid of [theirs, "nobody"]) {
      expect((await update(id, { name: "changed", migprojectid })).status).toBe(404);
    }
    expect((await show(id)).name).toBe("web-1");
  });

  test("refuses what is wrong", async () => {
    const id = await register(ferry);
    for (const body of [{ name: 1 }, { disks: [{ id: -1 }] }, { disks: [{ id: 1, adjust_size: "big" }] }]) {
      expect([body, (await update(id, body)).status]).toEqual([body, 400]);
    }
  });
});

describe("deleteServer", () => {
  const remove = (id: string, as: "operator" | "foreign" = "operator") => ferry.call(as, "DELETE", `/v3/sources/${id}`);

  test("takes the source away and cancels its open commands with a reason; its history stays", async () => {
    const id = await register(ferry);
    const command = await queue(ferry, id, "START");
    await poll(ferry, id);
    const reply = await remove(id);
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect((await ferry.call("viewer", "GET", `/v3/sources/${id}`)).status).toBe(404);
    expect((await poll(ferry, id)).status).toBe(404);
    expect((await list()).count).toBe(0);
    expect((await remove(id)).status).toBe(404);
    expect((await ferry.call("viewer", "GET", `/operate/v1/commands/${command}`)).json).toMatchObject({
      source_id: id,
      state: "cancelled",
      reason: "source_deleted",
    });
    expect((await ferry.rows("SELECT type FROM events ORDER BY seq DESC LIMIT 2")).map(({ type }) => type)).toEqual([
      "command.cancelled",
      "source.deleted",
    ]);
    expect(await ferry.rows("SELECT * FROM source_presence")).toEqual([]);
  });

  test("what another process saw of it before is not written any more", async () => {
    const [id, kept] = [await register(ferry), await register(ferry)];
    const [gone, there] = await ferry.rows("SELECT seq FROM sources WHERE id IN (?, ?) ORDER BY seq", id, kept);
    await remove(id);
    for (const source of [gone, there]) ferry.services.sources.presence.touch(Number(source?.seq));
    await ferry.services.sources.presence.flush();
    expect(await ferry.rows("SELECT source_seq FROM source_presence")).toEqual([{ source_seq: there?.seq ?? null }]);
  });

  test("a poll that waits for it is told; a body is not looked at", async () => {
    const id = await register(ferry);
    const waiting = ferry.call("agent", "GET", `/v3/sources/${id}/command?wait=55`);
    await settle();
    expect((await ferry.call("operator", "DELETE", `/v3/sources/${id}`, { text: '["a","b"]' })).status).toBe(200);
    await ferry.pollsLook();
    expect((await waiting).status).toBe(404);
  });

  test("another account's source stays", async () => {
    const id = await register(ferry);
    expect((await remove(id, "foreign")).status).toBe(404);
    expect((await list()).count).toBe(1);
  });
});
