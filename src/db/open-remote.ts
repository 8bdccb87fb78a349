import { createClient } from "@libsql/client/web";
import { drizzle } from "drizzle-orm/libsql/web";
import type { Database } from "./database.ts";
import { Writer } from "./writer.ts";

/** A call to the database server is given up after this long; the client itself would wait for ever. */
const CALL_TIMEOUT_MS = 10_000;

/** A database on a libSQL server, shared with other processes. */
export function openRemote(url: string, authToken: string | undefined, nextTurn: (work: () => void) => void): Database {
  const client = createClient({
    url,
    ...(authToken === undefined ? {} : { authToken }),
    fetch: (request: Request) => fetch(request, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) }),
  });
  const orm = drizzle({ client });
  return { reader: orm, client, writer: new Writer(client, orm, nextTurn), exclusive: false, close: () => client.close() };
}
