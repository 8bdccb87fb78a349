import type { Client } from "../client/client.ts";
import { allPages, pageLimit } from "./list.ts";
import { answer } from "./verb.ts";

export type Query = NonNullable<Parameters<Client["operate"]["v1"]["events"]["$get"]>[0]>["query"];

/** The newest events that match, the newest first; at most so many. */
export function newestEvents(client: Client, filter: Query, most: number) {
  return allPages((cursor) => {
    const page = { ...filter, limit: pageLimit(most), ...(cursor !== undefined && { cursor }) };
    return answer(client.operate.v1.events.$get({ query: page }));
  }, most);
}
