import { test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Connection, signedRequest } from "../../src/client/client.ts";
import type { Command, Result } from "../../src/commands/schema.ts";

/*
 * The built executable as a stranger meets it: started in an empty folder, with nothing of this process's environment.
 */

export const repository = dirname(dirname(import.meta.dir));
export const executable = join(repository, "dist", process.platform === "win32" ? "ferry.exe" : "ferry");

/** The first key of every instance that is started with `Ferry.start`. */
export const firstKey = {
  access_key: "E2EFIRSTKEY",
  secret_key: "e2e-first-secret-of-the-tests",
  project_id: "e2e-project",
};

const START_DEADLINE_MS = 20_000;

/** What a process of ours may see of the environment. */
export function cleanEnvironment(folder: string, more: Record<string, string> = {}): Record<string, string> {
  const PATH = process.env.PATH ?? "/usr/bin:/bin";
  return { PATH, TMPDIR: join(folder, "tmp"), XDG_CONFIG_HOME: join(folder, "config"), ...more };
}

const folders: string[] = [];
const running = new Map<Bun.Subprocess, Promise<unknown>>();

/** Ends every program that is still running and removes the folders: `afterAll(endAll)` in each test file. */
export async function endAll(): Promise<void> {
  for (const child of running.keys()) child.kill("SIGKILL");
  await Promise.all(running.values());
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A new folder with an empty `home` to start programs in and a `tmp` for TMPDIR; removed by `endAll`. */
export function temporaryFolder(home = "home"): { path: string; home: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "ferry-e2e-")));
  folders.push(path);
  mkdirSync(join(path, "tmp"));
  mkdirSync(join(path, home));
  return { path, home: join(path, home) };
}

/** Starts a program and keeps what it prints. */
export function startProgram(command: string[], options: { cwd: string; env: Record<string, string> }) {
  if (command.includes(executable) && !existsSync(executable))
    throw new Error(`${executable} is missing: run npm run build`);
  const child = Bun.spawn(command, { ...options, stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const printed = { stdout: "", stderr: "" };
  const collect = async (name: "stdout" | "stderr") => {
    const decoder = new TextDecoder();
    for await (const bytes of child[name]) printed[name] += decoder.decode(bytes, { stream: true });
  };
  const ended = Promise.all([child.exited, collect("stdout"), collect("stderr")]).then(([code]) => {
    running.delete(child);
    return code;
  });
  running.set(child, ended);
  return { child, printed, ended };
}

/** Runs a program to its end. */
export async function run(command: string[], options: { cwd: string; env: Record<string, string> }, stdin = "") {
  const { child, printed, ended } = startProgram(command, options);
  child.stdin.write(stdin);
  child.stdin.end();
  const code = await ended;
  return { code, ...printed };
}

export interface StartOptions {
  /** Arguments behind `serve`; the address is `--listen 127.0.0.1:0` unless they hold another one. */
  args?: string[];
  env?: Record<string, string>;
  /** What runs the executable, for example a change of user. */
  prefix?: string[];
  /** Another copy of the executable. */
  program?: string;
  folder?: { path: string; home: string };
}

export interface CallOptions {
  /** As whom; null: without credentials. */
  key?: { access_key: string; secret_key: string } | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A running `ferry serve` that can be stopped, killed and started again on the same data. */
export class Ferry {
  readonly folder: { path: string; home: string };
  readonly data: string;
  /** From the start of the process to its first line. */
  readyMs = 0;
  url = "";
  #program: ReturnType<typeof startProgram> | undefined;

  private constructor(private readonly options: StartOptions) {
    this.folder = options.folder ?? temporaryFolder();
    this.data = join(this.folder.home, "ferry-data");
  }

  static async start(options: StartOptions = {}): Promise<Ferry> {
    const ferry = new Ferry(options);
    await ferry.start();
    return ferry;
  }

  get printed(): { stdout: string; stderr: string } {
    return this.#running().printed;
  }

  async start(): Promise<void> {
    const { args = [], env, prefix = [], program = executable } = this.options;
    const bootstrap = {
      FERRY_BOOTSTRAP_ACCESS_KEY: firstKey.access_key,
      FERRY_BOOTSTRAP_SECRET_KEY: firstKey.secret_key,
      FERRY_BOOTSTRAP_PROJECT_ID: firstKey.project_id,
    };
    const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const startedMs = performance.now();
    const started = startProgram([...prefix, program, "serve", ...listen, ...args], {
      cwd: this.folder.home,
      env: cleanEnvironment(this.folder.path, env ?? bootstrap),
    });
    this.#program = started;
    const { child, printed } = started;
    const hasFirstLine = () => printed.stdout.includes("\n") || child.exitCode !== null;
    await waitUntil(hasFirstLine, "the first line of ferry serve", START_DEADLINE_MS, 2);
    this.readyMs = performance.now() - startedMs;
    const url = /https?:\/\/\S+:\d+(?= )/.exec(printed.stdout.split("\n")[0] ?? "");
    if (!url)
      throw new Error(`ferry serve did not start (exit code ${child.exitCode}):\n${printed.stdout}${printed.stderr}`);
    this.url = url[0];
  }

  /** Ends it as an operator does; resolves with the exit code. */
  stop(signal: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<number> {
    const { child, ended } = this.#running();
    child.kill(signal);
    return ended;
  }

  get pid(): number {
    return this.#running().child.pid;
  }

  signal(signal: "SIGHUP"): void {
    this.#running().child.kill(signal);
  }

  /** Ends it as a power cut does, as far as a process can tell. */
  async kill(): Promise<void> {
    const { child, ended } = this.#running();
    child.kill("SIGKILL");
    await ended;
  }

  /** A signed call; an object is sent as JSON, a text as it is. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    { key = firstKey, headers = {}, signal }: CallOptions = {},
  ): Promise<Response> {
    const connection: Connection = { endpoint: this.url, ...key };
    const isText = typeof body === "string";
    const request = await signedRequest(connection, Date.now(), `${this.url}${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    // Once a kept connection breaks fetch would send the request again by itself, unseen.
    return fetch(request, { keepalive: false });
  }

  /** The JSON of a call that has to succeed. */
  async ask<Reply = unknown>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply> {
    const response = await this.call(method, path, body, options);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<Reply>;
  }

  async registerSource(name = "web-1"): Promise<string> {
    const ready = { os_type: "LINUX", os_version: "ubuntu", has_rsync: true, has_tc: true, boot_loader: "GRUB" };
    const body = { name, ip: "192.0.2.10", agent_version: "1.0", networks: [], ...ready };
    return (await this.ask<{ id: string }>("POST", "/v3/sources", body)).id;
  }

  queue(source_id: string, order: object = { command_name: "START" }): Promise<Command> {
    return this.ask("POST", `/operate/v1/sources/${source_id}/commands`, order);
  }

  /** A poll: what it was offered, and which command and delivery that is. */
  async poll(source_id: string, query = ""): Promise<{ reply: unknown; id: string | null; attempt: number }> {
    const response = await this.call("GET", `/v3/sources/${source_id}/command${query}`);
    const reply = await response.json();
    if (response.status !== 200) throw new Error(`the poll was answered ${response.status}: ${JSON.stringify(reply)}`);
    return {
      reply,
      id: response.headers.get("x-command-id"),
      attempt: Number(response.headers.get("x-command-attempt")),
    };
  }

  report(source_id: string, result_detail: object, command_name = "START"): Promise<Response> {
    return this.call("POST", `/v3/sources/${source_id}/command_result`, {
      command_name,
      result: "success",
      result_detail,
    });
  }

  command(id: string): Promise<Command & { reports: Result[] }> {
    return this.ask("GET", `/operate/v1/commands/${id}`);
  }

  /** Every stored report that matches the query. */
  async results(query = ""): Promise<Result[]> {
    const response = await this.call("GET", `/operate/v1/results${query}`, undefined, {
      headers: { accept: "application/x-ndjson" },
    });
    const lines = (await response.text()).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line));
  }

  /** The environment of who works with this instance under its first key. */
  get signedIn(): Record<string, string> {
    return {
      FERRY_ENDPOINT: this.url,
      FERRY_ACCESS_KEY: firstKey.access_key,
      FERRY_SECRET_KEY: firstKey.secret_key,
    };
  }

  /** The command line as a user of this instance runs it, with its output in a pipe. */
  cli(args: string[], env: Record<string, string> = {}, stdin?: string) {
    const options = { cwd: this.folder.home, env: cleanEnvironment(this.folder.path, { ...this.signedIn, ...env }) };
    return run([executable, ...args], options, stdin);
  }

  #running() {
    if (!this.#program) throw new Error("ferry was not started");
    return this.#program;
  }
}

/** Waits for a condition, never for a time. Throws when the deadline has passed. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
  lookEveryMs = 20,
): Promise<void> {
  const until = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await Bun.sleep(lookEveryMs);
  }
}

/**
 * `test`, where what it needs is there. Else a skipped test, with the reason printed, or a failing one where
 * FERRY_REQUIRE_TOOLS=1 says that everything has to be there.
 */
export function testUnless(missing: string | undefined): typeof test {
  if (missing === undefined) return test;
  if (process.env.FERRY_REQUIRE_TOOLS === "1") {
    const fail = (name: string) =>
      test(name, () => {
        throw new Error(missing);
      });
    return fail as unknown as typeof test;
  }
  console.warn(`skipped: ${missing}`);
  return test.skip as typeof test;
}
