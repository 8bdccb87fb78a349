import { wholeReply } from "./reply.ts";

export interface Answer {
  status: number;
  /** Head and body, one character a byte. */
  text: string;
  /** When it was whole: performance.now(). */
  at: number;
}

/** A connection that is kept open, with one request under way at a time. */
export class Line {
  #received = "";
  #asked: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  #socket: Bun.Socket<undefined> | undefined;

  static async open(endpoint: string): Promise<Line> {
    const [hostname = "", port] = endpoint.split(":");
    const line = new Line();
    const socket: Bun.SocketHandler<undefined> = {
      data: (_socket, chunk) => line.#take(chunk),
      close: () => line.#fail(new Error("the server closed a connection")),
    };
    line.#socket = await Bun.connect<undefined>({ hostname, port: Number(port), socket, data: undefined });
    return line;
  }

  /** Sends a request as it travels; the whole reply. */
  ask(request: string): Promise<Answer> {
    if (this.#asked) throw new Error("a request is under way");
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#asked = { resolve, reject };
    this.#socket?.write(Buffer.from(request, "latin1"));
    return promise;
  }

  /** The same; throws with the reply unless it is 2xx. */
  async need(request: string): Promise<Answer> {
    const answer = await this.ask(request);
    if (answer.status < 200 || answer.status > 299) throw new Error(`refused:\n${answer.text.slice(0, 500)}`);
    return answer;
  }

  /** Whether a request waits for its reply, and nothing of that came. */
  get isWaiting(): boolean {
    return this.#asked !== undefined && this.#received === "";
  }

  close(): void {
    this.#asked = undefined;
    this.#socket?.terminate();
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.toString("latin1");
    const reply = wholeReply(this.#received);
    if (!reply) return;
    const answer = { status: reply.status, text: this.#received, at: performance.now() };
    this.#received = "";
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#asked?.reject(error);
    this.#asked = undefined;
  }
}
