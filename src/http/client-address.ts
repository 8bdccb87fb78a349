import { BlockList, isIP } from "node:net";
import { plainAddress } from "./plain-address.ts";

/** Addresses and ranges of proxies in front, `10.0.0.0/8` or `::1`. Throws a text that says which one is none. */
export function parseProxies(list: string): BlockList {
  const proxies = new BlockList();
  for (const entry of list.split(",").map((part) => part.trim())) {
    const [address = "", prefix, ...more] = entry.split("/");
    const family = familyOf(address);
    const length = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (!family || more.length > 0 || (length !== undefined && !(length <= (family === "ipv4" ? 32 : 128)))) {
      throw new Error(`${JSON.stringify(entry)} is neither an address nor a range such as 10.0.0.0/8`);
    }
    if (length === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, length, family);
  }
  return proxies;
}

/**
 * Who called: the peer or, where that is a trusted proxy, the last address in X-Forwarded-For that is not one. What
 * stands before that one was written by nobody known.
 */
export function clientAddress(peer: string, forwardedFor: string | null, proxies: BlockList): string {
  let client = plainAddress(peer);
  if (forwardedFor === null) return client;
  const hops = forwardedFor.split(",").map((hop) => plainAddress(hop.trim()));
  while (isTrusted(client, proxies)) {
    const hop = hops.pop();
    if (hop === undefined || familyOf(hop) === undefined) break;
    client = hop;
  }
  return client;
}

function isTrusted(address: string, proxies: BlockList): boolean {
  const family = familyOf(address);
  return family !== undefined && proxies.check(address, family);
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? "ipv4" : "ipv6";
}
