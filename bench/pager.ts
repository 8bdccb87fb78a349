import { Line } from "./line.ts";
import { threadsCpuUs } from "./processes.ts";
import { signedCall } from "./requests.ts";
import { median } from "./round.ts";

/*
 * Asks several servers in turn for the same pages, one request at a time, in a process of its own. The job comes as JSON
 * on stdin, what was measured leaves as JSON on stdout.
 */

export interface PagerJob {
  servers: { endpoint: string; pid: number; paths: string[] }[];
  /** For each path and server, in each of so many rounds. */
  ms: number;
  rounds: number;
}

/** Of one page, on one server. */
export interface PageCost {
  server_cpu_us: number;
  p50_ms: number;
  requests: number;
  /** Rows on the page. */
  rows: number;
}

/** At least so many requests in a round; where one takes long, that is all. */
const LEAST = 2;

if (import.meta.main) console.log(JSON.stringify(await run((await Bun.stdin.json()) as PagerJob)));

/** By path, and for each by server. */
async function run({ servers, ms, rounds }: PagerJob): Promise<PageCost[][]> {
  const lines = await Promise.all(servers.map(({ endpoint }) => Line.open(endpoint)));
  const costs: PageCost[][] = [];
  for (let page = 0; page < (servers[0]?.paths.length ?? 0); page += 1) {
    const samples = servers.map(() => ({ cpu: [] as number[], times: [] as number[], rows: 0 }));
    const requests = await Promise.all(servers.map(({ paths }) => signedCall("GET", paths[page] ?? "")));
    for (let round = 0; round < rounds; round += 1) {
      for (const [place, sample] of samples.entries()) {
        const { pid = 0 } = servers[place] ?? {};
        const line = lines[place] as Line;
        const request = requests[place] ?? "";
        if (round === 0) sample.rows = rowsOf((await line.need(request)).text);
        const before = threadsCpuUs(pid);
        const times: number[] = [];
        for (const end = performance.now() + ms; performance.now() < end || times.length < LEAST; ) {
          const sentAt = performance.now();
          times.push((await line.need(request)).at - sentAt);
        }
        sample.cpu.push((threadsCpuUs(pid) - before) / times.length);
        sample.times.push(...times);
      }
    }
    costs.push(
      samples.map(({ cpu, times, rows }) => ({
        server_cpu_us: median(cpu),
        p50_ms: median(times),
        requests: times.length,
        rows,
      })),
    );
  }
  for (const line of lines) line.close();
  return costs;
}

function rowsOf(reply: string): number {
  const body = JSON.parse(Buffer.from(reply.slice(reply.indexOf("\r\n\r\n") + 4), "latin1").toString());
  return (body.items ?? body.source_servers).length;
}
