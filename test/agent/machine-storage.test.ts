import { describe, expect, test } from "bun:test";
import { machine, rawMachine, withFiles } from "./raw-machine.ts";

const GIB = 1024 ** 3;

describe("a plain VM", () => {
  const { disks, networks, ...rest } = machine("vm-gpt-efi");

  test("what it is", () => {
    expect(rest).toEqual({
      name: "web-1.example.test",
      hostname: "web-1.example.test",
      ip: "192.0.2.10",
      os_type: "LINUX",
      os_version: "UBUNTU_22_4_64BIT",
      firmware: "UEFI",
      cpu_quantity: 4,
      memory: 8131528 * 1024,
      kernel_version: "5.15.0-91-generic",
      boot_loader: "GRUB",
      has_rsync: true,
      has_tc: true,
      platform: "vmware",
      paravirtualization: false,
      raw_devices: "",
      start_type: "MANUAL",
      agent_version: "1.0",
      volume_groups: [],
      btrfs_list: [],
      io_read_wait: 0.5,
    });
    expect(networks).toEqual([
      {
        name: "ens3",
        ip: "192.0.2.10",
        netmask: "255.255.255.0",
        gateway: "192.0.2.1",
        mtu: 1500,
        mac: "52:54:00:12:34:56",
      },
    ]);
  });

  test("its disks and partitions; not the floppy, the snap, the swap in memory, the CD or the empty card reader", () => {
    expect(disks).toEqual([
      {
        name: "/dev/sda",
        partition_style: "GPT",
        device_use: "BOOT",
        size: 40 * GIB,
        used_size: 37.5 * GIB,
        os_disk: true,
        physical_volumes: [
          {
            device_use: "BOOT",
            file_system: "vfat",
            index: 0,
            mount_point: "/boot/efi",
            name: "/dev/sda1",
            size: GIB / 2,
            used_size: 6369280,
            uuid: "4A2C-9C41",
            size_per_cluster: 4096,
          },
          {
            device_use: "OS",
            file_system: "ext4",
            index: 1,
            mount_point: "/",
            name: "/dev/sda2",
            size: 35 * GIB,
            used_size: 9 * GIB,
            inode_nums: 2293760,
            uuid: "0b7c2f7e-8e0f-4d35-9e5b-1f2c0f3d7a11",
            size_per_cluster: 4096,
          },
          {
            device_use: "NORMAL",
            file_system: "swap",
            index: 2,
            name: "/dev/sda3",
            size: 2 * GIB,
            uuid: "5f3d8a72-5d5e-4f3c-8f43-6c0f5f5f2b22",
          },
        ],
      },
      {
        name: "/dev/sdb",
        device_use: "NORMAL",
        size: 100 * GIB,
        used_size: 100 * GIB,
        os_disk: false,
        physical_volumes: [
          {
            device_use: "NORMAL",
            file_system: "xfs",
            index: 0,
            mount_point: "/media/My data",
            name: "/dev/sdb",
            size: 100 * GIB,
            used_size: GIB,
            inode_nums: 52428800,
            uuid: "8c1f2f60-6a3e-4a5e-bb4c-0a1d8c5ed0aa",
            size_per_cluster: 4096,
          },
        ],
      },
      { name: "/dev/sdc", device_use: "NORMAL", size: 10 * GIB, used_size: 0, os_disk: false, physical_volumes: [] },
    ]);
  });

  test("a system on another disk than the one it starts from", () => {
    const { lsblk = "", files } = rawMachine("vm-gpt-efi");
    const moved = machine("vm-gpt-efi", {
      lsblk: lsblk.replace('"/var/ftp","/"', "null").replace('"/media/My data"', '"/"'),
      files: { ...files, "/proc/self/mountinfo": "24 1 8:16 / / rw - xfs /dev/sdb rw" },
    });
    expect(moved.disks?.map(({ device_use, os_disk }) => [device_use, os_disk])).toEqual([
      ["BOOT", false],
      ["OS", true],
      ["NORMAL", false],
    ]);
  });

  test("without the system's help lsblk knows no file system; what is mounted is known, and counted by statfs", () => {
    const lsblk = rawMachine("vm-gpt-efi")
      .lsblk?.replaceAll(/"(fstype|uuid|pttype|parttype)":"[^"]*"/g, '"$1":null')
      .replaceAll(/"fsused":\d+/g, '"fsused":null');
    const [disk] = machine("vm-gpt-efi", { lsblk: lsblk ?? "" }).disks ?? [];
    expect(disk).not.toHaveProperty("partition_style");
    expect(disk?.physical_volumes?.[1]).toMatchObject({ file_system: "ext4", used_size: (9048064 - 6688768) * 4096 });
    expect(disk?.physical_volumes?.[2]).toEqual({ device_use: "NORMAL", index: 2, name: "/dev/sda3", size: 2 * GIB });
    const whole = machine("vm-gpt-efi", { lsblk: lsblk ?? "" }).disks?.[1];
    expect(whole?.physical_volumes).toMatchObject([{ file_system: "xfs", mount_point: "/media/My data" }]);
  });

  test("of two mounts on one point the later one counts", () => {
    const { files } = rawMachine("vm-gpt-efi");
    const above = `${files["/proc/self/mountinfo"]}130 24 8:99 / /media/My\\040data rw - ext4 /dev/sdx rw\n`;
    const { physical_volumes = [] } = withFiles("vm-gpt-efi", { "/proc/self/mountinfo": above }).disks?.[1] ?? {};
    expect(physical_volumes[0]).not.toHaveProperty("inode_nums");
  });

  test("GRUB may have its configuration on the EFI partition alone", () => {
    const bootLoader = (...present: string[]) => machine("vm-gpt-efi", { present }).boot_loader;
    expect(bootLoader("/boot/efi/EFI/redhat/grub.cfg", "/etc/lilo.conf")).toBe("GRUB");
    expect(bootLoader("/boot/efi/EFI/redhat", "/srv/grub.cfg")).toBe("");
  });
});

describe("LVM on MBR, told by an lsblk without JSON", () => {
  const { disks, volume_groups, ...rest } = machine("lvm-mbr");

  test("what it is", () => {
    expect(rest).toMatchObject({
      os_version: "CENTOS_7_9_64BIT",
      firmware: "BIOS",
      boot_loader: "GRUB",
      platform: "hw",
      raw_devices: "/dev/raw/raw1,/dev/raw/raw2",
    });
    expect(rest).not.toHaveProperty("io_read_wait");
  });

  test("disks: not the extended partition; the partition with the root volume is the system's", () => {
    expect(
      disks?.map((disk) => ({ ...disk, physical_volumes: disk.physical_volumes?.map(({ name }) => name) })),
    ).toEqual([
      {
        name: "/dev/sda",
        partition_style: "MBR",
        device_use: "BOOT",
        size: 42949672960,
        used_size: 42948624384,
        os_disk: true,
        physical_volumes: ["/dev/sda1", "/dev/sda2"],
      },
      {
        name: "/dev/sdb",
        partition_style: "MBR",
        device_use: "NORMAL",
        size: 17592186044416,
        used_size: 17592182854144,
        os_disk: false,
        physical_volumes: ["/dev/sdb5", "/dev/sdb6"],
      },
    ]);
    const volumes = disks?.flatMap(({ physical_volumes = [] }) => physical_volumes);
    expect(volumes?.[0]).toMatchObject({ device_use: "BOOT", mount_point: "/boot", used_size: 40584 * 4096 });
    expect(volumes?.[1]).toEqual({
      device_use: "OS",
      file_system: "LVM2_member",
      index: 1,
      name: "/dev/sda2",
      size: 41874882560,
      used_size: 41871736832,
      uuid: "Zbq0Yb-9S1x-9fYz-8O3D-yqCw-0Tgc-3Dd2aE",
    });
    expect(volumes?.[2]).toMatchObject({ index: 0, mount_point: "/mnt/100% café" });
  });

  test("an extended partition may also look larger, on disks with large sectors", () => {
    const part = (name: string, size: number, parttype: string) => ({ name, type: "part", size, parttype });
    const children = [part("sda1", 4096, "0xf"), part("sda5", 8192, "0x83")];
    const lsblk = JSON.stringify({ blockdevices: [{ name: "sda", type: "disk", size: GIB, pttype: "dos", children }] });
    const [disk] = machine("lvm-mbr", { lsblk }).disks ?? [];
    expect(disk?.physical_volumes?.map(({ name }) => name)).toEqual(["/dev/sda5"]);
  });

  test("groups with their volumes: not the pool; names that differ; no count of blocks past int32", () => {
    expect(volume_groups).toEqual([
      {
        components: "/dev/sda2",
        free_size: 4194304,
        name: "centos",
        size: 41875931136,
        logical_volumes: [
          {
            block_count: 9169920,
            block_size: 4096,
            file_system: "xfs",
            inode_nums: 18345984,
            device_use: "OS",
            mount_point: "/",
            name: "/dev/centos/root",
            size: 37576769536,
            used_size: 1832960 * 4096,
            free_size: 7336960 * 4096,
          },
          { file_system: "swap", device_use: "NORMAL", name: "/dev/centos/swap", size: 4294967296 },
        ],
      },
      {
        components: "/dev/sdb6",
        free_size: 1094139412480,
        name: "data-vg",
        size: 17591108796416,
        logical_volumes: [
          {
            block_size: 4096,
            file_system: "xfs",
            inode_nums: 1610612736,
            device_use: "NORMAL",
            mount_point: "/srv",
            name: "/dev/data-vg/root",
            size: 16492674416640,
            used_size: 26531840 * 4096,
            free_size: 4000000000 * 4096,
          },
        ],
      },
    ]);
  });

  test("a group in files of a disk is none of the machine's; of components only whole names are told", () => {
    const pvs = rawMachine("lvm-mbr").pvs?.replace("/dev/sda2", "/dev/loop2");
    expect(machine("lvm-mbr", { pvs: pvs ?? "" }).volume_groups?.map(({ name }) => name)).toEqual(["data-vg"]);
    const mixed = pvs?.replace('"/dev/sdc","vg_name":""', '"/dev/sdc","vg_name":"centos"') ?? "";
    const components = machine("lvm-mbr", { pvs: mixed }).volume_groups?.map((group) => group.components);
    expect(components).toEqual(["/dev/loop2,/dev/sdc", "/dev/sdb6"]);
    const names = Array.from({ length: 40 }, (_, index) => `/dev/sdc${index}`);
    const many = { report: [{ pv: names.map((pv_name) => ({ pv_name, vg_name: "centos" })) }] };
    const [group] = machine("lvm-mbr", { pvs: JSON.stringify(many) }).volume_groups ?? [];
    expect(group?.components).toBe(names.slice(0, 24).join(","));
  });

  test("without the right to ask LVM there are no groups, and the disks are the same but for what LVM uses", () => {
    const empty = { pvs: '{"report":[{"pv":[]}]}', vgs: '{"report":[{"vg":[]}]}', lvs: "" };
    const { disks: [disk] = [], volume_groups: groups } = machine("lvm-mbr", empty);
    expect(groups).toEqual([]);
    expect(disk?.physical_volumes?.[1]).toMatchObject({ file_system: "LVM2_member", device_use: "OS" });
    expect(disk?.physical_volumes?.[1]).not.toHaveProperty("used_size");
  });
});

describe("btrfs", () => {
  const { disks, btrfs_list = [] } = machine("btrfs-subvolumes");

  test("with subvolumes and snapshots", () => {
    expect(btrfs_list[0]).toEqual({
      name: "/dev/sda2",
      label: "",
      uuid: "f6258b60-b4a4-41c2-8e5e-c7ea61439dd1",
      device: "/dev/sda2",
      size: 18 * GIB,
      nodesize: 16384,
      sectorsize: 4096,
      data_profile: "single",
      system_profile: "dup",
      metadata_profile: "dup",
      g_vol_used_size: 20971520 + 229376 + 16384,
      default_subvolid: "266",
      default_subvol_name: "@/.snapshots/1/snapshot",
      default_subvol_mountpath: "/",
      subvolumn: [
        {
          uuid: "f6258b60-b4a4-41c2-8e5e-c7ea61439dd1",
          is_snapshot: "false",
          subvol_id: "256",
          parent_id: "5",
          subvol_name: "@",
        },
        {
          uuid: "3c20e72b-e417-b14d-9c2d-054727668856",
          is_snapshot: "false",
          subvol_id: "262",
          parent_id: "256",
          subvol_name: "@/home",
          subvol_mount_path: "/home",
        },
        {
          uuid: "3c20e72b-e417-b14d-9c2d-054727668856",
          is_snapshot: "false",
          subvol_id: "265",
          parent_id: "256",
          subvol_name: "@/.snapshots",
        },
        {
          uuid: "031c533e-0a53-7c42-ab40-7edf51a98b62",
          is_snapshot: "true",
          subvol_id: "266",
          parent_id: "265",
          subvol_name: "@/.snapshots/1/snapshot",
          subvol_mount_path: "/",
        },
      ],
    });
  });

  test("over two devices, being converted; and one that is not mounted; not one in a file", () => {
    expect(btrfs_list.slice(1)).toEqual([
      {
        name: "/dev/sdb",
        label: "data",
        uuid: "0d5ff2a9-9c4a-4c55-9a2b-7e3f6d1c2b30",
        device: "/dev/sdb,/dev/sdc",
        size: 2 * GIB,
        nodesize: 16384,
        sectorsize: 4096,
        data_profile: "raid1,single",
        system_profile: "raid1",
        metadata_profile: "raid1",
        default_subvolid: "5",
        default_subvol_name: "FS_TREE",
        default_subvol_mountpath: "/data",
        subvolumn: [],
      },
      {
        name: "/dev/sdd",
        label: "offline",
        uuid: "77777777-9c4a-4c55-9a2b-7e3f6d1c2b30",
        device: "/dev/sdd",
        size: GIB,
      },
    ]);
    // What is on both devices is more than fits on one.
    expect(disks?.[1]?.physical_volumes?.[0]).not.toHaveProperty("used_size");
  });

  test("where the default subvolume is not mounted, its file system's mount point", () => {
    const [first, ...others] = rawMachine("btrfs-subvolumes").btrfs;
    const btrfs = first
      ? [{ ...first, default_subvolume: "ID 265 gen 9 top level 256 path @/.snapshots\n" }, ...others]
      : [];
    expect(machine("btrfs-subvolumes", { btrfs }).btrfs_list?.[0]).toMatchObject({
      default_subvolid: "265",
      default_subvol_mountpath: "/",
    });
  });

  test("its root is found by an lsblk that names one mount point of several", () => {
    const lsblk = rawMachine("btrfs-subvolumes").lsblk?.replace('"mountpoints":["/home","/"]', '"mountpoint":"/home"');
    expect(lsblk).not.toBe(rawMachine("btrfs-subvolumes").lsblk);
    expect(machine("btrfs-subvolumes", { lsblk: lsblk ?? "" }).disks).toEqual(disks);
  });

  test("its root is found although a subvolume is mounted there, as is the BIOS boot partition", () => {
    expect(disks?.[0]?.physical_volumes?.map(({ device_use, mount_point }) => [device_use, mount_point])).toEqual([
      ["BOOT", undefined],
      ["OS", "/"],
    ]);
  });
});

test("RAID: members stay on their disks, each array is a disk once, an encrypted partition has its mount point", () => {
  const disks = machine("md-raid1").disks ?? [];
  expect(
    disks.map(({ name, device_use, os_disk, partition_style }) => [name, device_use, os_disk, partition_style]),
  ).toEqual([
    ["/dev/sda", "BOOT", true, "MBR"],
    ["/dev/sdb", "BOOT", true, "MBR"],
    ["/dev/md0", "BOOT", false, undefined],
    ["/dev/md1", "OS", true, "GPT"],
  ]);
  const volumes = disks.map(({ physical_volumes = [] }) =>
    physical_volumes.map(({ name, file_system, mount_point, used_size }) => [
      name,
      file_system,
      mount_point,
      used_size,
    ]),
  );
  expect(volumes[1]).toEqual([
    ["/dev/sdb1", "linux_raid_member", undefined, undefined],
    ["/dev/sdb2", "linux_raid_member", undefined, undefined],
    ["/dev/sdb3", "crypto_LUKS", "/secret-sdb", 10485760],
  ]);
  expect(volumes[2]).toEqual([["/dev/md0", "ext4", "/boot", 83886080]]);
  expect(volumes[3]).toEqual([["/dev/md1p1", "ext4", "/", 5 * GIB]]);
});

test("RAID as an older lsblk has it: partitions of an array are of its own type, and it may stand alone", () => {
  const md = {
    name: "md0",
    type: "raid1",
    size: GIB,
    children: [{ name: "md0p1", type: "md", size: GIB / 2, fstype: "xfs" }],
  };
  const { disks = [] } = machine("md-raid1", { lsblk: JSON.stringify({ blockdevices: [md] }) });
  expect(disks.map(({ name, physical_volumes = [] }) => [name, physical_volumes.map(({ name }) => name)])).toEqual([
    ["/dev/md0", ["/dev/md0p1"]],
  ]);
});

test("multipath: one disk, whatever number of paths; GRUB where only its settings may be looked at", () => {
  const { disks = [], volume_groups = [], ...rest } = machine("multipath");
  expect(rest).toMatchObject({ boot_loader: "GRUB", platform: "other", os_version: "REDHAT_8_6_64BIT" });
  expect(disks.map(({ name, partition_style, device_use }) => [name, partition_style, device_use])).toEqual([
    ["/dev/mapper/mpatha", "GPT", "BOOT"],
  ]);
  expect(disks[0]?.physical_volumes?.map(({ name }) => name)).toEqual(["/dev/mapper/mpatha1", "/dev/mapper/mpatha2"]);
  expect(volume_groups[0]?.logical_volumes?.[0]).toMatchObject({ name: "/dev/rhel/root", mount_point: "/" });
  expect(machine("multipath", { present: [] }).boot_loader).toBe("");
});
