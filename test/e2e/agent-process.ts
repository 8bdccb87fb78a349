import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable, type Ferry, startProgram, temporaryFolder, waitUntil } from "./executable.ts";

/** Hooks say their piece in files of this folder, which they find as $T. */
const MARKS = "marks";

/** A `ferry agent` with a folder of its own, that can be stopped, killed and started again. */
export class TestAgent {
  readonly folder = temporaryFolder();
  readonly hooks = join(this.folder.home, "hooks");
  readonly journal = join(this.folder.home, "ferry-agent", "journal.json");
  /** Its arguments behind `--hooks`. */
  args: string[];
  /** Where it calls, and as whom. */
  env: Record<string, string>;
  #program: ReturnType<typeof startProgram> | undefined;

  constructor(signedIn: Record<string, string>, args: string[] = []) {
    this.env = signedIn;
    this.args = args;
    mkdirSync(this.hooks);
    mkdirSync(join(this.folder.home, MARKS));
  }

  /** One that runs for a new source of the instance; `endpoint` where it does not call it directly. */
  static async start(ferry: Ferry, hooks: Record<string, string>, endpoint = ferry.url) {
    const source_id = await ferry.registerSource();
    const agent = new TestAgent({ ...ferry.signedIn, FERRY_ENDPOINT: endpoint }, ["--server-id", source_id]);
    for (const [name, script] of Object.entries(hooks)) agent.hook(name, script);
    agent.start();
    return { agent, source_id };
  }

  /**
   * A hook in sh. Each run adds its attempt to NAME.runs and its pid to NAME.pids. Loops end with the folder $T, so that
   * a test that fails leaves nothing running.
   */
  hook(name: string, script: string): void {
    const head = `echo "$FERRY_ATTEMPT" >>"$T/${name}.runs"; echo $$ >>"$T/${name}.pids"`;
    this.file(name, `#!/bin/sh\n${head}\n${script}\n`);
  }

  /** A file in the folder of the hooks. */
  file(name: string, text: string, mode = 0o755): void {
    const path = join(this.hooks, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
  }

  start(killAfter = "1"): void {
    this.#program = startProgram(
      [executable, "agent", "--hooks", this.hooks, "--kill-after", killAfter, ...this.args],
      { cwd: this.folder.home, env: cleanEnvironment(this.folder.path, { T: this.mark(""), ...this.env }) },
    );
  }

  get log(): string {
    return this.#running().printed.stderr;
  }

  get pid(): number {
    return this.#running().child.pid;
  }

  /** Its exit code, once it has ended. */
  get ended(): Promise<number> {
    return this.#running().ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#running().child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  mark(name: string): string {
    return join(this.folder.home, MARKS, name);
  }

  /** The lines that hooks have added to a mark. */
  lines(name: string): string[] {
    return existsSync(this.mark(name)) ? readFileSync(this.mark(name), "utf8").trimEnd().split("\n") : [];
  }

  say(name: string): void {
    writeFileSync(this.mark(name), "");
  }

  untilMarked(name: string, lines = 0): Promise<void> {
    const isThere = () => existsSync(this.mark(name)) && this.lines(name).length >= lines;
    return this.#until(isThere, `the hook's ${name}`);
  }

  untilLogged(text: string | RegExp): Promise<void> {
    return this.#until(() => (typeof text === "string" ? this.log.includes(text) : text.test(this.log)), String(text));
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    await waitUntil(condition, what, 60_000).catch((error) => {
      throw new Error(`${error.message}; the agent says:\n${this.log}`);
    });
  }

  #running() {
    if (!this.#program) throw new Error("the agent was not started");
    return this.#program;
  }
}

export async function untilEnded(ferry: Ferry, command_id: string): Promise<Awaited<ReturnType<Ferry["command"]>>> {
  const hasEnded = async () => (await ferry.command(command_id)).ended_at !== null;
  await waitUntil(hasEnded, "the command's end", 60_000);
  return ferry.command(command_id);
}

/** Whether a process is there and not only waits to be collected. */
export function isAlive(pid: number | string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
