import { cpuUs, machineCpuUs } from "./processes.ts";
import { wholeReply } from "./reply.ts";

/*
 * Load from a process of its own: raw sockets that are kept open, requests that were made before. Every connection has
 * one request under way. The job comes as JSON on stdin, what was measured leaves as JSON on stdout.
 */

export interface Job {
  /** HOST:PORT; connections go round them. */
  endpoints: string[];
  /** As they travel, one character a byte; sent in turn, again and again. */
  requests: string[];
  /** Which of them is the first. */
  first: number;
  /** No more than so many in all, the warm-up among them. */
  limit?: number | undefined;
  connections: number;
  /** The measured time begins after so long, and after so many replies. */
  warmUp: { ms: number; replies: number };
  measureMs: number;
  /** Whose CPU time to tell. */
  pids: Record<Party, number[]>;
}

export type Party = "server" | "database";

export interface Measured {
  /** Length of the measured time; what follows is of it. */
  seconds: number;
  /** Answered with 2xx; only these count here. */
  replies: number;
  p50_ms: number;
  p99_ms: number;
  /** `foreign`: of all processes that have nothing to do with the measurement. */
  cpu_us: Record<Party | "generator" | "foreign", number>;
  /** Of the whole run: requests answered with 2xx, and all others with the first of their replies. */
  accepted: number;
  refused: number;
  first_refusal: string | null;
}

/** A server that answers nothing for so long is given up. */
const SILENCE_MS = 60_000;

interface Connection {
  received: string;
  /** Of a request that the system took in part only. */
  unsent: Uint8Array | undefined;
  sentAt: number;
}

if (import.meta.main) console.log(JSON.stringify(await run((await Bun.stdin.json()) as Job)));

async function run(job: Job): Promise<Measured> {
  const { promise: done, resolve: finish, reject: fail } = Promise.withResolvers<void>();
  const requests = job.requests.map((text) => Buffer.from(text, "latin1"));
  const limit = job.limit ?? Number.POSITIVE_INFINITY;
  const answers = { accepted: 0, refused: 0, first_refusal: null as string | null };
  const latencies: number[] = [];
  let sent = 0;
  let underWay = 0;
  let began: Usage | undefined;
  let ended: Usage | undefined;
  let lastAnswerAt = performance.now();
  const startedAt = lastAnswerAt;

  const end = () => {
    ended ??= usage(job);
  };
  const answered = (now: number, sentAt: number, isAccepted: boolean) => {
    lastAnswerAt = now;
    if (began && !ended) {
      if (isAccepted) latencies.push(now - sentAt);
      if (now - began.at >= job.measureMs) end();
    } else if (!began && now - startedAt >= job.warmUp.ms && answers.accepted + answers.refused >= job.warmUp.replies) {
      began = usage(job);
    }
  };
  const send = (socket: Bun.Socket<Connection>) => {
    if (ended || sent >= limit) {
      // Used up: what is still under way belongs to no full load any more.
      if (sent >= limit) end();
      if (underWay === 0) finish();
      return;
    }
    const request = requests[(job.first + sent) % requests.length] as Buffer;
    sent += 1;
    underWay += 1;
    socket.data.sentAt = performance.now();
    write(socket, request);
  };
  const write = (socket: Bun.Socket<Connection>, bytes: Uint8Array) => {
    const written = socket.write(bytes);
    socket.data.unsent = written < bytes.length ? bytes.subarray(Math.max(written, 0)) : undefined;
  };

  const handler: Bun.SocketHandler<Connection> = {
    data(socket, chunk) {
      const connection = socket.data;
      connection.received += chunk.toString("latin1");
      const reply = wholeReply(connection.received);
      if (!reply) return;
      underWay -= 1;
      const isAccepted = reply.status >= 200 && reply.status < 300;
      if (isAccepted) answers.accepted += 1;
      else {
        answers.refused += 1;
        answers.first_refusal ??= connection.received.slice(0, 500);
      }
      connection.received = "";
      answered(performance.now(), connection.sentAt, isAccepted);
      send(socket);
    },
    drain(socket) {
      if (socket.data.unsent) write(socket, socket.data.unsent);
    },
    error: (_socket, error) => fail(error),
    close(socket) {
      if (socket.data.sentAt > 0 && !(ended && underWay === 0)) fail(new Error("the server closed a connection"));
    },
  };

  const sockets = await Promise.all(
    Array.from({ length: job.connections }, (_, index) => {
      const [hostname = "", port] = (job.endpoints[index % job.endpoints.length] ?? "").split(":");
      const data = { received: "", unsent: undefined, sentAt: 0 };
      return Bun.connect<Connection>({ hostname, port: Number(port), data, socket: handler });
    }),
  );
  if (job.warmUp.ms === 0 && job.warmUp.replies === 0) began = usage(job);
  for (const socket of sockets) send(socket);
  const watchdog = setInterval(() => {
    if (performance.now() - lastAnswerAt > SILENCE_MS)
      fail(new Error(`no reply for ${SILENCE_MS / 1000} s, ${underWay} requests under way`));
  }, 1_000);
  await done.finally(() => clearInterval(watchdog));
  for (const socket of sockets) socket.terminate();
  return { ...measured(began, ended, latencies), ...answers };
}

/** What the processes had used at a moment. */
interface Usage {
  at: number;
  us: Record<Party | "generator" | "machine", number>;
}

function usage({ pids }: Job): Usage {
  const us = {
    server: cpuUs(pids.server),
    database: cpuUs(pids.database),
    generator: cpuUs([process.pid]),
    machine: machineCpuUs(),
  };
  return { at: performance.now(), us };
}

function measured(began: Usage | undefined, ended: Usage | undefined, latencies: number[]) {
  if (!began || !ended) throw new Error("the requests were used up before the warm-up was over");
  const used = (of: keyof Usage["us"]) => ended.us[of] - began.us[of];
  const [server, database, generator] = [used("server"), used("database"), used("generator")];
  const foreign = Math.max(0, used("machine") - server - database - generator);
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return {
    seconds: (ended.at - began.at) / 1000,
    replies: latencies.length,
    p50_ms: percentile(0.5),
    p99_ms: percentile(0.99),
    cpu_us: { server, database, generator, foreign },
  };
}
