import type { Caller, Ferry, Sent } from "../harness.ts";
import { settle } from "../harness.ts";

export interface Block {
  id: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every type
  event?: any;
}

/** A stream that is read as it comes. */
export class Stream {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";
  #isOver = false;

  constructor(response: Response) {
    this.response = response;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
    void this.#read();
  }

  get text(): string {
    return this.#text;
  }

  /** Whether it has ended or broken off. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Every block so far. */
  get blocks(): Block[] {
    return this.#text
      .split("\n\n")
      .slice(0, -1)
      .map((block) => {
        const [, id] = /^id: (\d+)$/m.exec(block) ?? [];
        const [, data] = /^data: (.*)$/m.exec(block) ?? [];
        return { id: Number(id), ...(data !== undefined && { event: JSON.parse(data) }) };
      });
  }

  get events() {
    return this.blocks.flatMap(({ event }) => event ?? []);
  }

  get ids(): number[] {
    return this.events.map(({ id }) => id);
  }

  /** What a client does that goes away. */
  async cancel(): Promise<void> {
    // One that broke off has nothing left to cancel, and says so.
    await this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#text += decoder.decode(value, { stream: true });
      }
    } catch {
      // It broke off.
    }
    this.#isOver = true;
  }
}

/** Opens a stream and waits for its first block. */
export async function openStream(
  ferry: Ferry,
  as: Caller = "viewer",
  query = "",
  lastEventId?: number | string,
  sent: Sent = {},
): Promise<Stream> {
  const position = lastEventId === undefined ? {} : { "Last-Event-ID": String(lastEventId) };
  const headers = { accept: "text/event-stream", ...position };
  const stream = new Stream(await ferry.send(as, "GET", `/operate/v1/events${query}`, { headers, ...sent }));
  await settle();
  return stream;
}

/** Lets streams look: after 100 ms for what this process wrote, after a second for others' writes. */
export async function streamsLook(ferry: Ferry): Promise<void> {
  await ferry.clock.advance(100);
}
