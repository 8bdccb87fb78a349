import type { Clock } from "./clock.ts";
import type { Machine } from "./estate.ts";
import { type Deed, type Habit, habitOf, type Standing } from "./habits.ts";
import { type Line, tolerate } from "./line.ts";
import type { Random } from "./random.ts";

/** Between two looks at all sources. */
const LOOK_EVERY_S = 1;
const PAGE = 200;
/** Deeds under way at the same time. */
const HANDS = 8;
/** Between two deeds at a source that stands as it stood. */
const AGAIN_AFTER_S = 15;
/** The clock of the service may be a bit ahead. */
const MIN_DEADLINE_MS = 1_000;

/** A source of the demo, and what is on the operator's mind about it. */
interface Charge {
  machine: Machine;
  random: Random;
  standing: string;
  habit: Habit | undefined;
  dueS: number;
  /** How often each habit was followed: the next one of its deeds comes next. */
  turns: Map<Habit, number>;
}

/** The operator of the demo: looks at the sources all the time, and does what is due. */
export class Director {
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #charges = new Map<string, Charge>();

  constructor(line: Line, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
  }

  takeCharge(source_id: string, machine: Machine, random: Random): void {
    const charge = { machine, random, standing: "", habit: undefined, dueS: 0, turns: new Map() };
    this.#charges.set(source_id, charge);
  }

  /** Until the end of the demo. */
  async run(): Promise<void> {
    while (!this.#clock.isOver) {
      try {
        await this.#lookAround();
      } catch (error) {
        tolerate(error);
      }
      await this.#clock.pause(LOOK_EVERY_S);
    }
  }

  async #lookAround(): Promise<void> {
    const due: (() => Promise<void>)[] = [];
    for (let offset = 0; ; offset += PAGE) {
      const query = { limit: String(PAGE), offset: String(offset) };
      const { body } = await this.#line.ask((client, options) => client.v3.sources.$get({ query }, options));
      for (const { id, state, migration_cycle, current_task } of body.source_servers) {
        const charge = this.#charges.get(id);
        const task = current_task?.id === undefined ? undefined : { id: current_task.id, state: current_task.state };
        const standing: Standing = { state, migration_cycle, task };
        if (charge && this.#isDue(charge, standing)) due.push(() => this.#follow(charge, id, standing));
      }
      if (offset + PAGE >= body.count) break;
    }
    const next = async () => {
      for (let deed = due.shift(); deed && !this.#clock.isOver; deed = due.shift()) await deed();
    };
    await Promise.all(Array.from({ length: HANDS }, next));
  }

  /** Whether something is to be done now; makes up its mind anew where the source stands elsewhere than before. */
  #isDue(charge: Charge, standing: Standing): boolean {
    const { machine, random, turns } = charge;
    const key = JSON.stringify(standing);
    const now = this.#clock.now();
    if (key !== charge.standing) {
      const habit = habitOf(machine.role, standing);
      charge.standing = key;
      charge.habit = habit;
      const [least = 0, most = 0] = habit?.afterS ?? [];
      // The first time soon, so that there is something to see from the beginning.
      const after = habit && turns.has(habit) ? random.between(least, most) : least + random.between(0, 2);
      charge.dueS = Math.max(now, machine.beginsAfterS) + after;
    }
    return charge.habit !== undefined && now >= charge.dueS;
  }

  async #follow(charge: Charge, source_id: string, standing: Standing): Promise<void> {
    const { habit, turns, random, machine } = charge;
    if (!habit) return;
    const turn = turns.get(habit) ?? 0;
    turns.set(habit, turn + 1);
    charge.dueS = this.#clock.now() + Math.max(AGAIN_AFTER_S, random.between(...habit.afterS));
    const deed = habit.deeds[turn % habit.deeds.length];
    // Refused, as somebody else was quicker: where the source stands then is looked at next.
    if (deed) await this.#carryOut(deed, source_id, standing, machine).catch(tolerate);
  }

  async #carryOut(deed: Deed, source_id: string, { task }: Standing, machine: Machine): Promise<void> {
    const line = this.#line;
    if (deed.do === "create") {
      const json = taskOf(source_id, machine);
      await line.ask((client, options) => client.v3.tasks.$post({ json }, options));
      return;
    }
    if (deed.do === "say") {
      const { copystate, migrationcycle } = deed;
      const json = { copystate, ...(migrationcycle !== undefined && { migrationcycle }) };
      const param = { source_id };
      await line.ask((client, options) => client.v3.sources[":source_id"].changestate.$put({ param, json }, options));
      return;
    }
    if (deed.do === "order") {
      const { command_name, bucket, deliverWithinS, finishWithinS } = deed;
      const json = {
        command_name,
        ...(bucket !== undefined && { command_param: { bucket } }),
        ...(deliverWithinS !== undefined && {
          deliver_by: Math.round(Date.now() + Math.max(MIN_DEADLINE_MS, this.#clock.ms(deliverWithinS))),
        }),
        ...(finishWithinS !== undefined && { finish_within_s: Math.ceil(this.#clock.ms(finishWithinS) / 1000) }),
      };
      const param = { source_id };
      await line.ask((client, options) =>
        client.operate.v1.sources[":source_id"].commands.$post({ param, json }, options),
      );
      return;
    }
    if (!task) return;
    const param = { task_id: task.id };
    if (deed.do === "delete")
      await line.ask((client, options) => client.v3.tasks[":task_id"].$delete({ param }, options));
    else {
      const json = { operation: deed.operation };
      await line.ask((client, options) => client.v3.tasks[":task_id"].action.$post({ param, json }, options));
    }
  }
}

function taskOf(source_id: string, { registration, load }: Machine) {
  return {
    name: `move-${registration.name}`,
    type: load.type,
    os_type: registration.os_type,
    source_server: { id: source_id },
    target_server: { name: `${registration.name}-new`, vm_id: crypto.randomUUID() },
    region_name: "region-1",
    region_id: "region-1",
    project_name: "region-1",
    project_id: "demo",
    start_target_server: true,
  };
}
