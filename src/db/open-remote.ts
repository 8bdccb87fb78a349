import type { Client, Config } from "@libsql/client";
import { createClient, LibsqlError } from "@libsql/client/web";
import type { Platform } from "../core/platform.ts";
import type { Database } from "./database.ts";
import { RemoteStore, readerOf } from "./remote-store.ts";
import { ServerSilent } from "./storage-failure.ts";
import { Writer } from "./writer.ts";

/** A reading is given up after this long; the client itself would wait for ever. */
const READ_TIMEOUT_MS = 8_000;
/**
 * A write may have to wait for others, some of which are nobody's any more and end after 5 s. Given up too soon it would
 * be one of those itself: the server may hear of it late or never.
 */
const WRITE_TIMEOUT_MS = 20_000;
/** Either, while the server is silent: whoever calls then is told soon. */
const SILENT_TIMEOUT_MS = 2_000;
/** Calls at once; many readings at once would leave a server's writes little. */
const READINGS_AT_ONCE = 8;
/** A server with too much to do says so before it begins; it is asked again after this long, then twice as long. */
const FIRST_WAIT_MS = 20;
const LAST_WAIT_MS = 1_280;
/** Whoever has waited so long for a write to begin is told to come again. */
const QUEUE_MS = 8_000;

/** A libSQL server refuses single values of about 5 MB, and a group's rows travel as one. */
const GROUP_BYTES = 4 * 1024 * 1024;

export interface LibsqlServer {
  url: string;
  auth_token?: string | undefined;
  /** Where the server has several databases; otherwise it goes by the first label of the host. */
  namespace?: string | undefined;
}

/** A database on a libSQL server, shared with other processes. */
export function openRemote(server: LibsqlServer, platform: Platform): Database {
  const line = new Line();
  const client = connect(server, (request) => line.write(request));
  // One of its own, so that no write waits behind readings.
  const reading = connect(server, (request) => line.read(request), { concurrency: READINGS_AT_ONCE });
  const { nextTurn, now } = platform;
  return {
    reader: readerOf(reading, platform),
    client,
    reading,
    writer: new Writer(new RemoteStore(client, platform), {
      nextTurn,
      now,
      groupBytes: GROUP_BYTES,
      queueMs: QUEUE_MS,
    }),
    exclusive: false,
    checkpoint: async () => true,
    close: () => {
      client.close();
      reading.close();
    },
  };
}

/** A client of a server, whose requests go out by `send`. Throws if the URL is none; does not repeat it. */
export function connect(
  { url, auth_token, namespace }: LibsqlServer,
  send: (request: Request) => Promise<Response>,
  options: Pick<Config, "concurrency" | "intMode"> = {},
): Client {
  const call = (request: Request) => {
    // Base64 without padding, as gRPC has it for values of bytes.
    if (namespace !== undefined) request.headers.set("x-namespace-bin", btoa(namespace).replace(/=+$/, ""));
    return send(request);
  };
  try {
    return createClient({ url, fetch: call, ...(auth_token !== undefined && { authToken: auth_token }), ...options });
  } catch (error) {
    // The client's message shows the URL, which may hold a token.
    throw new Error(`the database URL cannot be used${error instanceof LibsqlError ? `: ${error.code}` : ""}`);
  }
}

/** Sends requests to one server, and knows by its readings whether it answers. */
class Line {
  #isSilent = false;
  #isProbing = false;
  readonly #writes = new Set<AbortController>();

  /** While the server is silent one reading at a time finds out whether it still is; the others are not sent. */
  async read(request: Request): Promise<Response> {
    if (this.#isProbing) throw new ServerSilent();
    const isProbe = this.#isSilent;
    this.#isProbing = isProbe;
    const signal = AbortSignal.timeout(isProbe ? SILENT_TIMEOUT_MS : READ_TIMEOUT_MS);
    try {
      const response = await send(request, signal);
      this.#isSilent = false;
      return response;
    } catch (error) {
      if (signal.aborted) this.#fallSilent();
      throw error;
    } finally {
      if (isProbe) this.#isProbing = false;
    }
  }

  async write(request: Request): Promise<Response> {
    const givenUp = new AbortController();
    this.#writes.add(givenUp);
    const timeout = setTimeout(() => givenUp.abort(late()), this.#isSilent ? SILENT_TIMEOUT_MS : WRITE_TIMEOUT_MS);
    try {
      return await send(request, givenUp.signal);
    } finally {
      clearTimeout(timeout);
      this.#writes.delete(givenUp);
    }
  }

  #fallSilent(): void {
    this.#isSilent = true;
    for (const givenUp of this.#writes) givenUp.abort(late());
  }
}

function late(): DOMException {
  return new DOMException("the database server is silent", "TimeoutError");
}

async function send(request: Request, signal: AbortSignal): Promise<Response> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
    const response = await fetch(request.clone(), { signal });
    if (response.status !== 429 || waitMs > LAST_WAIT_MS) return response;
    await response.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
