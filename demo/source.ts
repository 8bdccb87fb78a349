import type { InferRequestType } from "hono/client";
import type { Client } from "../src/client/client.ts";
import type { CommandName, ReportResult } from "../src/core/words.ts";
import type { Clock } from "./clock.ts";
import type { Detail } from "./details.ts";
import { type Line, NoAnswer } from "./line.ts";

export type Said = InferRequestType<Client["v3"]["sources"][":source_id"]["changestate"]["$put"]>["json"];

/** A command, as a poll is offered it. */
export interface Order {
  id: string;
  name: CommandName;
  task_id: string | undefined;
  bucket: string | undefined;
  /** 1 at the first delivery. */
  attempt: number;
}

/** Seconds a poll waits for a command. */
const WAIT_S = 25;
const AGAIN_AFTER_S = 3;

/** What the agent of one source calls. Throws `Refusal` and `NoAnswer`. */
export class Source {
  readonly #id: string;
  readonly #line: Line;
  readonly #clock: Clock;

  constructor(id: string, line: Line, clock: Clock) {
    this.#id = id;
    this.#line = line;
    this.#clock = clock;
  }

  async poll(): Promise<Order | undefined> {
    const param = { server_id: this.#id };
    const query = { wait: String(WAIT_S) };
    const { body, headers } = await this.#line.ask((client, options) =>
      client.v3.sources[":server_id"].command.$get({ param, query }, options),
    );
    const id = headers.get("x-command-id");
    if (id === null) return undefined;
    return {
      id,
      name: body.command_name as CommandName,
      task_id: body.command_param?.task_id,
      bucket: body.command_param?.bucket,
      attempt: Number(headers.get("x-command-attempt")),
    };
  }

  async report({ id, name }: Order, result: ReportResult, detail: Detail): Promise<void> {
    const param = { server_id: this.#id };
    const json = { command_name: name, result, result_detail: detail };
    const headers = { "x-command-id": id };
    await this.#line.ask((client, options) =>
      client.v3.sources[":server_id"].command_result.$post({ param, json }, { ...options, headers }),
    );
  }

  /** Where the source stands: again and again until it is heard, as nobody asks for it. */
  async say(json: Said): Promise<void> {
    const param = { source_id: this.#id };
    for (;;) {
      try {
        await this.#line.ask((client, options) =>
          client.v3.sources[":source_id"].changestate.$put({ param, json }, options),
        );
        return;
      } catch (error) {
        if (!(error instanceof NoAnswer) || this.#clock.isOver) throw error;
        await this.#clock.pause(AGAIN_AFTER_S);
      }
    }
  }
}
