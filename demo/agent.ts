import type { ReportResult } from "../src/core/words.ts";
import type { Clock } from "./clock.ts";
import * as details from "./details.ts";
import type { Machine } from "./estate.ts";
import { type Line, Refusal, tolerate } from "./line.ts";
import { Migration } from "./migration.ts";
import type { Random } from "./random.ts";
import { type Order, Source } from "./source.ts";
import { subtasksOf } from "./subtasks.ts";

/** Between polls where the service does not wait. */
const IDLE_S = 5;
/** A command that is to be late takes so long in real time too: the service is given whole seconds. */
const SLOW_MS = 4_000;
const SYNC_FAILS = 0.7;
const DRILL_FAILS = 0.35;

export interface AgentOptions {
  machine: Machine;
  source_id: string;
  line: Line;
  clock: Clock;
  random: Random;
  /** Seconds between two reports of a copy's progress. */
  tellEveryS: number;
  /** The task it was at when an earlier demo ended. */
  unfinished: Unfinished | undefined;
}

export interface Unfinished {
  task_id: string;
  is: "copying" | "syncing";
}

interface Outcome {
  result: ReportResult;
  detail: details.Detail;
  /** What goes on once it is reported. */
  next?: () => void | Promise<void>;
}

/** The agent of a machine that is not there: asks for commands, takes its time for them and reports. */
export class SimulatedAgent {
  readonly #machine: Machine;
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #migration: Migration;
  readonly #unfinished: Unfinished | undefined;
  /** When the one that falls silent does so next. */
  #silentAtS: number;

  constructor({ machine, source_id, line, clock, random, tellEveryS, unfinished }: AgentOptions) {
    this.#machine = machine;
    this.#source = new Source(source_id, line, clock);
    this.#clock = clock;
    this.#random = random;
    this.#migration = new Migration({ machine, source: this.#source, line, clock, random, tellEveryS });
    this.#unfinished = unfinished;
    this.#silentAtS = machine.role === "pausing" ? random.between(15, 40) : Number.POSITIVE_INFINITY;
  }

  /** Until the end of the demo, or of the source. */
  async run(): Promise<void> {
    if (this.#machine.role === "silent") return;
    await this.#goOn().catch(tolerate);
    while (!this.#clock.isOver && !this.#migration.isGone) {
      if (this.#clock.now() > this.#silentAtS) await this.#fallSilent();
      try {
        await this.#turn();
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) break;
        tolerate(error);
        await this.#clock.pause(this.#random.between(2, 6));
      }
    }
    this.#migration.stop();
  }

  /** As an agent does that was started again. */
  async #goOn(): Promise<void> {
    if (!this.#unfinished) return;
    this.#migration.setTask(this.#unfinished.task_id);
    if (this.#unfinished.is === "copying") this.#migration.goOn();
    else await this.#source.say({ copystate: "finished" });
  }

  async #fallSilent(): Promise<void> {
    const wasRunning = this.#migration.isRunning;
    this.#migration.stop();
    await this.#clock.pause(this.#random.between(130, 260));
    this.#silentAtS = this.#clock.now() + this.#random.between(60, 200);
    if (wasRunning) this.#migration.goOn();
  }

  /** One poll, and what follows from it. */
  async #turn(): Promise<void> {
    const askedS = this.#clock.now();
    const order = await this.#source.poll();
    if (!order) {
      if (this.#clock.now() - askedS < 1) await this.#clock.pause(IDLE_S);
      return;
    }
    if (this.#migration.isGone) return;
    if (this.#machine.role === "crashing" && order.attempt === 1) return this.#crash();
    const { result, detail, next } = await this.#carryOut(order);
    if (this.#clock.isOver) return;
    await this.#source.report(order, result, detail);
    await next?.();
  }

  async #crash(): Promise<void> {
    this.#migration.stop();
    await this.#clock.pause(this.#random.between(5, 9));
  }

  #carryOut(order: Order): Promise<Outcome> {
    switch (order.name) {
      case "START":
        return this.#start(order);
      case "SYNC":
        return this.#sync(order);
      case "STOP":
        return this.#stop();
      case "DELETE":
        return this.#clean();
      case "SKIP":
        return this.#take(8, 18, (seconds) => success(details.skipped(seconds)));
      case "PREMIGRATE":
        return this.#drill();
      default:
        return this.#upload(order);
    }
  }

  async #start({ task_id, attempt }: Order): Promise<Outcome> {
    const { scanS, role } = this.#machine;
    this.#migration.setTask(task_id);
    const { teller } = this.#migration;
    const { before } = subtasksOf(this.#machine);
    for (const subtask of before) {
      await this.#clock.pause(scanS / before.length);
      await teller?.done(subtask).catch(tolerate);
    }
    await teller?.network().catch(tolerate);
    if (role === "failing") return failure(details.startFailed(scanS, this.#random));
    const detail = details.begun(this.#machine, attempt, scanS, this.#random);
    return { ...success(detail), next: () => this.#migration.goOn() };
  }

  async #sync({ task_id, attempt }: Order): Promise<Outcome> {
    this.#migration.setTask(task_id);
    const { load, role } = this.#machine;
    const { sync } = subtasksOf(this.#machine);
    const seconds = this.#random.between(8, 25);
    const bytes = Math.round(load.bytes * 0.01);
    const steps = Math.ceil(seconds / 2.5);
    const fails = role === "syncFailing" && this.#random.next() < SYNC_FAILS;
    for (let step = 1; step <= steps && !this.#clock.isOver; step += 1) {
      await this.#clock.pause(seconds / steps);
      if (fails && step > steps / 2) return failure(details.syncFailed(seconds / 2, this.#random));
      await this.#migration.teller?.copied(sync, step / steps, bytes, "changes since the last copy").catch(tolerate);
    }
    const detail = details.synced(this.#machine, seconds, attempt, this.#random);
    return { ...success(detail), next: () => this.#source.say({ copystate: "finished" }) };
  }

  #stop(): Promise<Outcome> {
    this.#migration.stop();
    return this.#take(3, 9, (seconds) => success(details.stopped(this.#migration.share, this.#machine, seconds)));
  }

  async #clean(): Promise<Outcome> {
    this.#migration.reset();
    await this.#source.say({ copystate: "deleting" });
    return this.#take(8, 15, (seconds) => ({
      ...success(details.cleaned(this.#random, seconds)),
      next: () => this.#source.say({ copystate: "waiting", migrationcycle: "setting" }),
    }));
  }

  #drill(): Promise<Outcome> {
    return this.#take(10, 22, (seconds) => ({
      ...(this.#random.next() < DRILL_FAILS
        ? failure(details.drillFailed(seconds))
        : success(details.drilled(seconds, this.#random))),
      next: () => this.#migration.drilled(),
    }));
  }

  /** Of logs; with other small things. */
  #upload({ bucket }: Order): Promise<Outcome> {
    const { role, registration } = this.#machine;
    const longest = role === "slow" ? Math.max(20, this.#clock.seconds(SLOW_MS)) : 5;
    return this.#take(longest * 0.7, longest, (seconds) =>
      success(details.uploaded(registration.name, bucket, this.#random, seconds)),
    );
  }

  async #take(least: number, most: number, outcome: (seconds: number) => Outcome): Promise<Outcome> {
    const seconds = this.#random.between(least, most);
    await this.#clock.pause(seconds);
    return outcome(seconds);
  }
}

function success(detail: details.Detail): Outcome {
  return { result: "success", detail };
}

function failure(detail: details.Detail): Outcome {
  return { result: "fail", detail };
}
