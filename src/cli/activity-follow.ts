import type { Client } from "../client/client.ts";
import { type StreamedEvent as Event, followEvents, StreamRefused, type StreamState } from "../client/event-stream.ts";
import { newestEvents, type Query } from "./activity-list.ts";
import { CliFailure, failureOf, messageOf } from "./failure.ts";
import type { Output } from "./output.ts";

export interface FollowerOutput {
  print(event: Event): void;
  output: Output;
}

/** At most `most` earlier events, then every new one, for ever; while the service is away it is asked again. */
export async function follow(client: Client, filter: Query, most: number, to: FollowerOutput): Promise<never> {
  return new Follower(client, filter, most, to).run();
}

/** The stream comes first: the earlier events are those up to where it begins, so none is missed between the two. */
class Follower {
  readonly #client: Client;
  readonly #filter: Query;
  readonly #most: number;
  readonly #to: FollowerOutput;
  readonly #ended = new AbortController();
  #failure: unknown;
  /** What comes while the earlier ones are still being asked for. */
  #held: Event[] | undefined = [];
  /** Whether the stream has begun once. */
  #hasBegun = false;
  #isAway = false;
  /** Whether the service has answered the last call. */
  #isAnswered = false;

  constructor(client: Client, filter: Query, most: number, to: FollowerOutput) {
    this.#client = client;
    this.#filter = filter;
    this.#most = most;
    this.#to = to;
  }

  async run(): Promise<never> {
    try {
      await followEvents({
        signal: this.#ended.signal,
        now: Date.now,
        open: (lastEventId, signal) => this.#open(lastEventId, signal),
        onEvent: (event) => this.#take(event),
        onPosition: (position) => this.#begin(position),
        onState: (state) => this.#tell(state),
        onRewound: () =>
          this.#to.output.tell("the service's record is an earlier one, as after a restore: going on from there"),
      });
    } catch (error) {
      throw error instanceof StreamRefused ? await failureOf(error.response) : error;
    }
    throw this.#failure;
  }

  async #open(lastEventId: number | undefined, signal: AbortSignal) {
    this.#isAnswered = false;
    const { since: _, ...query } = this.#filter;
    const position = lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) };
    const options = { headers: { accept: "text/event-stream", ...position }, init: { signal } };
    const response = await this.#client.operate.v1.events.$get({ query }, options);
    this.#isAnswered = true;
    return response;
  }

  #take(event: Event): void {
    const { since } = this.#filter;
    if (since !== undefined && event.at < Number(since)) return;
    if (this.#held) this.#held.push(event);
    else this.#to.print(event);
  }

  #begin(position: number): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#printEarlier(position).catch((error) => this.#end(error));
  }

  async #printEarlier(position: number): Promise<void> {
    const { items } = this.#most === 0 ? { items: [] } : await newestEvents(this.#client, this.#filter, this.#most);
    for (const event of items.reverse()) if (event.id <= position) this.#to.print(event);
    for (const event of this.#held ?? []) this.#to.print(event);
    this.#held = undefined;
  }

  #tell(state: StreamState): void {
    if (state.kind === "live") {
      if (this.#isAway) this.#to.output.tell("the service is back");
      this.#isAway = false;
      return;
    }
    const message = messageOf(state.reason);
    if (this.#hasBegun) {
      this.#to.output.tell(`${message}; trying again`);
      this.#isAway = true;
    } else this.#end(new CliFailure(this.#isAnswered ? "failed" : "unreachable", message));
  }

  #end(error: unknown): void {
    this.#failure = error;
    this.#ended.abort();
  }
}
