import { Hono } from "hono";
import { type Env, operation } from "../http/operation.ts";
import { CountSourcesResponse, ListSourcesQuery, ShowAttentionResponse, SourcePage } from "./operate-schema.ts";
import type { Sources } from "./service.ts";

export const sourcesOperate = new Hono<Env<{ sources: Sources }>>()
  .get(
    "/operate/v1/sources",
    operation("listSources", {
      summary: "Source servers as a screen shows them: filtered, sorted, with task and open command",
      description:
        "A row is read by key; what is sorted by name or last_seen, or filtered by q, connected, task_state or os_type, goes once through the account's sources. By os_type through their registrations too: the slowest of all.",
      roles: ["viewer", "operator", "admin"],
      query: ListSourcesQuery,
      reply: SourcePage,
    }),
    async (c) => c.json(await c.env.services.sources.lists.listSources(c.var.principal, c.req.valid("query"))),
  )
  .get(
    "/operate/v1/sources/counts",
    operation("countSources", {
      summary: "How many source servers there are, and how many in each state",
      roles: ["viewer", "operator", "admin"],
      reply: CountSourcesResponse,
    }),
    async (c) => c.json(await c.env.services.sources.lists.countSources(c.var.principal)),
  )
  .get(
    "/operate/v1/attention",
    operation("showAttention", {
      summary: "What an operator has to look at, by kind, the newest of each",
      description:
        "error, unavailable: sources in that state. not_seen: sources that are not connected, unless finished or unavailable; up to 5 s old. task_failed: tasks that have failed whose source is not in error. overdue, undelivered: commands that ended so in the last 24 hours and after which the source has had no success. Kinds there are none of are left out.",
      roles: ["viewer", "operator", "admin"],
      reply: ShowAttentionResponse,
    }),
    async (c) => c.json(await c.env.services.sources.attention.showAttention(c.var.principal)),
  );
