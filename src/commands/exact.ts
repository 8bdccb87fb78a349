import type { Context, TypedResponse } from "hono";
import type { Command } from "./schema.ts";
import type { ResultRow } from "./store.ts";

/*
 * Replies that hold result_detail are put together as text: the JSON value an agent sent goes out as it came in,
 * numbers included.
 */

/** A stored report as JSON text. */
export function resultJson({ seq: _, result_detail, ...rest }: ResultRow): string {
  return `${JSON.stringify(rest).slice(0, -1)},"result_detail":${result_detail}}`;
}

export function resultPageJson(page: { items: readonly ResultRow[]; next_cursor: string | null }): string {
  return `{"items":[${page.items.map(resultJson).join(",")}],"next_cursor":${JSON.stringify(page.next_cursor)}}`;
}

export function commandWithReportsJson(command: Command, reports: readonly ResultRow[]): string {
  return `${JSON.stringify(command).slice(0, -1)},"reports":[${reports.map(resultJson).join(",")}]}`;
}

/** A JSON reply from text, typed as what it holds. */
export function exactJson<Reply>(c: Context, json: string) {
  return c.body(json, 200, { "Content-Type": "application/json" }) as unknown as Response &
    TypedResponse<Reply, 200, "json">;
}

