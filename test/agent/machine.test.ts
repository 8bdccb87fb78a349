import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import * as v from "valibot";
import { linuxMachine } from "../../src/agent/machine/linux.ts";
import { windowsMachine } from "../../src/agent/machine/windows.ts";
import { readMachine } from "../../src/agent/machine.ts";
import { PostSourceServerBody } from "../../src/sources/schema.ts";
import { machine, rawMachine, withFiles } from "./raw-machine.ts";

const GIB = 1024 ** 3;
const fixtures = readdirSync(join(import.meta.dir, "fixtures")).map((file) => file.replace(".json", ""));

/** The server takes it, knows all of it, and nothing in it is there without a value. */
function expectToFit(body: object) {
  expect(v.parse(PostSourceServerBody, body)).toEqual(body);
  expect(JSON.parse(JSON.stringify(body))).toStrictEqual(body);
}

test.each(fixtures)("%s fits what registerServer takes", (name) => expectToFit(machine(name)));

test("this machine fits what registerServer takes", async () => {
  const read = await readMachine("1.0");
  expectToFit(read);
  for (const { name, mtu, mac } of read.networks ?? []) {
    expect([String(mtu), mac]).toEqual(
      ["mtu", "address"].map((file) => readFileSync(`/sys/class/net/${name}/${file}`, "utf8").trim()),
    );
  }
  expect(read).toMatchObject({ hostname: [...hostname()].slice(0, 64).join(""), agent_version: "1.0" });
});

test("whatever the texts hold, the rest is told and it fits", () => {
  const spoil = (text: string, at: number, instead: string) =>
    text.slice(0, at % (text.length + 1)) + instead + text.slice(at % (text.length + 1));
  const scribble = fc.record({
    name: fc.constantFrom(...fixtures),
    member: fc.nat(),
    at: fc.nat(),
    instead: fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "null",
        "-1",
        "[]",
        '"',
        ',"size":1e30',
        ',"children":[{"name":"sda"}]',
        "\u0000\ud800",
        "9".repeat(40),
      ),
      fc.string().map((text) => text.repeat(300)),
    ),
  });
  fc.assert(
    fc.property(scribble, ({ name, member, at, instead }) => {
      const raw = rawMachine(name);
      const files = Object.entries(raw.files);
      const tools = (["lsblk", "pvs", "vgs", "lvs", "hostname"] as const).filter((tool) => raw[tool] !== undefined);
      const chosen = member % (files.length + tools.length);
      const [path, text = ""] = files[chosen] ?? [];
      const tool = tools[chosen - files.length];
      const spoilt =
        path !== undefined
          ? { ...raw, files: { ...raw.files, [path]: spoil(text, at, instead) } }
          : tool !== undefined
            ? { ...raw, [tool]: spoil(raw[tool] ?? "", at, instead) }
            : raw;
      expectToFit(linuxMachine(spoilt, instead));
    }),
    { numRuns: 2000 },
  );
});

describe("a container", () => {
  test("with nothing", () => {
    expect(machine("container")).toEqual({
      name: "4f1d2c3b5a69",
      hostname: "4f1d2c3b5a69",
      ip: "172.17.0.2",
      os_type: "LINUX",
      os_version: "ALPINE_3_19_1_64BIT",
      cpu_quantity: 2,
      kernel_version: "5.15.0-91-generic",
      boot_loader: "",
      has_rsync: false,
      has_tc: false,
      raw_devices: "",
      start_type: "MANUAL",
      agent_version: "1.0",
      networks: [
        {
          name: "eth0",
          ip: "172.17.0.2",
          netmask: "255.255.0.0",
          gateway: "172.17.0.1",
          mtu: 1500,
          mac: "02:42:ac:11:00:02",
        },
      ],
      disks: [],
      volume_groups: [],
      btrfs_list: [],
    });
  });

  test("that sees its host's disk: what is bound from there is not where the disk is mounted, nor is its use known", () => {
    const sda2 = { name: "sda2", "maj:min": "8:2", type: "part", size: 9 * GIB, mountpoints: ["/etc/hostname"] };
    const lsblk = JSON.stringify({ blockdevices: [{ name: "sda", type: "disk", size: 10 * GIB, children: [sda2] }] });
    expect(machine("container", { lsblk }).disks).toEqual([
      {
        name: "/dev/sda",
        size: 10 * GIB,
        used_size: 9 * GIB,
        physical_volumes: [{ index: 0, name: "/dev/sda2", size: 9 * GIB }],
      },
    ]);
  });
});

describe("names", () => {
  test("are cut to 64 characters, not bytes or halves of them", () => {
    const odd = "sérveur-😀".repeat(25);
    const { name, hostname: told } = machine("vm-gpt-efi", { hostname: odd });
    expect([...(name ?? "")]).toHaveLength(64);
    expect([name, told]).toEqual([[...odd].slice(0, 64).join(""), [...odd].slice(0, 64).join("")]);
    expectToFit(machine("vm-gpt-efi", { hostname: `a\u0000b\ud800${odd}` }));
  });

  test("a machine without a name goes by its address", () => {
    expect(machine("vm-gpt-efi", { hostname: "" })).toMatchObject({ name: "192.0.2.10" });
    expect(machine("vm-gpt-efi", { hostname: "" })).not.toHaveProperty("hostname");
  });
});

describe("os_version", () => {
  const osVersion = (osRelease?: string, redhatRelease?: string, architecture = "x86_64") =>
    linuxMachine(
      {
        ...rawMachine("container"),
        architecture,
        files: {
          ...(osRelease !== undefined && { "/etc/os-release": osRelease }),
          ...(redhatRelease !== undefined && { "/etc/redhat-release": redhatRelease }),
        },
      },
      "1.0",
    ).os_version;

  test.each([
    ["ID=ubuntu\nVERSION_ID='20.04'", undefined, "UBUNTU_20_4_64BIT"],
    ['ID="sles"\nVERSION_ID="12.5"', undefined, "SUSE_12_5_64BIT"],
    ['ID="centos"\nVERSION_ID="8"', "CentOS Stream release 8", "CENTOS_8_64BIT"],
    ['ID="rocky"\nVERSION_ID="9.3"', "Rocky Linux release 9.3 (Blue Onyx)", "ROCKY_9_3_64BIT"],
    ['ID="euleros"\nVERSION="2.0 (SP5)"\nVERSION_ID="2.0"', undefined, "EULEROS_2_5_64BIT"],
    ['ID="hce"\nVERSION_ID="2.0"', undefined, "HCE_2_0_64BIT"],
    ['ID="openEuler"\nVERSION="22.03 (LTS-SP2)"\nVERSION_ID="22.03"', undefined, "OPENEULER_22_3_64BIT"],
    ['ID="kylin"\nVERSION_ID="V10"', undefined, "KYLIN_V10_64BIT"],
    ["ID=arch", undefined, "ARCH_64BIT"],
    [undefined, "CentOS release 6.10 (Final)", "CENTOS_6_10_64BIT"],
    [undefined, "Red Hat Enterprise Linux Server release 6.9 (Santiago)", "REDHAT_6_9_64BIT"],
    [undefined, undefined, "LINUX_64BIT"],
  ])("%p %p is %s", (osRelease, redhatRelease, expected) => {
    expect(osVersion(osRelease, redhatRelease)).toBe(expected);
  });

  test("bits", () => {
    const bits = ["aarch64", "ppc64le", "s390x", "i686", "armv7l"].map((architecture) =>
      osVersion("", "", architecture),
    );
    expect(bits).toEqual(["LINUX_64BIT", "LINUX_64BIT", "LINUX_64BIT", "LINUX_32BIT", "LINUX_32BIT"]);
  });
});

describe("hardware", () => {
  const dmi = (members: Record<string, string>) =>
    withFiles(
      "container",
      Object.fromEntries(Object.entries(members).map(([name, value]) => [`/sys/class/dmi/id/${name}`, `${value}\n`])),
    ).platform;

  test("platform", () => {
    const virtualMachine = { sys_vendor: "Microsoft Corporation", product_name: "Virtual Machine" };
    expect([
      dmi({ sys_vendor: "Alibaba Cloud", product_name: "Alibaba Cloud ECS" }),
      dmi({ sys_vendor: "Xen", bios_version: "4.11.amazon" }),
      dmi({ ...virtualMachine, chassis_asset_tag: "7783-7084-3265-9085-8269-3286-77" }),
      dmi(virtualMachine),
      dmi({ sys_vendor: "Microsoft Corporation", product_name: "Surface Pro" }),
      dmi({ sys_vendor: "Google", product_name: "Google Compute Engine" }),
      dmi({ sys_vendor: "Tencent Cloud", product_name: "CVM" }),
      dmi({ sys_vendor: "Huawei", product_name: "RH2288 V3" }),
      dmi({ sys_vendor: "OpenStack Foundation", chassis_asset_tag: "HUAWEICLOUD" }),
      dmi({}),
    ]).toEqual(["ali", "aws", "azure", "hyperv", "other", "gcp", "tencent", "other", "hw", undefined]);
  });

  test("paravirtualized is Xen without firmware, and nothing else", () => {
    const guest = (type?: string) =>
      withFiles("vm-gpt-efi", { "/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": type })
        .paravirtualization;
    expect([guest("PV\n"), guest("HVM\n"), guest("PVH\n"), guest()]).toEqual([true, false, false, undefined]);
  });
});

test("Windows tells what node:os does", () => {
  const { interfaces } = rawMachine("vm-gpt-efi");
  const raw = { hostname: "WIN-1", architecture: "x64", kernel: "10.0.17763", cpus: 2, memory: 4 * GIB, interfaces };
  const windows = windowsMachine({ ...raw, version: "Windows Server 2019 Datacenter" }, "1.0");
  expectToFit(windows);
  expect(windows).toMatchObject({
    name: "WIN-1",
    os_type: "WINDOWS",
    os_version: "WINDOWS2019_64BIT",
    cpu_quantity: 2,
    memory: 4 * GIB,
    ip: "192.0.2.10",
  });
  const versions = ["Windows Server 2012 R2 Standard", "Windows 10 Pro", "?"];
  expect(versions.map((version) => windowsMachine({ ...raw, version }, "1.0").os_version)).toEqual([
    "WINDOWS2012_R2_64BIT",
    "WINDOWS10_64BIT",
    "WINDOWS_64BIT",
  ]);
});
