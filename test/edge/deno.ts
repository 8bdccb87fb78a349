import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./bundle.ts";

const START_MS = 20_000;

export interface RunningDeno {
  url: string;
  /** What it printed so far. */
  log(): string;
  /** Ends it as an operator does; the exit code. */
  stop(): Promise<number>;
}

/** The Deno of package-lock.json; undefined, said aloud, where it has none for this machine. */
export function denoProgram(): string | undefined {
  try {
    return (require("deno/install_api.cjs") as { runInstall(): string }).runInstall();
  } catch (error) {
    const reason = `Deno cannot be had: ${error instanceof Error ? error.message : error}`;
    if (process.env.FERRY_REQUIRE_TOOLS === "1") throw new Error(reason);
    console.warn(`SKIPPED: tests in Deno: ${reason}`);
    return undefined;
  }
}

/** Runs the module by deploy/deno/main.js, with the permissions and in the environment that docs/deploy.md tells of. */
export async function startDeno(
  program: string,
  module: string,
  environment: Record<string, string>,
): Promise<RunningDeno> {
  const folder = mkdtempSync(join(tmpdir(), "ferry-deno-"));
  writeFileSync(join(folder, "edge.js"), module);
  copyFileSync(join(root, "deploy", "deno", "main.js"), join(folder, "main.js"));
  const { host } = new URL(environment.FERRY_DATABASE_URL ?? "http://127.0.0.1");
  const permissions = ["--no-prompt", "--no-remote", `--allow-net=${host}`, "--allow-env=FERRY_*"];
  const child = Bun.spawn([program, "serve", ...permissions, "--host", "127.0.0.1", "--port", "0", "main.js"], {
    cwd: folder,
    env: { DENO_DIR: join(folder, "cache"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let printed = "";
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) printed += decoder.decode(chunk, { stream: true });
  };
  void collect(child.stdout);
  void collect(child.stderr);
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await child.exited;
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  const address = () => /Listening on (http:\/\/[\d.]+:\d+)/.exec(printed)?.[1];
  for (const end = Date.now() + START_MS; address() === undefined; await Bun.sleep(20)) {
    if (Date.now() < end && child.exitCode === null) continue;
    await stop();
    throw new Error(`Deno did not start: ${printed}`);
  }
  return { url: address() ?? "", log: () => printed, stop };
}
