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
  "session.begun",
  "session.ended",
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

/** Every command has these three; an index of all others costs next to nothing. */
export const commonTypes: ReadonlySet<EventType> = new Set(["command.queued", "command.delivered", "command.reported"]);

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
  source_name: v.pipe(v.nullable(v.string()), v.description("Its name now, or when it was deleted.")),
  command_id: v.nullable(v.string()),
  data: v.pipe(v.record(v.string(), v.unknown()), v.description("More on the change, by type.")),
});
export type Event = v.InferOutput<typeof Event>;

/** Pages of the lists that only grow: their cursors tell a time too. */
export const historyPageQuery = {
  ...pageQuery,
  cursor: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,15}(-\d{1,15})?$/, "takes the next_cursor of an earlier page"),
      v.description(
        "Where the page begins; good for the same filters and order only. A page that has looked at many rows in vain is short, or empty: it is the last one only where next_cursor is null.",
      ),
    ),
  ),
};

const filter = {
  type: v.optional(v.picklist(eventTypes)),
  source_id: v.optional(text(1, 36)),
  command_id: v.optional(text(1, 36)),
};

export const ListEventsQuery = strictObject({
  ...filter,
  since: v.optional(v.pipe(queryInteger(0), v.description("At or after; milliseconds since 1970."))),
  until: v.optional(v.pipe(queryInteger(0), v.description("Before; milliseconds since 1970."))),
  ...historyPageQuery,
});
export type ListEventsQuery = v.InferOutput<typeof ListEventsQuery>;

/** What a stream takes: it has neither pages nor bounds in time. */
export const FollowEventsQuery = strictObject(filter);
export type FollowEventsQuery = v.InferOutput<typeof FollowEventsQuery>;

export const EventPage = pageOf(Event);
export type EventPage = v.InferOutput<typeof EventPage>;
