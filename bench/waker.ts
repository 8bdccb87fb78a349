import { type Answer, Line } from "./line.ts";
import { residentBytes } from "./processes.ts";
import { order, poll } from "./requests.ts";
import type { Wake } from "./wake.ts";

/*
 * The agents that wait, and the operator that wakes some of them, in a process of their own. The job comes as JSON on
 * stdin, what was measured leaves as JSON on stdout.
 */

export interface WakeJob {
  endpoint: string;
  pid: number;
  /** One waiting poll each. */
  ids: string[];
  /** How many are woken, if there is time for it. */
  wakes: number;
}

interface Agent {
  id: string;
  line: Line;
  answer: Promise<Answer>;
}

/** Connections that are made at once. */
const AT_ONCE = 100;
const SETTLE_MS = 2_000;
/** As long as polls wait, in seconds, and the time after the first one in which others are woken. */
const WAIT_S = 55;
const LIMIT_MS = 48_000;
/** With fewer a p99 says nothing. */
const LEAST_WAKES = 100;

if (import.meta.main) console.log(JSON.stringify(await run((await Bun.stdin.json()) as WakeJob)));

async function run({ endpoint, pid, ids, wakes }: WakeJob): Promise<Omit<Wake, "agents">> {
  await pollAll(endpoint, ids);
  await Bun.sleep(SETTLE_MS);
  const before = residentBytes([pid]);
  const requests = await Promise.all(ids.map((id) => poll(id, `?wait=${WAIT_S}`)));
  const beganAt = performance.now();
  const agents: Agent[] = [];
  const wait = async (id: string, request: string): Promise<Agent> => {
    const line = await Line.open(endpoint);
    const answer = line.need(request);
    answer.catch(() => {}); // told below: it does not wait any more
    return { id, line, answer };
  };
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    agents.push(...(await Promise.all(some.map((id, index) => wait(id, requests[from + index] ?? "")))));
  }
  await Bun.sleep(SETTLE_MS);
  const bytes = (residentBytes([pid]) - before) / ids.length;
  mustWait(agents);
  const latencies: number[] = [];
  const operator = await Line.open(endpoint);
  for (let turn = 0; turn < wakes && performance.now() - beganAt < LIMIT_MS; turn += 1) {
    // Far apart, so that neither the order of connections nor that of sources plays a part.
    const [agent] = agents.splice((turn * 7_919) % agents.length, 1);
    if (agent) latencies.push(await wakeMs(operator, agent));
  }
  mustWait(agents);
  if (latencies.length < LEAST_WAKES) throw new Error(`only ${latencies.length} were woken while all others waited`);
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  for (const { line } of [...agents, { line: operator }]) line.close();
  return { wakes: latencies.length, p50_ms: percentile(0.5), p99_ms: percentile(0.99), bytes };
}

/** What a source's first poll makes is there before memory is looked at. */
async function pollAll(endpoint: string, ids: readonly string[]): Promise<void> {
  const lines = await Promise.all(Array.from({ length: 50 }, () => Line.open(endpoint)));
  await Promise.all(
    lines.map(async (line, first) => {
      for (let index = first; index < ids.length; index += lines.length) await line.need(await poll(ids[index] ?? ""));
      line.close();
    }),
  );
}

async function wakeMs(operator: Line, { id, line, answer }: Agent): Promise<number> {
  const request = await order(id);
  const sentAt = performance.now();
  const ordered = operator.need(request);
  const { at, text } = await answer;
  await ordered;
  if (!text.includes("START")) throw new Error(`the agent was answered something else:\n${text.slice(0, 500)}`);
  line.close();
  return at - sentAt;
}

function mustWait(agents: readonly Agent[]): void {
  const waiting = agents.filter(({ line }) => line.isWaiting).length;
  if (waiting !== agents.length) throw new Error(`${waiting} polls wait, of ${agents.length}`);
}
