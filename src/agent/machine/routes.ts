/** The way out of the machine over one interface. */
export interface DefaultRoute {
  interface_name: string;
  /** Absent on a link with one other end. */
  gateway: string | undefined;
  metric: number;
}

const UP = 0x1;
const REJECT = 0x200;

/** From /proc/net/route, the preferred first: addresses are numbers in hexadecimal, as the processor keeps them. */
export function parseRoutes(text: string | undefined): DefaultRoute[] {
  const routes = lines(text).flatMap((fields) => {
    const [interface_name = "", destination, gateway = "", flags = "", , , metric, mask] = fields;
    if (destination !== "00000000" || mask !== "00000000" || !isUsable(flags)) return [];
    const bytes = (gateway.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse();
    const address = bytes.join(".");
    return [{ interface_name, gateway: address === "0.0.0.0" ? undefined : address, metric: Number(metric) }];
  });
  return routes.toSorted((a, b) => a.metric - b.metric);
}

/** From /proc/net/ipv6_route. */
export function parseIpv6Routes(text: string | undefined): DefaultRoute[] {
  const routes = lines(text).flatMap((fields) => {
    const [destination = "", length, , , next = "", metric = "", , , flags = "", interface_name = ""] = fields;
    if (!/^0{32}$/.test(destination) || length !== "00" || interface_name === "lo" || !isUsable(flags)) return [];
    const gateway = /^0{32}$/.test(next) ? undefined : shortIpv6(next.match(/.{4}/g)?.join(":") ?? "");
    return [{ interface_name, gateway, metric: Number.parseInt(metric, 16) }];
  });
  return routes.toSorted((a, b) => a.metric - b.metric);
}

function lines(text: string | undefined): string[][] {
  return (text ?? "").split("\n").map((line) => line.trim().split(/\s+/));
}

function isUsable(flags: string): boolean {
  const set = Number.parseInt(flags, 16);
  return (set & UP) !== 0 && (set & REJECT) === 0;
}

/** A URL writes it in its shortest form. */
function shortIpv6(address: string): string | undefined {
  return URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
}
