import { type ClientRequestOptions, hc } from "hono/client";
import type { Api } from "../app.ts";

/** Every operation of the service by its path, in whatever has fetch. */
export const typedClient = (base: string, options: ClientRequestOptions) => hc<Api>(base, options);
export type Client = ReturnType<typeof typedClient>;
