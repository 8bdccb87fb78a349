import { cut, known, whole } from "./fit.ts";
import type { Machine } from "./model.ts";
import { mainAddress, networksOf } from "./networks.ts";
import { windowsVersion } from "./operating-system.ts";
import type { RawInterface } from "./raw.ts";

/** What node:os tells on Windows; there is nothing else to ask there without its tools. */
export interface RawWindows {
  hostname: string;
  architecture: string;
  /** As "Windows Server 2019 Datacenter". */
  version: string;
  kernel: string;
  cpus: number;
  memory: number;
  interfaces: readonly RawInterface[];
}

const NO_ROUTES = { ipv4: [], ipv6: [] };

export function windowsMachine(raw: RawWindows, agent_version: string): Machine {
  const hostname = cut(raw.hostname, 64);
  const ip = mainAddress(raw.interfaces, NO_ROUTES, "IPv4");
  const ipv6 = mainAddress(raw.interfaces, NO_ROUTES, "IPv6");
  return known({
    name: hostname ?? ip ?? ipv6 ?? "unnamed",
    hostname,
    ip,
    ipv6,
    os_type: "WINDOWS" as const,
    os_version: windowsVersion(raw.version, raw.architecture),
    cpu_quantity: whole(raw.cpus, 65535) || undefined,
    memory: whole(raw.memory) || undefined,
    kernel_version: cut(raw.kernel),
    start_type: "MANUAL",
    agent_version: cut(agent_version) ?? "",
    networks: networksOf(raw.interfaces, NO_ROUTES),
  });
}
