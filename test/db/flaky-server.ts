import { createConnection, createServer, type Server, type Socket } from "node:net";

export type Mishap = "request lost" | "reply lost" | "refused";

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
    const end = () => {
      caller.destroy();
      server.destroy();
      open.delete(caller);
      open.delete(server);
    };
    caller.on("data", (bytes) => {
      if (isBetween) {
        isBetween = false;
        mishap = plan.shift() ?? null;
        seen.push(mishap);
      }
      if (mishap === "request lost") return end();
      if (mishap === "refused") {
        isBetween = true;
        caller.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      isBetween = true;
      // It was carried out by now: the server answers after its commit.
      if (mishap === "reply lost") end();
      else caller.write(bytes);
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
