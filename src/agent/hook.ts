import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pause } from "./backoff.ts";
import type { Log } from "./log.ts";
import type { Command } from "./offer.ts";
import { Lines, printedObject, Tail } from "./output.ts";
import { endProcesses, MARK, processesOf } from "./processes.ts";
import type { Facts, Report } from "./report.ts";

/** A JSON object a hook prints is reported up to this size. */
const KEPT_OUTPUT_BYTES = 1_048_576;
const TAIL_BYTES = 4_096;
/** What a hook has left running may hold its output open; it is not waited for. */
const AFTER_EXIT_MS = 1_000;

export interface HookOptions {
  folder: string;
  server_id: string;
  command: Command;
  attempt: number;
  killAfterMs: number;
  log: Log;
}

/** The program that carries a command out. */
export class Hook {
  readonly command: Command;
  readonly #options: HookOptions;
  #child: Bun.Subprocess<Uint8Array, "pipe", "pipe"> | undefined;
  #ended_by: string | undefined;
  /** Resolves when the hook is not waited for any more. */
  readonly #givenUp = Promise.withResolvers<void>();

  constructor(options: HookOptions) {
    this.#options = options;
    this.command = options.command;
  }

  /** Resolves with how it went. */
  async run(): Promise<Report> {
    const path = resolve(this.#options.folder, this.command.command_name);
    const startedMs = performance.now();
    try {
      this.#child = Bun.spawn([path], {
        env: this.#environment(),
        stdin: new TextEncoder().encode(`${JSON.stringify(this.#input())}\n`),
        stdout: "pipe",
        stderr: "pipe",
        detached: true, // a process group of its own, so that all of it can be ended
      });
    } catch (error) {
      return this.#notStarted(path, error);
    }
    const { exited, stdout, stderr } = this.#child;
    const output = new Tail(KEPT_OUTPUT_BYTES);
    const errors = new Tail(TAIL_BYTES);
    const lines = new Lines((line) => this.#options.log(`  ${line}`));
    const streams = [follow(stdout, output), follow(stderr, errors, lines)];
    await Promise.race([exited, this.#givenUp.promise]);
    const duration_ms = Math.round(performance.now() - startedMs);
    const drained = Promise.all(streams.map(({ end }) => end));
    const isDrained = new AbortController();
    const done = () => isDrained.abort();
    drained.then(done, done);
    await pause(AFTER_EXIT_MS, isDrained.signal);
    for (const stream of streams) stream.stop();
    await drained;
    lines.end();
    return this.#report(this.#child, duration_ms, output, errors);
  }

  /** Whether it was ended before it had ended by itself. */
  get wasEnded(): boolean {
    return this.#ended_by !== undefined;
  }

  /** Ends it and all that it has started, unless it has ended by itself; resolves when nothing is left of it. */
  async end(by: string, hurry: AbortSignal): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.#ended_by = by;
    const left = () => processesOf([this.command.command_id], child.pid);
    const alive = await endProcesses(left, this.#options.killAfterMs, hurry);
    if (alive.length === 0) return;
    this.#options.log(`cannot be ended: ${alive.join(", ")}; going on beside it`);
    this.#givenUp.resolve();
  }

  #input() {
    const { command_id, command_name, command_param } = this.command;
    const { server_id, attempt } = this.#options;
    return { server_id, command_id, command_name, command_param, attempt };
  }

  /** The agent's own environment and the command; nothing of another command's. */
  #environment(): Record<string, string | undefined> {
    const { command_id, command_name, command_param } = this.command;
    return {
      ...process.env,
      FERRY_SERVER_ID: this.#options.server_id,
      [MARK]: command_id,
      FERRY_COMMAND_NAME: command_name,
      FERRY_ATTEMPT: String(this.#options.attempt),
      FERRY_TASK_ID: command_param.task_id,
      FERRY_BUCKET: command_param.bucket,
    };
  }

  #report(child: Bun.Subprocess, duration_ms: number, output: Tail, errors: Tail): Report {
    const { exitCode, signalCode } = child;
    const isSuccess = exitCode === 0 && this.#ended_by === undefined;
    const printed = printedObject(output);
    const output_tail = printed === undefined ? output.text(TAIL_BYTES) : "";
    const error_tail = isSuccess ? "" : errors.text();
    const facts: Facts = {
      attempt: this.#options.attempt,
      ...(signalCode ? { signal: String(signalCode) } : exitCode !== null && { exit_code: exitCode }),
      duration_ms,
      ...(this.#ended_by !== undefined && { ended_by: this.#ended_by }),
      ...(output_tail && { output_tail }),
      ...(error_tail && { error_tail }),
    };
    return { result: isSuccess ? "success" : "fail", printed, facts };
  }

  #notStarted(path: string, error: unknown): Report {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = existsSync(path)
      ? { error_code: "FERRY.HOOK_NOT_EXECUTABLE", error_msg: `the hook ${path} cannot be run (chmod +x?): ${reason}` }
      : { error_code: "FERRY.HOOK_MISSING", error_msg: `there is no hook ${path}` };
    this.#options.log(`  ${detail.error_msg}`);
    return { result: "fail", printed: JSON.stringify(detail), facts: { attempt: this.#options.attempt } };
  }
}

/** Reads a stream to its end, or until it is stopped, so that whoever writes to it never waits. */
function follow(stream: ReadableStream<Uint8Array>, ...readers: { add(chunk: Uint8Array): void }[]) {
  const reader = stream.getReader();
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      for (const each of readers) each.add(next.value);
    }
  };
  return { end: read(), stop: () => void reader.cancel() };
}
