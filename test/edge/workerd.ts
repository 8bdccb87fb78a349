import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./bundle.ts";

const START_MS = 15_000;

/** Calls a worker's scheduled handler, as a cron trigger does, and answers what came of it. */
const CRON = `export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    return Response.json(await env[pathname.slice(1)].scheduled({ cron: "* * * * *", scheduledTime: new Date() }));
  },
};`;

export interface Workerd {
  /** Address of a worker; each runs in an isolate of its own. */
  url(worker: string): string;
  /** Runs a worker's scheduled handler: how it ended. */
  scheduled(worker: string): Promise<{ outcome: string }>;
  /** What the workers logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** The workerd of package-lock.json; undefined, said aloud, where it has none for this machine. */
export function workerdProgram(): string | undefined {
  try {
    return (require("workerd") as { default: string }).default;
  } catch (error) {
    const reason = `workerd cannot be had: ${error instanceof Error ? error.message : error}`;
    if (process.env.FERRY_REQUIRE_TOOLS === "1") throw new Error(reason);
    console.warn(`SKIPPED: tests in workerd: ${reason}`);
    return undefined;
  }
}

/** Runs one module several times, each time with the given text bindings. */
export async function startWorkerd(
  program: string,
  module: string,
  workers: Record<string, Record<string, string>>,
): Promise<Workerd> {
  const files = { "module.js": module, "cron.js": CRON, "config.capnp": config(workers) };
  return run(program, files, {}, [...Object.keys(workers), "cron"]);
}

/** Runs the module by deploy/workerd/config.capnp, as docs/deploy.md tells, in the given environment. */
export async function startDeployed(
  program: string,
  module: string,
  environment: Record<string, string>,
): Promise<Workerd> {
  return run(program, { "edge.js": module, "config.capnp": deployed("config.capnp") }, environment, ["http"]);
}

async function run(
  program: string,
  files: Record<string, string>,
  env: Record<string, string>,
  sockets: string[],
): Promise<Workerd> {
  const folder = mkdtempSync(join(tmpdir(), "ferry-workerd-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "schedule"));
  const addresses = sockets.map((socket) => `--socket-addr=${socket}=127.0.0.1:0`);
  // Experimental for what calls the scheduled handlers.
  const child = Bun.spawn([program, "serve", "--experimental", "--control-fd=1", ...addresses, "config.capnp"], {
    cwd: folder,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const control = collect(child.stdout);
  const log = collect(child.stderr);
  const stop = async () => {
    kill();
    await child.exited;
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  };
  const port = (socket: string) =>
    /"port":(\d+)/.exec(
      control()
        .split("\n")
        .find((line) => line.includes(`"socket":"${socket}"`)) ?? "",
    )?.[1];
  for (const end = Date.now() + START_MS; !sockets.every(port); await Bun.sleep(20)) {
    if (Date.now() < end && child.exitCode === null) continue;
    await stop();
    throw new Error(`workerd did not start: ${log()}`);
  }
  const url = (socket: string) => `http://127.0.0.1:${port(socket)}`;
  const scheduled = async (worker: string) =>
    (await fetch(`${url("cron")}/${worker}`)).json() as Promise<{ outcome: string }>;
  return { url, scheduled, log, stop };
}

function deployed(name: string): string {
  return readFileSync(join(root, "deploy", "workerd", name), "utf8");
}

function config(workers: Record<string, Record<string, string>>): string {
  const names = Object.keys(workers);
  const { compatibility_date, compatibility_flags } = Bun.JSONC.parse(deployed("wrangler.jsonc")) as {
    compatibility_date: string;
    compatibility_flags: string[];
  };
  const list = (items: string[]) => `[${items.join(", ")}]`;
  const text = JSON.stringify;
  const worker = (name: string) => `(name = ${text(name)}, worker = (
      modules = [(name = "module.js", esModule = embed "module.js")],
      compatibilityDate = ${text(compatibility_date)}, compatibilityFlags = ${text(compatibility_flags)}, globalOutbound = "loopback",
      bindings = ${list(Object.entries(workers[name] ?? {}).map(([key, value]) => `(name = ${text(key)}, text = ${text(value)})`))}))`;
  const cron = `(name = "cron", worker = (
      modules = [(name = "cron.js", esModule = embed "cron.js")],
      compatibilityDate = ${text(compatibility_date)}, compatibilityFlags = ["service_binding_extra_handlers"],
      bindings = ${list(names.map((name) => `(name = ${text(name)}, service = ${text(name)})`))}))`;
  const socket = (name: string) => `(name = ${text(name)}, http = (), service = ${text(name)})`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list(['(name = "loopback", network = (allow = ["local"]))', ...names.map(worker), cron])},
  sockets = ${list([...names, "cron"].map(socket))},
);
`;
}

/** Reads a stream as it comes; the function answers what has come so far. */
function collect(stream: ReadableStream<Uint8Array>): () => string {
  let text = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  })();
  return () => text;
}
