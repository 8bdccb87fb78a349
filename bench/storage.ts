import { join } from "node:path";
import { createClient } from "@libsql/client";
import { startFerry } from "./ferry.ts";
import { Fleet } from "./fleet.ts";
import { order, poll, report } from "./requests.ts";
import { measureRound, type RoundOptions } from "./round.ts";
import type { Running } from "./subject.ts";

/* What commands weigh on the disk: a file is filled through the API, each command queued, delivered and reported. */

const steps = { queue: order, deliver: poll, report } as const;
type Step = keyof typeof steps;

export interface Storage {
  commands: number;
  /** Size of the file's pages for a command with its delivery, its report and the events of all three, by table. */
  bytes_per_command: Record<string, number>;
  /** Of a source as agents register it, with one network and no disks. */
  bytes_per_source: number;
  /** How fast that went, in requests a second. */
  rps: Record<Step, number>;
}

/** `passes` commands on each of `sources` sources. The folder is empty. */
export async function measureStorage(
  folder: string,
  passes: number,
  sources: number,
  options: RoundOptions,
): Promise<Storage> {
  const fleet = await Fleet.make(folder);
  fleet.close();
  const before = await tableBytes(folder);
  const ids = fleet.busy.slice(0, sources);
  const commands = passes * ids.length;
  const ferry = await startFerry(folder);
  const seconds: Record<Step, number> = { queue: 0, deliver: 0, report: 0 };
  try {
    const running = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
    for (let pass = 0; pass < passes; pass += 1) {
      for (const step of ["queue", "deliver", "report"] as const) {
        seconds[step] += await sendOnce(running, await Promise.all(ids.map((id) => steps[step](id))), options);
      }
    }
  } finally {
    await ferry.stop();
  }
  const after = await tableBytes(folder);
  const grown = Object.keys(after).map((table) => [table, (after[table] ?? 0) - (before[table] ?? 0)] as const);
  return {
    commands,
    bytes_per_command: Object.fromEntries(
      grown.filter(([, bytes]) => bytes > 0).map(([table, bytes]) => [table, bytes / commands]),
    ),
    bytes_per_source: (before.sources ?? 0) / (fleet.idle.length + fleet.busy.length),
    rps: {
      queue: commands / seconds.queue,
      deliver: commands / seconds.deliver,
      report: commands / seconds.report,
    },
  };
}

/** Each request once; how many seconds that took. */
export async function sendOnce(
  running: Pick<Running, "endpoints" | "pids">,
  requests: string[],
  options: RoundOptions,
): Promise<number> {
  const load = { requests, limit: requests.length };
  const unhurried = { ...options, warmUpMs: 0, measureMs: Number.MAX_SAFE_INTEGER };
  const { refused, seconds } = await measureRound(running, load, unhurried);
  if (refused > 0) throw new Error(`${refused} requests were refused`);
  return seconds;
}

/** Pages of each table with its indexes, in bytes. Nobody may write to the file. */
async function tableBytes(folder: string): Promise<Record<string, number>> {
  const client = createClient({ url: `file:${join(folder, "ferry.db")}` });
  const { rows } = await client.execute(
    "SELECT tbl_name, sum(pgsize) AS bytes FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name",
  );
  client.close();
  return Object.fromEntries(rows.map(({ tbl_name, bytes }) => [String(tbl_name), Number(bytes)]));
}
