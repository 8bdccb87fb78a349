import type { InferRequestType } from "hono/client";
import type { Client } from "../src/client/client.ts";
import { disksOf, volumeGroupsOf } from "./disks.ts";
import { capacityOf, GIB, type Kind, kinds, legacy, type System, warehouse } from "./kinds.ts";
import { Random } from "./random.ts";
import { type Role, roleAt } from "./roles.ts";

/** By which the demo knows its own sources again, where it meets a service a second time. */
export const AGENT_VERSION = "24.11.0-demo";

export type Registration = InferRequestType<Client["v3"]["sources"]["$post"]>["json"];

/** How a machine's data comes over. */
export interface Load {
  type: Kind["type"];
  bytes: number;
  files: number;
  /** Mbit/s. */
  speed: number;
  /** What an earlier run has copied already, from 0 to 1. */
  copiedBefore: number;
}

export interface Machine {
  role: Role;
  registration: Registration & { name: string; networks: NonNullable<Registration["networks"]> };
  load: Load;
  /** Seconds it takes to look through its disks before a copy begins. */
  scanS: number;
  project: Kind["project"];
  /** Seconds into the demo at which its migration begins. */
  beginsAfterS: number;
}

/** The machines of a fleet: the same ones for the same seed, the first ones in a smaller fleet too. */
export function makeEstate(seed: number, count: number): Machine[] {
  const deck = shuffled(kinds, new Random(seed, "kinds"));
  const counted = new Map<string, number>();
  return Array.from({ length: count }, (_, place) => {
    const random = new Random(seed, `machine ${place}`);
    const role = roleAt(place, random);
    const kind = kindFor(role, deck[place % deck.length]);
    const number = (counted.get(kind.name) ?? 0) + 1;
    counted.set(kind.name, number);
    return makeMachine(kind, number, role, place, random);
  });
}

function kindFor(role: Role, usual: Kind | undefined): Kind {
  if (role === "large") return warehouse;
  if (role === "unfit" || !usual) return legacy;
  return usual;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

function makeMachine(kind: Kind, number: number, role: Role, place: number, random: Random): Machine {
  const system = random.pick(kind.systems);
  const load = loadOf(kind, role, random);
  const name = `${kind.name}-${String(number).padStart(2, "0")}`;
  return {
    role,
    registration: {
      name,
      hostname: `${name}.corp.example`,
      ...system,
      ...networksOf(kind, number, random),
      agent_version: AGENT_VERSION,
      cpu_quantity: random.pick(kind.cpus),
      memory: random.pick(kind.cpus) * 4 * GIB,
      firmware: system.os_type === "WINDOWS" || random.next() < 0.4 ? "UEFI" : "BIOS",
      platform: kind.platform,
      start_type: "MANUAL",
      ...fitness(system, role, random),
      disks: disksOf(kind, system, load.bytes, random),
      volume_groups: system.os_type === "LINUX" ? volumeGroupsOf(kind, load.bytes) : [],
    },
    load,
    scanS: role === "plain" ? random.between(2, 30) : random.between(1, 3),
    project: kind.project,
    beginsAfterS: role === "plain" ? random.between(0, 10 + place / 8) : random.between(0, 2),
  };
}

/** Machines whose part begins when their copy is done are small. */
const soonDone: ReadonlySet<Role> = new Set(["cutover", "clone", "snapshots", "syncFailing", "settled"]);
/** Those whose copy an earlier run has begun, so that not all of a fleet is at the same percent. */
const underWay: ReadonlySet<Role> = new Set(["plain", "large", "stopped", "skipping", "pausing", "crashing"]);

function loadOf(kind: Kind, role: Role, random: Random): Load {
  const speed = Math.round(random.between(90, 900));
  const seconds = soonDone.has(role)
    ? random.between(2, 4)
    : role === "large"
      ? random.between(4, 6) * 3600
      : role === "drill"
        ? 25
        : random.between(180, 600);
  const bytes = Math.round(Math.min((speed * 1e6 * seconds) / 8, 0.8 * capacityOf(kind)));
  return {
    type: kind.type,
    bytes,
    files: Math.round(bytes / random.between(20_000, 90_000)),
    speed,
    copiedBefore: underWay.has(role) ? random.between(0.05, 0.7) : 0,
  };
}

function networksOf(kind: Kind, number: number, random: Random) {
  const network = (name: string, third: number, second = 20) => {
    const prefix = `10.${second + Math.floor(number / 250)}.${third}`;
    return {
      name,
      ip: `${prefix}.${(number % 250) + 4}`,
      netmask: "255.255.255.0",
      gateway: `${prefix}.1`,
      mtu: 1500,
      mac: `02:${[1, 2, 3, 4, 5].map(() => random.hex(2)).join(":")}`,
    };
  };
  const isWindows = kind.project === "windows" || kind.name === "print";
  const first = network(isWindows ? "Ethernet" : "eth0", kind.subnet);
  const more =
    kind === warehouse
      ? Array.from({ length: 8 }, (_, index) => network(`eth${index + 1}`, 100 + index, 30))
      : kind.isPublic
        ? [{ ...network("eth1", 1), ip: `203.0.113.${random.whole(4, 250)}`, gateway: "203.0.113.1" }]
        : [];
  const ipv6 = kind.isPublic && random.next() < 0.5 ? `2001:db8:${kind.subnet}::${number.toString(16)}` : undefined;
  return { ip: first.ip, ...(ipv6 && { ipv6 }), networks: [first, ...more] };
}

/** What the environment check looks at. */
function fitness(system: System, role: Role, random: Random) {
  if (system.os_type === "WINDOWS") return { driver_files: true, system_services: true, account_rights: true };
  const isUnfit = role === "unfit";
  return {
    // A kernel of that age has no traffic control worth the name, nor has its system an rsync.
    has_rsync: !isUnfit,
    has_tc: !isUnfit,
    boot_loader: isUnfit && random.next() < 0.5 ? "LILO" : "GRUB",
    paravirtualization: true,
  };
}
