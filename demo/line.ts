import { type Client, type Connection, client } from "../src/client/client.ts";
import type { Clock } from "./clock.ts";

/** An answer that is no success. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A line that was cut, or cannot be had. */
export class NoAnswer extends Error {}

/** For a call whose refusal or loss the story goes on without; throws what is neither. */
export function tolerate(error: unknown): void {
  if (!(error instanceof Refusal || error instanceof NoAnswer)) throw error;
}

interface Reply<Body> {
  ok: boolean;
  status: number;
  headers: Headers;
  json(): Promise<Body>;
  text(): Promise<string>;
}

/** Calls to the service by one key; the end of the demo cuts those under way. */
export class Line {
  readonly #endpoint: string;
  readonly #client: Client;
  readonly #clock: Clock;

  constructor(connection: Connection, clock: Clock) {
    this.#endpoint = connection.endpoint;
    this.#client = client(connection, Date.now);
    this.#clock = clock;
  }

  /** The body of a successful answer, and its headers. Throws `Refusal` and `NoAnswer`. */
  async ask<Body>(
    call: (client: Client, options: { init: { signal: AbortSignal } }) => Promise<Reply<Body>>,
  ): Promise<{ body: Body; headers: Headers }> {
    if (this.#clock.isOver) throw new NoAnswer("the demo has ended");
    const cut = new AbortController();
    // One controller for each call: what a signal for all of them remembers of each would pile up over hours.
    const off = this.#clock.onEnd(() => cut.abort());
    try {
      const reply = await call(this.#client, { init: { signal: cut.signal } });
      if (!reply.ok)
        throw new Refusal(reply.status, `${this.#endpoint} answers ${reply.status}: ${await reply.text()}`);
      return { body: await reply.json(), headers: reply.headers };
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new NoAnswer(`no answer from ${this.#endpoint}: ${error instanceof Error ? error.message : error}`);
    } finally {
      off();
    }
  }
}
