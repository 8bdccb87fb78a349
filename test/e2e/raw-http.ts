import { connect, type Socket } from "node:net";
import { authorization, formatSdkDate } from "../../src/core/canonical-request.ts";
import { type Ferry, firstKey } from "./executable.ts";

/* HTTP byte by byte, for what no client would send. */

export interface RawReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A connection to the server; `reply` resolves with the next whole reply, or rejects if the connection ends first. */
export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    // A server that refuses early may close while we still write: what it said before counts.
    socket.on("error", end);
    socket.on("close", end);
    socket.on("end", end);
  }

  static async open(ferry: Ferry): Promise<RawConnection> {
    const { hostname, port } = new URL(ferry.url);
    const socket = connect({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new RawConnection(socket);
  }

  send(bytes: string | Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  async reply({ hasBody = true }: { hasBody?: boolean } = {}): Promise<RawReply> {
    for (;;) {
      const reply = this.#take(hasBody);
      if (reply) return reply;
      if (this.#ended)
        throw new Error(`the connection ended after ${JSON.stringify(this.#received.toString("latin1"))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(hasBody: boolean): RawReply | undefined {
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return undefined;
    const [statusLine = "", ...lines] = this.#received.subarray(0, headEnd).toString("latin1").split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => line.split(/: ?(.*)/, 2)).map(([name = "", value = ""]) => [name.toLowerCase(), value]),
    );
    const length = hasBody ? Number(headers["content-length"] ?? 0) : 0;
    const bodyStart = headEnd + 4;
    if (this.#received.length < bodyStart + length) return undefined;
    const body = this.#received.subarray(bodyStart, bodyStart + length).toString();
    this.#received = this.#received.subarray(bodyStart + length);
    return { status: Number(statusLine.split(" ")[1]), headers, body };
  }
}

/** One exchange on a connection of its own. */
export async function exchange(
  ferry: Ferry,
  parts: Iterable<string | Uint8Array>,
  options?: { hasBody?: boolean },
): Promise<RawReply> {
  const connection = await RawConnection.open(ferry);
  try {
    for (const part of parts) connection.send(part);
    return await connection.reply(options);
  } finally {
    connection.close();
  }
}

/** The head of a signed request, up to and with the empty line. */
export function signedHead(
  ferry: Ferry,
  method: string,
  path: string,
  body: string | Uint8Array = "",
  headers: Record<string, string> = {},
): string {
  const date = formatSdkDate(Date.now());
  const [pathname = "", query = ""] = path.split("?");
  const signed = authorization(firstKey, { method, path: pathname, query }, { "x-sdk-date": date }, body);
  return head(ferry, method, path, { "X-Sdk-Date": date, Authorization: signed, ...headers });
}

export function head(ferry: Ferry, method: string, path: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ Host: new URL(ferry.url).host, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
