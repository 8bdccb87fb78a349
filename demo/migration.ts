import type { Clock } from "./clock.ts";
import type { Machine } from "./estate.ts";
import { type Line, Refusal, tolerate } from "./line.ts";
import type { Random } from "./random.ts";
import type { Source } from "./source.ts";
import { subtasksOf } from "./subtasks.ts";
import { type Subtask, Teller } from "./teller.ts";

/** How far the copy of the one that is never seen again comes. */
const GONE_AT = 0.31;
/** Where the copy of the one with a drill is ready for it, and how long it waits there at the most. */
const DRILL_AT = 0.55;
const DRILL_WAIT_S = 90;

export interface MigrationOptions {
  machine: Machine;
  source: Source;
  line: Line;
  clock: Clock;
  random: Random;
  /** Seconds between two reports of the copy's progress. */
  tellEveryS: number;
}

/** The first copy of a machine: goes on beside the polls, can be stopped, and goes on where it was. */
export class Migration {
  readonly #options: MigrationOptions;
  /** From 0 to 1. */
  #share: number;
  #task_id: string | undefined;
  /** What goes on now; another one once it is stopped. */
  #run: object | undefined;
  #isGone = false;
  #drills = 0;

  constructor(options: MigrationOptions) {
    this.#options = options;
    this.#share = options.machine.load.copiedBefore;
  }

  get share(): number {
    return this.#share;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** The machine is never seen again. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Tells of its task, where it has one. */
  get teller(): Teller | undefined {
    const { line, machine, random } = this.#options;
    return this.#task_id === undefined ? undefined : new Teller(line, machine, random, this.#task_id);
  }

  /** From here on it is about that task: from the beginning, if it is another one than before. */
  setTask(task_id: string | undefined): void {
    if (this.#task_id !== undefined && task_id !== this.#task_id) this.reset();
    this.#task_id = task_id;
  }

  goOn(): void {
    const { teller } = this;
    if (!teller) return;
    const run = {};
    this.#run = run;
    this.#copyAll(run, teller)
      .catch(tolerate)
      .finally(() => {
        if (this.#run === run) this.#run = undefined;
      });
  }

  stop(): void {
    this.#run = undefined;
  }

  reset(): void {
    this.stop();
    this.#share = 0;
  }

  drilled(): void {
    this.#drills += 1;
  }

  async #copyAll(run: object, teller: Teller): Promise<void> {
    const { machine, source, clock, random } = this.#options;
    const { copy, after } = subtasksOf(machine);
    if (machine.role === "gone") {
      await this.#copyUntil(GONE_AT, run, teller, copy);
      this.#isGone = true;
      return;
    }
    if (machine.role === "drill" && this.#share < DRILL_AT) {
      await this.#copyUntil(DRILL_AT, run, teller, copy);
      if (this.#isOver(run)) return;
      await source.say({ copystate: "premigready" });
      await this.#waitForDrill(run);
    }
    await this.#copyUntil(1, run, teller, copy);
    for (const subtask of after) {
      if (this.#isOver(run)) return;
      await clock.pause(random.between(0.5, 2));
      await teller.done(subtask);
    }
    if (!this.#isOver(run)) await source.say({ copystate: "finished" });
  }

  async #copyUntil(share: number, run: object, teller: Teller, subtask: Subtask): Promise<void> {
    const { machine, clock, tellEveryS } = this.#options;
    const { bytes, speed } = machine.load;
    for (let seenS = clock.now(); !this.#isOver(run) && this.#share < share; ) {
      await clock.pause(tellEveryS);
      if (this.#isOver(run)) return;
      const nowS = clock.now();
      this.#share = Math.min(share, this.#share + ((nowS - seenS) * speed * 1e6) / 8 / bytes);
      seenS = nowS;
      try {
        await teller.copied(subtask, this.#share, bytes, this.#trace());
      } catch (error) {
        // The task is gone; anything else passes, and the copy goes on untold.
        if (error instanceof Refusal && error.status === 404) return this.stop();
        tolerate(error);
      }
    }
  }

  async #waitForDrill(run: object): Promise<void> {
    const { clock } = this.#options;
    const before = this.#drills;
    const untilS = clock.now() + DRILL_WAIT_S;
    while (this.#drills === before && clock.now() < untilS && !this.#isOver(run)) await clock.pause(1);
  }

  #isOver(run: object): boolean {
    return this.#run !== run || this.#options.clock.isOver;
  }

  /** What it is at, in words. */
  #trace(): string {
    const { load, registration } = this.#options.machine;
    if (load.type === "MIGRATE_FILE") return `${Math.round(this.#share * load.files)} of ${load.files} files`;
    const disks = registration.disks ?? [];
    const at = disks[Math.min(disks.length - 1, Math.floor(this.#share * disks.length))];
    return `reading ${at?.name ?? "the disks"}`;
  }
}
