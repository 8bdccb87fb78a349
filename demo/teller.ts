import type { InferRequestType } from "hono/client";
import type { Client } from "../src/client/client.ts";
import type { Machine } from "./estate.ts";
import type { Line } from "./line.ts";
import type { Random } from "./random.ts";

type Progress = InferRequestType<Client["v3"]["tasks"][":task_id"]["progress"]["$put"]>["json"];
export type Subtask = Progress["subtask_name"];

/** What a source's task is at, as its agent tells it. */
export class Teller {
  readonly #line: Line;
  readonly #machine: Machine;
  readonly #random: Random;
  readonly #task_id: string;

  constructor(line: Line, machine: Machine, random: Random, task_id: string) {
    this.#line = line;
    this.#machine = machine;
    this.#random = random;
    this.#task_id = task_id;
  }

  /** A short step, done. */
  async done(subtask_name: Subtask): Promise<void> {
    await this.#tell({ subtask_name, progress: 100, process_trace: "", replicatesize: 0, totalsize: 0 });
  }

  /** So much of `bytes` is there. */
  async copied(subtask_name: Subtask, share: number, bytes: number, trace: string): Promise<void> {
    const random = this.#random;
    const migrate_speed = Number((this.#machine.load.speed * random.between(0.8, 1.1)).toFixed(1));
    await this.#tell({
      subtask_name,
      progress: Math.floor(share * 100),
      replicatesize: Math.round(share * bytes),
      totalsize: bytes,
      process_trace: trace,
      migrate_speed,
      remain_time: Math.round(((1 - share) * bytes * 8) / (migrate_speed * 1e6)),
      compress_rate: Number(random.between(1.1, 2.4).toFixed(2)),
      total_cpu_usage: Number(random.between(15, 70).toFixed(1)),
      agent_cpu_usage: Number(random.between(2, 14).toFixed(1)),
      agent_mem_usage: Math.round(random.between(90, 400)),
      agent_disk_io: Number(random.between(20, 180).toFixed(1)),
    });
  }

  /** What the line between source and target is like. */
  async network(): Promise<void> {
    const random = this.#random;
    const network_delay = Number(random.between(1, 60).toFixed(1));
    const json = {
      domain_connectivity: true,
      destination_connectivity: true,
      network_delay,
      network_jitter: Number((network_delay * random.between(0.02, 0.3)).toFixed(1)),
      migration_speed: this.#machine.load.speed,
      loss_percentage: Number(random.between(0, 0.4).toFixed(2)),
      cpu_usage: Number(random.between(5, 60).toFixed(1)),
      mem_usage: Number(random.between(20, 85).toFixed(1)),
      evaluation_result: network_delay < 20 ? "excellent" : network_delay < 45 ? "good" : "average",
    };
    const param = { task_id: this.#task_id };
    await this.#line.ask((client, options) =>
      client.v3[":task_id"]["update-network-check-info"].$post({ param, json }, options),
    );
  }

  async #tell(json: Progress): Promise<void> {
    const param = { task_id: this.#task_id };
    await this.#line.ask((client, options) => client.v3.tasks[":task_id"].progress.$put({ param, json }, options));
  }
}
