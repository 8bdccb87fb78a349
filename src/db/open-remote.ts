import type { Client, Config } from "@libsql/client";
import { createClient, LibsqlError } from "@libsql/client/web";
import type { Platform } from "../core/platform.ts";
import type { Database } from "./database.ts";
import { RemoteStore, readerOf } from "./remote-store.ts";
import { Writer } from "./writer.ts";

/** A call to the database server is given up after this long; the client itself would wait for ever. */
const CALL_TIMEOUT_MS = 8_000;
/** The same while the server is silent: whoever calls then is told soon. */
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
  const send = line();
  const client = connect(server, send);
  // One of its own, so that no write waits behind readings.
  const reading = connect(server, send, { concurrency: READINGS_AT_ONCE });
  const { nextTurn, now } = platform;
  return {
    reader: readerOf(reading, platform),
    client,
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

/** Sends requests to one server, and knows whether it answers. */
function line(): (request: Request) => Promise<Response> {
  let isSilent = false;
  return async (request) => {
    const signal = AbortSignal.timeout(isSilent ? SILENT_TIMEOUT_MS : CALL_TIMEOUT_MS);
    for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
      const response = await fetch(request.clone(), { signal }).catch((error) => {
        isSilent ||= signal.aborted;
        throw error;
      });
      isSilent = false;
      if (response.status !== 429 || waitMs > LAST_WAIT_MS) return response;
      await response.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  };
}
