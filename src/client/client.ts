import { rootCertificates } from "node:tls";
import { authorization, formatSdkDate } from "../core/canonical-request.ts";
import { type Client, typedClient } from "./typed.ts";

export type { Client };

/** Where to call and as whom: by key or by token. Without either only what needs no credentials works. */
export interface Connection {
  endpoint: string;
  access_key?: string | undefined;
  secret_key?: string | undefined;
  /** Goes with a temporary key. */
  security_token?: string | undefined;
  /** Instead of a key. */
  token?: string | undefined;
  /** Certificates to trust beside the system's, as PEM text. */
  ca?: string | undefined;
}

/** Headers worth covering; Host stays out, as proxies change it. */
const COVERED = ["content-type", "x-command-id", "x-sdk-date", "x-security-token"];

/**
 * The request, signed for the connection's key or with its token; as it is, where there is neither. `now`: milliseconds
 * since 1970.
 */
export async function signedRequest(
  connection: Connection,
  now: number,
  url: string | URL | Request,
  init?: RequestInit,
): Promise<Request> {
  const request = new Request(url, init);
  const { access_key, secret_key, security_token, token } = connection;
  if (token) request.headers.set("x-auth-token", token);
  if (token || !access_key || !secret_key) return request;
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.set("x-sdk-date", formatSdkDate(now));
  if (security_token) headers.set("x-security-token", security_token);
  const covered: Record<string, string> = {};
  for (const name of COVERED) {
    const value = headers.get(name);
    if (value !== null) covered[name] = value;
  }
  const line = { method: request.method, path: pathname, query: search.slice(1) };
  headers.set("authorization", authorization({ access_key, secret_key }, line, covered, body ?? ""));
  return new Request(request.url, { method: request.method, headers, signal: request.signal, ...(body && { body }) });
}

/**
 * A signed call over a connection that trusts the connection's certificates. Redirects are not followed: what is secret
 * is for this service only.
 */
export async function signedFetch(
  connection: Connection,
  now: number,
  url: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  const request = await signedRequest(connection, now, url, init);
  const { ca } = connection;
  const tls = { rejectUnauthorized: true, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) };
  return fetch(request, { redirect: "manual", tls });
}

/** The typed client, with signed requests. */
export function client(connection: Connection, now: () => number): Client {
  const signingFetch = (url: string | URL | Request, init?: RequestInit) => signedFetch(connection, now(), url, init);
  return typedClient(connection.endpoint, { fetch: signingFetch as typeof fetch });
}
