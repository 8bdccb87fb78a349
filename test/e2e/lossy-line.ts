import { connect, createServer, type Socket } from "node:net";

/** What a line does to one call: the server never hears it; or it does, and its answer is lost; or becomes another one. */
export type Loss = "call" | "answer" | "sense";

/** As a proxy on the way may say it: whether the call has arrived it does not know. */
const SENSELESS = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/** A line to a server that breaks down once, at a call that is chosen. */
export class LossyLine {
  readonly url: string;
  /** Whether the chosen call has come. */
  hasLost = false;
  #calls = 0;
  #loss: { kind: Loss; isIt: (place: number, text: string) => boolean } | undefined;
  readonly #close: () => void;

  private constructor(port: number, close: () => void) {
    this.url = `http://127.0.0.1:${port}`;
    this.#close = close;
  }

  static async to(url: string): Promise<LossyLine> {
    const { hostname, port } = new URL(url);
    const sockets = new Set<Socket>();
    const server = createServer((caller) => {
      const callee = connect(Number(port), hostname);
      line.#join(caller, callee);
      for (const socket of [caller, callee]) sockets.add(socket.on("close", () => sockets.delete(socket)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port to listen on");
    const line = new LossyLine(address.port, () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return line;
  }

  /** Breaks down at the first call that is it, by its place (0: the next one) or by what it says. */
  lose(kind: Loss, isIt: (place: number, text: string) => boolean): void {
    this.#loss = { kind, isIt };
    this.#calls = 0;
    this.hasLost = false;
  }

  /** From now on nothing is lost. */
  mend(): void {
    this.#loss = undefined;
  }

  close(): void {
    this.#close();
  }

  #join(caller: Socket, callee: Socket): void {
    let loss: Loss | undefined;
    const cut = () => {
      caller.destroySoon();
      callee.destroy();
    };
    caller.on("data", (bytes: Buffer) => {
      loss ??= this.#lossAt(bytes.toString("latin1"));
      if (loss === "call") cut();
      else callee.write(bytes);
    });
    callee.on("data", (bytes: Buffer) => {
      if (loss === undefined) return void caller.write(bytes);
      if (loss === "sense") caller.write(SENSELESS);
      cut();
    });
    for (const socket of [caller, callee]) socket.on("error", cut).on("close", cut);
  }

  #lossAt(text: string): Loss | undefined {
    if (text.startsWith("POST ")) this.#calls += 1;
    if (!this.#loss || this.hasLost || !this.#loss.isIt(this.#calls - 1, text)) return undefined;
    this.hasLost = true;
    return this.#loss.kind;
  }
}
