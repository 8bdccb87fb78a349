import { mkdirSync } from "node:fs";
import { sqldProgram } from "../test/edge/sqld.ts";

const START_MS = 15_000;

export type Durability = "strong" | "relaxed";

export interface Sqld {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/**
 * A libSQL server on an empty database in `folder`: `strong` writes every commit to the disk before it answers,
 * `relaxed`, its default, does not. Undefined, said aloud, where none can be had.
 */
export async function startSqld(folder: string, durability: Durability): Promise<Sqld | undefined> {
  const program = await sqldProgram();
  if (program === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const [http, admin] = [freeAddress(), freeAddress()];
  const places = ["-d", folder, "--http-listen-addr", http, "--admin-listen-addr", admin];
  // Without the interval, concurrent writers can lock this server up for good.
  const command = [program, "--no-welcome", ...places, "--checkpoint-interval-s", "60"];
  const child = Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    kill();
    await child.exited;
    process.off("exit", kill);
  };
  for (const end = Date.now() + START_MS; Date.now() < end && child.exitCode === null; await Bun.sleep(50)) {
    const health = await fetch(`http://${http}/health`).catch(() => undefined);
    if (!health?.ok) continue;
    await setDurability(admin, durability);
    return { url: `http://${http}`, pid: child.pid, stop };
  }
  await stop();
  throw new Error("sqld did not start");
}

async function setDurability(admin: string, durability_mode: Durability): Promise<void> {
  const { ok, status } = await fetch(`http://${admin}/v1/namespaces/default/config`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ block_reads: false, block_writes: false, durability_mode }),
  });
  if (!ok) throw new Error(`sqld refused ${durability_mode} durability: ${status}`);
}

function freeAddress(): string {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  taken.stop(true);
  return `127.0.0.1:${taken.port}`;
}
