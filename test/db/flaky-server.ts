import { createConnection, createServer, type Server, type Socket } from "node:net";

export type Mishap =
  | "request lost"
  | "reply lost"
  /** Answered on the way, and not passed on. */
  | "refused"
  /** Passed on, but answered on the way. */
  | "gateway error"
  | "sent twice";

const UNAVAILABLE = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/** Stands before a database server and loses what it is told to. */
export interface FlakyServer {
  url: string;
  /** What becomes of the next requests, one after the other; afterwards all go well. */
  next(...mishaps: (Mishap | null)[]): void;
  /** Requests that came, by what became of them. */
  readonly seen: (Mishap | null)[];
  stop(): void;
}

/** A proxy on the level of HTTP/1.1 messages: one request at a time on a connection, as fetch sends them. */
export async function startFlakyServer(target: string): Promise<FlakyServer> {
  const { hostname, port } = new URL(target);
  const plan: (Mishap | null)[] = [];
  const seen: (Mishap | null)[] = [];
  const open = new Set<Socket>();
  const serve = (caller: Socket) => {
    open.add(caller);
    const server = createConnection(Number(port), hostname);
    open.add(server);
    let mishap: Mishap | null = null;
    let isBetween = true;
    let request: (Uint8Array | string)[] = [];
    const end = () => {
      caller.destroy();
      server.destroy();
      open.delete(caller);
      open.delete(server);
    };
    caller.on("data", (bytes) => {
      if (isBetween) {
        isBetween = false;
        request = [];
        mishap = plan.shift() ?? null;
        seen.push(mishap);
      }
      if (mishap === "request lost") return end();
      if (mishap === "refused") {
        isBetween = true;
        caller.write(UNAVAILABLE);
        return;
      }
      request.push(bytes);
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      // It was carried out by now: the server answers after its commit. Its answers here are small, and come whole.
      if (mishap === "reply lost") return end();
      if (mishap === "sent twice") {
        mishap = null;
        for (const part of request) server.write(part);
        return;
      }
      isBetween = true;
      caller.write(mishap === "gateway error" ? UNAVAILABLE : bytes);
    });
    for (const socket of [caller, server]) socket.on("error", end).on("close", end);
  };
  const listener: Server = createServer(serve);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    next: (...mishaps) => void plan.push(...mishaps),
    seen,
    stop: () => {
      for (const socket of open) socket.destroy();
      listener.close();
    },
  };
}
