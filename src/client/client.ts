import { hc } from "hono/client";
import type { App } from "../app.ts";
import { authorization, formatSdkDate } from "../core/canonical-request.ts";

/** Where to call and as whom. Without a key only what needs no credentials works. */
export interface Connection {
  endpoint: string;
  access_key?: string | undefined;
  secret_key?: string | undefined;
}

/** Headers worth covering; Host stays out, as proxies change it. */
const COVERED = ["content-type", "x-command-id", "x-sdk-date"];

/** The request, signed for the connection's key; as it is, where there is none. `now`: milliseconds since 1970. */
export async function signedRequest(
  connection: Connection,
  now: number,
  url: string | URL | Request,
  init?: RequestInit,
): Promise<Request> {
  const request = new Request(url, init);
  const { access_key, secret_key } = connection;
  if (!access_key || !secret_key) return request;
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.set("x-sdk-date", formatSdkDate(now));
  const covered: Record<string, string> = {};
  for (const name of COVERED) {
    const value = headers.get(name);
    if (value !== null) covered[name] = value;
  }
  const line = { method: request.method, path: pathname, query: search.slice(1) };
  headers.set("authorization", authorization({ access_key, secret_key }, line, covered, body ?? ""));
  return new Request(request.url, { method: request.method, headers, signal: request.signal, ...(body && { body }) });
}

/** The typed client: every operation of the service by its path. */
export function client(connection: Connection, now: () => number) {
  const signingFetch = async (url: string | URL | Request, init?: RequestInit) =>
    fetch(await signedRequest(connection, now(), url, init));
  return hc<App>(connection.endpoint, { fetch: signingFetch as typeof fetch });
}
export type Client = ReturnType<typeof client>;
