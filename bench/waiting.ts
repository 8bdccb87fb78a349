import { Line } from "./line.ts";
import { cpuUs, residentBytes } from "./processes.ts";
import { poll } from "./requests.ts";
import type { Running } from "./subject.ts";
import { amount, markdown } from "./table.ts";

/* What agents cost that only wait: polls with ?wait= that nothing comes for. */

export interface Waiting {
  agents: number;
  /** Memory of the server for each of them, in bytes; what the kernel keeps for the connection is not in it. */
  bytes: number;
  /** CPU time a second for each of them, in microseconds. */
  server_cpu_us: number;
  database_cpu_us: number;
}

/** Until every poll waits that was sent: over a libSQL server each begins with some calls. */
const SETTLE_MS = 15_000;
const WATCH_MS = 10_000;
/** Connections that send their first poll at once. */
const AT_ONCE = 50;

/** One waiting poll for each source, on a connection of its own, all on the first process. */
export async function measureWaiting(
  { endpoints, pids }: Pick<Running, "endpoints" | "pids">,
  ids: readonly string[],
): Promise<Waiting> {
  const agents: { id: string; line: Line }[] = [];
  const connect = async (id: string) => {
    const line = await Line.open(endpoints[0] ?? "");
    await line.need(await poll(id));
    return { id, line };
  };
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    // The first poll makes what a source has anyway.
    agents.push(...(await Promise.all(some.map(connect))));
  }
  await Bun.sleep(SETTLE_MS);
  const connected = residentBytes(pids.server);
  // A connection that is lost shows below: it does not wait any more.
  for (const { id, line } of agents) line.ask(await poll(id, "?wait=55")).catch(() => {});
  await Bun.sleep(SETTLE_MS);
  const waiting = residentBytes(pids.server);
  const before = { server: cpuUs(pids.server), database: cpuUs(pids.database) };
  await Bun.sleep(WATCH_MS);
  const perAgent = (us: number) => us / ids.length / (WATCH_MS / 1000);
  const result = {
    agents: ids.length,
    bytes: (waiting - connected) / ids.length,
    server_cpu_us: perAgent(cpuUs(pids.server) - before.server),
    database_cpu_us: perAgent(cpuUs(pids.database) - before.database),
  };
  const early = agents.filter(({ line }) => !line.isWaiting).length;
  for (const { line } of agents) line.close();
  if (early > 0) throw new Error(`${early} of ${ids.length} polls did not wait`);
  return result;
}

export function waitingTable(waiting: Record<string, Waiting | undefined>): string {
  const rows = Object.entries(waiting).flatMap(([name, one]) =>
    one === undefined
      ? []
      : [[name, `${one.agents}`, amount(one.bytes / 1024), amount(one.server_cpu_us), amount(one.database_cpu_us)]],
  );
  const head = ["", "polls waiting", "kB each", "CPU us/s each", "sqld CPU us/s each"];
  return markdown(head, rows);
}
