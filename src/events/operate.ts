import { Hono } from "hono";
import { type Env, operation } from "../http/operation.ts";
import { EventPage, ListEventsQuery } from "./schema.ts";
import type { Events } from "./service.ts";

export const eventsOperate = new Hono<Env<{ events: Events }>>().get(
  "/operate/v1/events",
  operation("listEvents", {
    summary: "What was changed, by whom, from where and when",
    roles: ["viewer", "operator", "admin"],
    query: ListEventsQuery,
    reply: EventPage,
  }),
  async (c) => c.json(await c.env.services.events.listEvents(c.var.principal, c.req.valid("query"))),
);
