import { networkInterfaces } from "node:os";
import type { RawAddress, RawInterface } from "./raw.ts";
import { lookFor, namesIn, readText } from "./read-files.ts";

const SYSTEM = "/sys/class/net";

/** What node:os tells: interfaces that have an address. */
export function interfacesWithAddresses(): RawInterface[] {
  const found = new Map<string, RawInterface & { addresses: RawAddress[] }>();
  for (const [label, addresses = []] of Object.entries(systemInterfaces())) {
    // Linux lists a further address of eth0 under its label, eth0:1.
    const name = label.split(":")[0] ?? label;
    for (const { family, address, netmask, mac, internal } of addresses) {
      const each = found.get(name) ?? { name, mac, internal, addresses: [] };
      each.addresses.push({ family, address, netmask });
      found.set(name, each);
    }
  }
  return [...found.values()];
}

/** Those and the ones without an address, with what /sys tells of them. */
export async function linuxInterfaces(): Promise<RawInterface[]> {
  const known = new Map(interfacesWithAddresses().map((each) => [each.name, each]));
  const names = new Set([...known.keys(), ...(await namesIn(SYSTEM))]);
  return Promise.all([...names].map((name) => describe(known.get(name) ?? { name, mac: "", addresses: [] })));
}

async function describe(each: RawInterface): Promise<RawInterface> {
  const folder = `${SYSTEM}/${each.name}`;
  const [mac, mtu, index] = await Promise.all(
    ["address", "mtu", "ifindex"].map((file) => readText(`${folder}/${file}`)),
  );
  const { present } = await lookFor([`${folder}/device`, `${folder}/master`]);
  return {
    ...each,
    mac: mac?.trim() || each.mac,
    ...(mtu !== undefined && { mtu }),
    ...(index !== undefined && { index: Number(index) }),
    physical: present.includes(`${folder}/device`),
    enslaved: present.includes(`${folder}/master`),
  };
}

function systemInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}
