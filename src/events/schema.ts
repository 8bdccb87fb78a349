import * as v from "valibot";
import { integer, object, pageOf, pageQuery, queryInteger, strictObject, text, time } from "../http/wire.ts";

export const eventTypes = [
  "account.created",
  "user.created",
  "user.updated",
  "user.deleted",
  "key.created",
  "key.rotated",
  "key.bound",
  "key.disabled",
  "token.issued",
  "project.created",
  "migproject.created",
  "migproject.updated",
  "migproject.deleted",
  "template.created",
  "template.updated",
  "template.deleted",
  "agreement.accepted",
  "source.registered",
  "source.reregistered",
  "source.updated",
  "source.moved",
  "source.deleted",
  "task.created",
  "task.updated",
  "task.moved",
  "task.checked",
  "task.deleted",
  "command.queued",
  "command.delivered",
  "command.reported",
  "command.cancelled",
  "command.superseded",
  "command.undelivered",
  "command.overdue",
] as const;
export type EventType = (typeof eventTypes)[number];

export const Event = object({
  id: v.pipe(integer(1), v.description("Rises with every change; gaps mean nothing.")),
  at: v.pipe(time(), v.description("Milliseconds since 1970.")),
  type: v.picklist(eventTypes),
  actor: v.pipe(
    v.nullable(v.string()),
    v.description("Access key, or user:NAME behind a token, that did it; null where ferry did."),
  ),
  address: v.pipe(v.nullable(v.string()), v.description("Client address; null where ferry did it or it is not known.")),
  source_id: v.nullable(v.string()),
  command_id: v.nullable(v.string()),
  data: v.pipe(v.record(v.string(), v.unknown()), v.description("More on the change, by type.")),
});
export type Event = v.InferOutput<typeof Event>;

export const ListEventsQuery = strictObject({
  type: v.optional(v.picklist(eventTypes)),
  source_id: v.optional(text(1, 36)),
  command_id: v.optional(text(1, 36)),
  since: v.optional(v.pipe(queryInteger(0), v.description("At or after; milliseconds since 1970."))),
  until: v.optional(v.pipe(queryInteger(0), v.description("Before; milliseconds since 1970."))),
  ...pageQuery,
});
export type ListEventsQuery = v.InferOutput<typeof ListEventsQuery>;

export const EventPage = pageOf(Event);
export type EventPage = v.InferOutput<typeof EventPage>;
