import { jittered, pause } from "./backoff.ts";
import { Hook } from "./hook.ts";
import type { Entry, Journal } from "./journal.ts";
import type { Log } from "./log.ts";
import { type Command, decide, type Offer } from "./offer.ts";
import type { Report } from "./report.ts";
import type { Service } from "./service.ts";

/** Between polls that find nothing, where the service does not wait. */
const IDLE_EVERY_MS = 5_000;
/** Between polls while a hook runs or a report is not taken: the command comes back at once. */
const BUSY_EVERY_MS = 3_000;
/** A report that was refused is sent again this late, should the command still be offered. */
const REFUSED_EVERY_MS = 60_000;

export interface LoopOptions {
  /** Folder of the hooks. */
  hooks: string;
  /** How long a hook that is told to end may take. */
  killAfterMs: number;
  source_id: string;
  journal: Journal;
  service: Service;
  log: Log;
  /** Ends the loop, and with it the running hook. */
  stop: AbortSignal;
  /** Kills the running hook. */
  hurry: AbortSignal;
}

interface Running {
  hook: Hook;
  /** Resolves when the hook is over and its result is in the journal. */
  over: Promise<void>;
  isOver: boolean;
}

/** Polls for one source server's commands, runs their hooks one at a time and reports how they went. */
export class Loop {
  readonly #options: LoopOptions;
  /** What the loop waits for now. */
  #wait = new AbortController();
  /** From here on a hook that is ended is not finished: its command is offered again at the next start. */
  #isEnding = false;
  #running: Running | undefined;
  /** When the service refused a command's report. */
  readonly #refusedAt = new Map<string, number>();
  /** What was said last of an offer that comes back every few seconds. */
  #said = "";

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Runs until it is stopped. Throws `AgentEnd`. */
  async run(): Promise<void> {
    const { stop, log } = this.#options;
    stop.addEventListener("abort", () => this.#wait.abort());
    try {
      while (!stop.aborted) await this.#turn();
      log("stopping");
    } finally {
      this.#isEnding = true;
      await this.#endRunning("the end of the agent");
    }
  }

  /** One round: what is finished is reported, then one poll and what follows from it. */
  async #turn(): Promise<void> {
    if (this.#running?.isOver) {
      await this.#running.over;
      this.#running = undefined;
    }
    await this.#reportFinished();
    const startedMs = performance.now();
    const { service, journal, source_id } = this.#options;
    const answer = await service.poll(source_id, !journal.hasUnreported, this.#nextWait());
    if (!answer) return;
    journal.keepSource(source_id);
    const everyMs = await this.#follow(answer.offer);
    await pause(jittered(everyMs) - (performance.now() - startedMs), this.#nextWait());
  }

  /** Does what the offer asks for; how long after this poll the next one is due. */
  async #follow(offer: Offer | undefined): Promise<number> {
    const running = this.#running?.hook.command;
    const decision = decide(offer, running, this.#options.journal.entries);
    const name = offer && label(offer);
    switch (decision.do) {
      case "nothing":
        return IDLE_EVERY_MS;
      case "ignore":
        this.#sayOnce(`${name} is no command this agent knows: ignored`);
        return IDLE_EVERY_MS;
      case "report":
        this.#offeredAgain(decision.entry);
        return BUSY_EVERY_MS;
      case "goOn":
        return BUSY_EVERY_MS;
      case "wait":
        this.#sayOnce(`${name} waits until ${running && label(running)} has ended`);
        return BUSY_EVERY_MS;
      case "run": {
        const { command, attempt } = decision;
        if (running) {
          this.#options.log(`${name} ends ${label(running)}`);
          await this.#endRunning(command.command_name);
          await this.#reportFinished();
        }
        if (!this.#options.stop.aborted) this.#start(command, attempt);
        return BUSY_EVERY_MS;
      }
    }
  }

  #start(command: Command, attempt: number): void {
    const { hooks: folder, killAfterMs, source_id: server_id, journal } = this.#options;
    const { command_id, command_name } = command;
    const { task_id } = command.command_param;
    const entry = { command_id, command_name, ...(task_id !== undefined && { task_id }), attempt };
    const log: Log = (text) => this.#options.log(`${label(command)}: ${text}`);
    journal.begin(entry);
    log(`begins, attempt ${attempt}`);
    const hook = new Hook({ folder, server_id, command, attempt, killAfterMs, log });
    const finish = (report: Report) => {
      if (this.#isEnding && hook.wasEnded) return log("interrupted: the next start runs it again");
      log(describe(report));
      if (!journal.finish(entry, report)) log("its result cannot be written down: reported from memory");
    };
    const over = hook
      .run()
      .then(finish)
      .finally(() => {
        running.isOver = true;
        this.#wait.abort();
      });
    const running: Running = { hook, over, isOver: false };
    over.catch(() => {}); // thrown where the loop waits for it
    this.#running = running;
  }

  /** Ends the running hook, if it is not over yet. */
  async #endRunning(by: string): Promise<void> {
    if (!this.#running) return;
    const { hook, over } = this.#running;
    await hook.end(by, this.#options.hurry);
    await over;
    this.#running = undefined;
  }

  /** One try each, so that a report that is not taken holds up no STOP; what is not answered stays in the journal. */
  async #reportFinished(): Promise<void> {
    const { source_id, journal, service } = this.#options;
    for (const entry of journal.entries) {
      if (!entry.report || entry.reported) continue;
      const isTaken = await service.report(source_id, entry, entry.report, this.#nextWait());
      if (isTaken === undefined) continue;
      if (!isTaken) this.#refusedAt.set(entry.command_id, performance.now());
      journal.reported(entry);
    }
  }

  /** It was reported, and comes again: the service was restored from a copy, or has refused the report. */
  #offeredAgain({ command_id, reported }: Entry): void {
    const refusedAt = this.#refusedAt.get(command_id) ?? Number.NEGATIVE_INFINITY;
    if (reported && performance.now() - refusedAt >= REFUSED_EVERY_MS) this.#options.journal.reportAgain(command_id);
  }

  /** The signal for one wait: it comes with the stop and with the end of the running hook. */
  #nextWait(): AbortSignal {
    this.#wait = new AbortController();
    if (this.#options.stop.aborted || this.#running?.isOver) this.#wait.abort();
    return this.#wait.signal;
  }

  #sayOnce(text: string): void {
    if (text !== this.#said) this.#options.log(text);
    this.#said = text;
  }
}

function label({ command_name, command_id }: { command_name: string; command_id: string }): string {
  return `${command_name} ${command_id}`;
}

function describe({ result, facts: { exit_code, signal, duration_ms, ended_by } }: Report): string {
  if (duration_ms === undefined) return result;
  const how = signal === undefined ? `exit code ${exit_code}` : signal;
  return `${result}, ${how} after ${duration_ms} ms${ended_by === undefined ? "" : `, ended by ${ended_by}`}`;
}
