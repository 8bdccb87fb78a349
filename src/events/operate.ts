import { Hono } from "hono";
import { Failure } from "../core/failure.ts";
import { type Env, operation } from "../http/operation.ts";
import { check, queryMembers } from "../http/parse.ts";
import { streamed } from "../http/stream.ts";
import type { EventFeed } from "./feed.ts";
import { EventPage, FollowEventsQuery, ListEventsQuery } from "./schema.ts";
import type { Events } from "./service.ts";

const EVENT_STREAM = "text/event-stream";

export const eventsOperate = new Hono<Env<{ events: Events; feed: EventFeed; max_stream_s: number }>>().get(
  "/operate/v1/events",
  operation("listEvents", {
    summary: "What was changed, by whom, from where and when",
    description: `With Accept: ${EVENT_STREAM} the live stream of events as they are written, as Server-Sent Events: type, source_id and command_id are its only query members. A block with an id alone tells how far the stream has come.`,
    roles: ["viewer", "operator", "admin"],
    query: ListEventsQuery,
    headers: { "Last-Event-ID": "Of a stream: everything written after this event comes first." },
    reply: EventPage,
    replyTypes: ["application/json", EVENT_STREAM],
  }),
  async (c) => {
    const { events, feed, max_stream_s } = c.env.services;
    if (!c.req.header("Accept")?.includes(EVENT_STREAM)) {
      return c.json(await events.listEvents(c.var.principal, c.req.valid("query")));
    }
    const filter = check(FollowEventsQuery, queryMembers(c.env.target.query), "query");
    const after = positionOf(c.req.header("Last-Event-ID"));
    const gone = new AbortController();
    const from = { after, most_s: max_stream_s, signal: gone.signal };
    const pieces = await feed.follow(c.var.principal, filter, from);
    c.header("Cache-Control", "no-store");
    // What a proxy in front collects before it passes it on is not live.
    c.header("X-Accel-Buffering", "no");
    return streamed(c, EVENT_STREAM, pieces, gone);
  },
);

function positionOf(lastEventId: string | undefined): number | undefined {
  if (lastEventId === undefined) return undefined;
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new Failure("invalid", "Last-Event-ID (a header) takes the id of an event, as the stream sent it");
}
