import { cut, INT32, known, whole } from "./fit.ts";
import type { Network } from "./model.ts";
import type { RawAddress, RawInterface } from "./raw.ts";
import type { DefaultRoute } from "./routes.ts";

/** Made by container engines, hypervisors and tunnels; they go with the software that made them. */
const VIRTUAL =
  /^(docker|br-[0-9a-f]{12}$|veth|virbr|vnet|tap|tun|cni|cali|cilium|flannel|lxc|lxdbr|podman|kube-|weave|nodelocaldns|vxlan|geneve|dummy|ifb|sit|gre|erspan|ip6?tnl|ip6?_vti|ip6gre|teql|wg)/;

const NO_MAC = /^[0:]*$/;

/** The default routes, the preferred first. */
export interface Routes {
  ipv4: readonly DefaultRoute[];
  ipv6: readonly DefaultRoute[];
}

/** The network cards, and the bonds, bridges and the like over them that have an address. */
export function networksOf(interfaces: readonly RawInterface[], routes: Routes): Network[] {
  return reported(interfaces, routes).map((each) => {
    const { name, mac, mtu } = each;
    const ipv4 = addressOf([each], "IPv4");
    const through = [...routes.ipv4, ...routes.ipv6].filter(({ interface_name }) => interface_name === name);
    const gateway = through.find((route) => route.gateway !== undefined)?.gateway;
    return known({
      name: cut(name),
      ip: cut(ipv4?.address),
      ipv6: cut(addressOf([each], "IPv6")?.address),
      netmask: cut(ipv4?.netmask),
      gateway: cut(gateway),
      mtu: whole(mtu?.trim(), INT32),
      mac: cut(mac) ?? "",
    });
  });
}

/** The machine's address: of the interface to the world, else of the first that has one. */
export function mainAddress(
  interfaces: readonly RawInterface[],
  routes: Routes,
  family: RawAddress["family"],
): string | undefined {
  const outside = interfaces.filter(({ internal }) => !internal);
  const [route] = family === "IPv4" ? routes.ipv4 : routes.ipv6;
  const candidates = [outside.filter(({ name }) => name === route?.interface_name), reported(outside, routes), outside];
  return cut(candidates.map((each) => addressOf(each, family)).find((found) => found !== undefined)?.address);
}

function reported(interfaces: readonly RawInterface[], { ipv4, ipv6 }: Routes): RawInterface[] {
  const toTheWorld = new Set([...ipv4, ...ipv6].map(({ interface_name }) => interface_name));
  return interfaces
    .filter(({ internal, mac }) => !internal && !NO_MAC.test(mac))
    .filter(({ name }) => !VIRTUAL.test(name) || toTheWorld.has(name))
    .filter(({ addresses, physical, enslaved }) => addresses.length > 0 || (physical && !enslaved))
    .toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0));
}

/** The best address of that family; those that mean nothing beyond the link do not count for IPv6, last for IPv4. */
function addressOf(interfaces: readonly RawInterface[], family: RawAddress["family"]): RawAddress | undefined {
  const all = interfaces.flatMap(({ addresses }) => addresses.filter((each) => each.family === family));
  if (family === "IPv4") return all.find(({ address }) => !address.startsWith("169.254.")) ?? all[0];
  const beyond = all.filter(({ address }) => !/^(fe[89a-f]|ff|::)/i.test(address));
  return beyond.find(({ address }) => !/^f[cd]/i.test(address)) ?? beyond[0];
}
