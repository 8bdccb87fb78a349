import { cpuUs, residentBytes } from "./processes.ts";
import { wholeReply } from "./reply.ts";
import { poll } from "./requests.ts";
import type { Running } from "./subject.ts";

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
  const agents: Agent[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    // The first poll makes what a source has anyway.
    agents.push(...(await Promise.all(some.map((id) => Agent.polling(endpoints[0] ?? "", id)))));
  }
  await Bun.sleep(SETTLE_MS);
  const connected = residentBytes(pids.server);
  for (const agent of agents) await agent.wait();
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
  const early = agents.map((agent) => agent.reply()).find((reply) => reply !== "");
  for (const agent of agents) agent.leave();
  if (early !== undefined) throw new Error(`a poll did not wait:\n${early.slice(0, 500)}`);
  return result;
}

/** An agent's connection. */
class Agent {
  readonly #id: string;
  readonly #socket: Bun.Socket;
  /** What came since: nothing, as long as it waits. */
  readonly reply: () => string;

  private constructor(id: string, socket: Bun.Socket, reply: () => string) {
    this.#id = id;
    this.#socket = socket;
    this.reply = reply;
  }

  /** Connected, and its first poll answered. */
  static async polling(endpoint: string, id: string): Promise<Agent> {
    const [hostname = "", port] = endpoint.split(":");
    const { promise: first, resolve, reject } = Promise.withResolvers<void>();
    let received = "";
    const data = (_socket: Bun.Socket, chunk: Buffer) => {
      received += chunk.toString("latin1");
      const reply = wholeReply(received);
      if (reply?.status === 200) resolve();
      else if (reply) reject(new Error(`a poll was refused:\n${received.slice(0, 500)}`));
    };
    const close = () => reject(new Error("the server closed a connection"));
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data, close } });
    socket.write(Buffer.from(await poll(id), "latin1"));
    await first;
    received = "";
    return new Agent(id, socket, () => received);
  }

  /** Sends a poll that waits. */
  async wait(): Promise<void> {
    this.#socket.write(Buffer.from(await poll(this.#id, "?wait=55"), "latin1"));
  }

  leave(): void {
    this.#socket.terminate();
  }
}
