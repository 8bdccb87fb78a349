/* What an estate is made of: kinds of machines, the systems they run, and what lies on their disks. */

export const GIB = 2 ** 30;

export interface System {
  os_type: "LINUX" | "WINDOWS";
  os_version: string;
  kernel_version: string;
}

const linux = (os_version: string, kernel_version: string): System => ({
  os_type: "LINUX",
  os_version,
  kernel_version,
});
const windows = (os_version: string, kernel_version: string): System => ({
  os_type: "WINDOWS",
  os_version,
  kernel_version,
});

const systems = {
  debian12: linux("DEBIAN_12_64BIT", "6.1.0-25-amd64"),
  debian11: linux("DEBIAN_11_64BIT", "5.10.0-32-amd64"),
  ubuntu24: linux("UBUNTU_24_4_64BIT", "6.8.0-45-generic"),
  ubuntu20: linux("UBUNTU_20_4_64BIT", "5.4.0-196-generic"),
  redhat9: linux("REDHAT_9_64BIT", "5.14.0-427.37.1.el9_4.x86_64"),
  redhat7: linux("REDHAT_7_9_64BIT", "3.10.0-1160.119.1.el7.x86_64"),
  suse15: linux("SUSE_15_64BIT", "5.14.21-150500.55.80-default"),
  centos6: linux("CENTOS_6_10_64BIT", "2.6.32-754.35.1.el6.x86_64"),
  windows2022: windows("WINDOWS2022_64BIT", "10.0.20348"),
  windows2019: windows("WINDOWS2019_64BIT", "10.0.17763"),
  windows2016: windows("WINDOWS2016_64BIT", "10.0.14393"),
};

/** A disk for data: where it is mounted, and its size in GiB. */
interface DataDisk {
  mount_point: string;
  gib: number;
}

export interface Kind {
  /** What its names begin with. */
  name: string;
  systems: readonly System[];
  /** How it is migrated; Windows by block always. */
  type: "MIGRATE_FILE" | "MIGRATE_BLOCK";
  cpus: readonly number[];
  systemGib: number;
  data: readonly DataDisk[];
  /** Its network: 10.SITE.SUBNET.0/24, or the next ones where it is full. */
  subnet: number;
  isPublic?: boolean;
  platform: "vmware" | "hyperv" | "aws" | "azure" | "other";
  project: "datacenter" | "offices" | "windows";
}

const { debian12, debian11, ubuntu24, ubuntu20, redhat9, redhat7, suse15, centos6 } = systems;
const { windows2022, windows2019, windows2016 } = systems;
const onLinux = { type: "MIGRATE_FILE", platform: "vmware", project: "datacenter" } as const;
const onWindows = { type: "MIGRATE_BLOCK", platform: "hyperv", project: "windows" } as const;
const at = (mount_point: string, gib: number): DataDisk => ({ mount_point, gib });

export const kinds: readonly Kind[] = [
  {
    ...onLinux,
    name: "web",
    systems: [debian12, ubuntu24],
    cpus: [2, 4],
    systemGib: 40,
    data: [],
    subnet: 10,
    isPublic: true,
  },
  {
    ...onLinux,
    name: "db",
    systems: [redhat9, debian11],
    type: "MIGRATE_BLOCK",
    cpus: [8, 16],
    systemGib: 60,
    data: [at("/var/lib/postgresql", 500)],
    subnet: 20,
  },
  {
    ...onLinux,
    name: "mail",
    systems: [debian11, debian12],
    cpus: [4],
    systemGib: 40,
    data: [at("/var/mail", 250)],
    subnet: 12,
    isPublic: true,
  },
  {
    ...onLinux,
    name: "hr-app",
    systems: [suse15, redhat9],
    cpus: [4, 8],
    systemGib: 60,
    data: [at("/srv/hr", 80)],
    subnet: 31,
  },
  { ...onWindows, name: "dc", systems: [windows2019, windows2022], cpus: [4], systemGib: 80, data: [], subnet: 5 },
  {
    ...onLinux,
    name: "shop",
    systems: [ubuntu24, ubuntu20],
    cpus: [4, 8],
    systemGib: 40,
    data: [at("/srv/shop", 120)],
    subnet: 11,
    isPublic: true,
  },
  {
    ...onWindows,
    name: "files",
    systems: [windows2016, windows2019],
    cpus: [4, 8],
    systemGib: 80,
    data: [at("D:", 900)],
    subnet: 30,
  },
  {
    ...onLinux,
    name: "erp",
    systems: [suse15],
    type: "MIGRATE_BLOCK",
    cpus: [16, 32],
    systemGib: 80,
    data: [at("/usr/sap", 200), at("/hana/data", 600)],
    subnet: 21,
  },
  {
    ...onLinux,
    name: "build",
    systems: [ubuntu24],
    cpus: [8, 16],
    systemGib: 60,
    data: [at("/var/lib/docker", 300)],
    subnet: 40,
    platform: "aws",
  },
  { ...onLinux, name: "proxy", systems: [debian12], cpus: [2], systemGib: 20, data: [], subnet: 9, isPublic: true },
  {
    ...onWindows,
    name: "print",
    systems: [windows2016],
    cpus: [2],
    systemGib: 60,
    data: [],
    subnet: 33,
    project: "offices",
  },
  { ...onLinux, name: "wiki", systems: [ubuntu20, debian12], cpus: [2, 4], systemGib: 40, data: [], subnet: 32 },
  {
    ...onLinux,
    name: "bi",
    systems: [redhat7, redhat9],
    cpus: [8],
    systemGib: 60,
    data: [at("/opt/reports", 150)],
    subnet: 34,
  },
  {
    ...onWindows,
    name: "crm",
    systems: [windows2019, windows2022],
    cpus: [8],
    systemGib: 80,
    data: [at("E:", 200)],
    subnet: 35,
  },
  {
    ...onLinux,
    name: "branch",
    systems: [debian11],
    cpus: [2],
    systemGib: 40,
    data: [at("/srv/share", 60)],
    subnet: 60,
    platform: "other",
    project: "offices",
  },
  { ...onLinux, name: "dns", systems: [debian12], cpus: [1, 2], systemGib: 10, data: [], subnet: 6, isPublic: true },
];

/** The one with many disks and networks. */
export const warehouse: Kind = {
  ...onLinux,
  name: "dwh",
  systems: [redhat9],
  type: "MIGRATE_BLOCK",
  cpus: [64],
  systemGib: 120,
  data: Array.from({ length: 14 }, (_, index) => at(`/data/${String(index + 1).padStart(2, "0")}`, 960)),
  subnet: 22,
  platform: "other",
};

/** Too old to be migrated as it is. */
export const legacy: Kind = {
  ...onLinux,
  name: "legacy",
  systems: [centos6],
  cpus: [2],
  systemGib: 30,
  data: [at("/opt/billing", 40)],
  subnet: 50,
  project: "offices",
};

/** Bytes on its disks, used or not. */
export function capacityOf({ systemGib, data }: Kind): number {
  return data.reduce((sum, { gib }) => sum + gib, systemGib) * GIB;
}
