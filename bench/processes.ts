import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/* What the kernel counts for processes: Linux only. */

/** Of /proc: a hundred ticks a second on every Linux that Bun runs on. */
const TICK_US = 10_000;

/** CPU time that processes have had so far, user and system, all threads, in microseconds. */
export function cpuUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = statFields(pid);
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_US;
  }, 0);
}

/** The same of threads that live, to the nanosecond: for short times, in which none ends. */
export function threadsCpuUs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readRunTime(`/proc/${pid}/task/${thread}/schedstat`),
  );
  return threads.reduce((sum, ns) => sum + ns, 0) / 1000;
}

function readRunTime(schedstat: string): number {
  try {
    return Number(readFileSync(schedstat, "utf8").split(" ", 1)[0]);
  } catch {
    return 0; // a thread that has ended meanwhile
  }
}

/** CPU time of everything on this machine so far, without the work of interrupts, in microseconds. */
export function machineCpuUs(): number {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system) * TICK_US;
}

/** Memory that processes hold, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

/** Connections that a program started from here can hold to one address. */
export function mostConnections(): number {
  const files = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  const [low = 0, high = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split("\t").map(Number);
  // Files besides connections: database, standard streams, what the runtime opens.
  const SPARE = 500;
  return Math.min(files === "unlimited" ? Number.POSITIVE_INFINITY : Number(files), high - low) - SPARE;
}

/** Child processes of this one whose program has that file name. */
export function childrenRunning(program: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return Number(statFields(pid)[1]) === process.pid && basename(readlinkSync(`/proc/${pid}/exe`)) === program;
      } catch {
        return false; // no process, or one that has ended meanwhile
      }
    });
}

/** Fields of /proc/PID/stat behind the program's name, which may hold spaces. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/**
 * Binds this process, and what it starts from now on, to cores ("0", "0-2"). False without the program for it; throws
 * where there are no such cores.
 */
export function bindTo(cores: string): boolean {
  if (Bun.which("taskset") === null) return false;
  const bound = Bun.spawnSync(["taskset", "--all-tasks", "--cpu-list", "--pid", cores, String(process.pid)]);
  if (!bound.success) throw new Error(`cannot run on cores ${cores}: ${bound.stderr.toString().trim()}`);
  return true;
}

/** A program that is up once it has said something. */
export interface Program {
  pid: number;
  /** What the pattern found in what it printed. */
  said: RegExpExecArray;
  /** From the call that started it until it had said that. */
  startMs: number;
  /** Asks it to end, and waits. */
  stop(): Promise<void>;
}

const START_MS = 30_000;

/** Starts a program and waits until it prints what `sign` finds. Throws with what it printed instead. */
export async function startProgram(
  command: string[],
  options: { cwd: string; env?: Record<string, string> },
  sign: RegExp,
): Promise<Program> {
  const env = { PATH: process.env.PATH ?? "", ...options.env };
  const beganAt = performance.now();
  const child = Bun.spawn(command, { cwd: options.cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
    process.off("exit", kill);
  };
  const { promise: up, resolve } = Promise.withResolvers<RegExpExecArray | undefined>();
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    void (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of stream) {
        printed += decoder.decode(bytes, { stream: true });
        const said = sign.exec(printed);
        if (said) resolve(said);
      }
    })();
  }
  const timer = setTimeout(() => resolve(undefined), START_MS);
  // What it printed last is read after its end.
  void child.exited.then(() => setTimeout(() => resolve(undefined), 100));
  const said = await up.finally(() => clearTimeout(timer));
  if (said) return { pid: child.pid, said, startMs: performance.now() - beganAt, stop };
  await stop();
  throw new Error(`${command[0]} did not start: ${printed}`);
}
