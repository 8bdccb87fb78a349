import { type ClientRequestOptions, hc } from "hono/client";
import type { Api } from "../app.ts";

/** As the service reads a query, where a plus sign is one: a space is %20. */
class Query extends URLSearchParams {
  override toString(): string {
    return super.toString().replaceAll("+", "%20");
  }
}

function buildSearchParams(members: Record<string, string | string[]>): URLSearchParams {
  const query = new Query();
  for (const [name, values] of Object.entries(members)) {
    for (const value of [values].flat()) if (value !== undefined) query.append(name, value);
  }
  return query;
}

/** Every operation of the service by its path, in whatever has fetch. */
export const typedClient = (base: string, options: ClientRequestOptions) =>
  hc<Api>(base, { buildSearchParams, ...options });
export type Client = ReturnType<typeof typedClient>;
