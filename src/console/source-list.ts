import type { InferRequestType, InferResponseType } from "hono/client";
import { answer, api } from "./api.ts";

const list = api.operate.v1.sources;
export type SourceQuery = NonNullable<InferRequestType<typeof list.$get>["query"]>;
export type SourcePage = InferResponseType<typeof list.$get>;
export type SourceRow = SourcePage["items"][number];

const AT_ONCE = "500";

/** All sources that match, in the order of the list. */
export async function everySource(query: SourceQuery): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  let cursor: string | null | undefined;
  do {
    const page: SourcePage = await answer(
      list.$get({ query: { ...query, limit: AT_ONCE, ...(cursor && { cursor }) } }),
    );
    rows.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return rows;
}
