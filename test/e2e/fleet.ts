import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Balancer } from "./several.ts";

/* Simulated agents of many sources and the operator who gives them work, with a record of all they have seen. */

/** How often an agent asks, roughly. */
const POLL_MS = 3_000;
/** What a command takes to carry out, at most. */
const WORK_MS = 300;
/** Orders on the way at once. */
const ORDERS_AT_ONCE = 16;
/** The operator does not wait longer than this for a round: who is not done sits the next one out. */
const ROUND_MS = 4_000;
const NAMES = ["START", "SYNC", "UPLOAD_LOG"] as const;

/** Every how manieth agent polls twice at once, at two processes, as one that has been started twice. */
const TWIN_EVERY = 8;
/** Every how manieth waits with its poll. */
const WAITING_EVERY = 4;
/** Every how manieth names its command in the report. */
const NAMING_EVERY = 2;

/** One order and all that was seen of it. */
export interface Ordered {
  source_id: string;
  key: string;
  /** What the replies to it said it made: one id, if all is well. */
  ids: Set<string>;
}

/** One command as its agent saw it. */
export interface Seen {
  /** The numbers of the polls that were offered it. */
  attempts: number[];
  /** Tries of the report that may have arrived. */
  sent: number;
  /** Tries of the report that were answered 200. */
  acknowledged: number;
  /** When the first of these came, in milliseconds of `performance.now()`. */
  acknowledgedAt?: number;
  /** Polls that were offered it although its report had been acknowledged before they were sent. */
  afterwards: number;
}

export class Fleet {
  readonly orders: Ordered[] = [];
  readonly seen = new Map<string, Seen>();
  /** Replies no agent and no operator should ever get. */
  readonly unexpected: string[] = [];
  rounds = 0;
  /** Whether all that was ordered has been reported. */
  isDone = false;
  readonly #balancer: Balancer;
  readonly #sources: readonly string[];
  /** Sources whose command is not done yet. */
  readonly #busy = new Set<string>();
  #isOver = false;

  constructor(balancer: Balancer, sources: readonly string[]) {
    this.#balancer = balancer;
    this.#sources = sources;
  }

  get acknowledged(): number {
    return [...this.seen.values()].filter(({ acknowledged }) => acknowledged > 0).length;
  }

  /** Works until `finish`; rejects if somebody tries in vain for a minute. */
  async run(): Promise<void> {
    await Promise.all([this.#operate(), ...this.#sources.map((source_id, place) => this.#serve(source_id, place))]);
    this.isDone = true;
  }

  /** No more orders; the agents go on until all of theirs is done. */
  finish(): void {
    this.#isOver = true;
  }

  async #operate(): Promise<void> {
    while (!this.#isOver) {
      const free = this.#sources.filter((source_id) => !this.#busy.has(source_id));
      this.rounds += 1;
      await Promise.all(Array.from({ length: ORDERS_AT_ONCE }, () => this.#orderAll(free)));
      const end = Date.now() + ROUND_MS;
      while (this.#busy.size > 0 && Date.now() < end && !this.#isOver) await sleep(50);
    }
  }

  async #orderAll(free: string[]): Promise<void> {
    for (let source_id = free.pop(); source_id !== undefined && !this.#isOver; source_id = free.pop()) {
      this.#busy.add(source_id);
      await this.#order(source_id);
    }
  }

  /** Every fifth order is given twice at once, as by an impatient operator. */
  async #order(source_id: string): Promise<void> {
    const order: Ordered = { source_id, key: `round-${this.rounds}`, ids: new Set() };
    this.orders.push(order);
    const command_name = NAMES[this.orders.length % NAMES.length];
    const give = async () => {
      const path = `/operate/v1/sources/${source_id}/commands`;
      const answer = await this.#balancer.call("POST", path, { command_name, idempotency_key: order.key });
      if (this.#isExpected(answer, [200, 201], path)) order.ids.add(answer.json.id);
    };
    await Promise.all(this.orders.length % 5 === 0 ? [give(), give()] : [give()]);
  }

  async #serve(source_id: string, place: number): Promise<void> {
    await sleep(Math.random() * POLL_MS);
    const path = `/v3/sources/${source_id}/command`;
    const query = place % WAITING_EVERY === 0 ? "?wait=2" : "";
    while (!this.#isOver || this.#busy.has(source_id)) {
      const startedAt = performance.now();
      const polls = place % TWIN_EVERY === 1 ? [this.#poll(path), this.#poll(path)] : [this.#poll(path + query)];
      const [offer] = (await Promise.all(polls)).filter((polled) => polled !== undefined);
      if (!offer) {
        await sleep(Math.max(0, POLL_MS * (0.5 + Math.random()) - (performance.now() - startedAt)));
        continue;
      }
      await sleep(Math.random() * WORK_MS);
      await this.#report(source_id, offer, place % NAMING_EVERY === 0);
      this.#busy.delete(source_id);
    }
  }

  async #poll(path: string): Promise<{ id: string; command_name: string } | undefined> {
    const startedAt = performance.now();
    const answer = await this.#balancer.call("GET", path);
    const id = answer.headers.get("x-command-id");
    if (!this.#isExpected(answer, [200], path) || id === null) return undefined;
    const seen = this.seen.get(id) ?? { attempts: [], sent: 0, acknowledged: 0, afterwards: 0 };
    this.seen.set(id, seen);
    seen.attempts.push(Number(answer.headers.get("x-command-attempt")));
    if ((seen.acknowledgedAt ?? startedAt) < startedAt) seen.afterwards += 1;
    return { id, command_name: answer.json.command_name };
  }

  async #report(source_id: string, { id, command_name }: { id: string; command_name: string }, names: boolean) {
    const seen = this.seen.get(id);
    if (!seen) throw new Error(`nobody was offered ${id}`);
    const path = `/v3/sources/${source_id}/command_result`;
    const body = { command_name, result: "success", result_detail: { mark: id } };
    const tried = ({ status, lost }: Answer) => {
      if (lost !== "refused") seen.sent += 1;
      if (status !== 200) return;
      seen.acknowledged += 1;
      seen.acknowledgedAt ??= performance.now();
    };
    const headers: Record<string, string> = names ? { "x-command-id": id } : {};
    this.#isExpected(await this.#balancer.call("POST", path, body, { headers, tried }), [200], path);
  }

  #isExpected({ status, json }: Answer, expected: readonly number[], path: string): boolean {
    if (expected.includes(status)) return true;
    this.unexpected.push(`${path}: ${status} ${JSON.stringify(json)}`);
    return false;
  }
}
