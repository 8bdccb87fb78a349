import { arch, cpus, hostname, platform, release, totalmem, version } from "node:os";
import { linuxMachine } from "./machine/linux.ts";
import type { Machine } from "./machine/model.ts";
import { interfacesWithAddresses } from "./machine/read-interfaces.ts";
import { readLinux } from "./machine/read-linux.ts";
import { windowsMachine } from "./machine/windows.ts";

/** This machine, as registerServer takes it. */
export async function readMachine(agent_version: string): Promise<Machine> {
  const system = platform();
  if (system === "linux") return linuxMachine(await readLinux(), agent_version);
  if (system !== "win32") throw new Error(`--register reads Linux machines, and this is ${system}`);
  const raw = {
    hostname: hostname(),
    architecture: arch(),
    version: version(),
    kernel: release(),
    cpus: cpus().length,
    memory: totalmem(),
    interfaces: interfacesWithAddresses(),
  };
  return windowsMachine(raw, agent_version);
}
