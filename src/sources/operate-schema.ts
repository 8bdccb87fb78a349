import * as v from "valibot";
import { commandNames, commandStates, migrationTypes, taskStates } from "../core/words.ts";
import { INT32, integer, object, pageOf, queryBoolean, queryInteger, strictObject, text, time } from "../http/wire.ts";
import { shownMigrationCycles, shownSourceStates } from "./schema.ts";

/* What an operator's screen of sources is made of: ferry's own, under /operate/v1. */

export const MAX_IDS = 200;
export const DEFAULT_LIMIT = 100;

const sameList = "good for the same filters, sort and order only";

export const ListSourcesQuery = strictObject({
  q: v.optional(
    v.pipe(
      text(1, 255),
      v.description("Part of name, ip or ipv6, taken literally, in upper or lower case. hostname is not looked at."),
    ),
  ),
  state: v.optional(v.picklist(shownSourceStates)),
  connected: v.optional(queryBoolean()),
  os_type: v.optional(v.picklist(["WINDOWS", "LINUX"])),
  task_state: v.optional(v.picklist(taskStates)),
  ids: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[\w-]{1,36}(,[\w-]{1,36}){0,199}$/, `takes 1 to ${MAX_IDS} ids, separated by commas`),
      v.description(`Only these, separated by commas, at most ${MAX_IDS}; unknown ones are passed over.`),
    ),
  ),
  sort: v.optional(
    v.pipe(
      v.picklist(["added", "name", "state", "last_seen"]),
      v.description("Equal ones come as they were added. What changes meanwhile (state, last_seen) moves in the list."),
    ),
    "added",
  ),
  order: v.optional(
    v.pipe(v.picklist(["asc", "desc"]), v.description("Absent: desc for added and last_seen, asc for the others.")),
  ),
  limit: v.optional(
    v.pipe(
      queryInteger(1, 500),
      v.description(`Items per page; absent: ${DEFAULT_LIMIT}, or as many as \`ids\` may name.`),
    ),
  ),
  cursor: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[\w-]{1,4096}$/, "takes the next_cursor of an earlier page"),
      v.description(
        `Where the page begins; ${sameList}. Very large registrations make a shorter page: it is the last one only where next_cursor is null.`,
      ),
    ),
  ),
});
export type ListSourcesQuery = v.InferOutput<typeof ListSourcesQuery>;

const ListedTask = object({
  id: v.string(),
  name: v.string(),
  type: v.picklist(migrationTypes),
  state: v.picklist(taskStates),
  progress: v.pipe(
    v.nullable(integer(0, 100)),
    v.description("Percent of the subtask its agent is at, as last reported."),
  ),
  migrate_speed: v.pipe(v.nullable(v.number()), v.description("Mbit/s, as last reported.")),
  remain_seconds: v.nullable(integer(0)),
  error: v.pipe(v.nullable(v.string()), v.description("What its last failure was: error_json as text.")),
});

const ListedCommand = object({
  id: v.string(),
  command_name: v.picklist(commandNames),
  state: v.picklist(commandStates),
  created_at: time(),
});

export const ListedSource = object({
  id: v.string(),
  name: v.string(),
  ip: v.nullable(v.string()),
  ipv6: v.nullable(v.string()),
  hostname: v.nullable(v.string()),
  os_type: v.picklist(["WINDOWS", "LINUX"]),
  os_version: v.string(),
  state: v.picklist(shownSourceStates),
  migration_cycle: v.picklist(shownMigrationCycles),
  connected: v.boolean(),
  last_seen_at: v.pipe(
    v.nullable(time()),
    v.description("Last poll, report or progress; null: never. Registering does not count."),
  ),
  registered_at: v.pipe(time(), v.description("Last registration.")),
  state_since: time(),
  reason: v.pipe(v.nullable(v.string()), v.description("Why it is unavailable or in error, or why its task failed.")),
  task: v.nullable(ListedTask),
  open_command: v.pipe(
    v.nullable(ListedCommand),
    v.description("The oldest open control command, else the oldest open log command."),
  ),
});
export type ListedSource = v.InferOutput<typeof ListedSource>;

export const SourcePage = object({
  count: v.pipe(integer(0, INT32), v.description("All that match, whatever the page.")),
  ...pageOf(ListedSource).entries,
});
export type SourcePage = v.InferOutput<typeof SourcePage>;

export const CountSourcesResponse = object({
  count: v.pipe(integer(0, INT32), v.description("All of them.")),
  states: v.pipe(
    v.array(object({ state: v.picklist(shownSourceStates), count: integer(1, INT32) })),
    v.description("Every state there is a source in; showOverview leaves some out."),
  ),
});
export type CountSourcesResponse = v.InferOutput<typeof CountSourcesResponse>;

export const attentionKinds = ["error", "unavailable", "not_seen", "task_failed", "overdue", "undelivered"] as const;
export type AttentionKind = (typeof attentionKinds)[number];

export const ShowAttentionResponse = object({
  items: v.array(
    object({
      kind: v.picklist(attentionKinds),
      count: integer(1),
      is_more: v.pipe(v.boolean(), v.description("There may be more than count: it looked at so many and no more.")),
      first: v.pipe(
        v.array(
          object({
            source_id: v.string(),
            source_name: v.string(),
            at: v.pipe(time(), v.description("Since when; of one that was never seen, when it registered.")),
            reason: v.nullable(v.string()),
            command_id: v.nullable(v.string()),
          }),
        ),
        v.maxLength(5),
        v.description("The newest."),
      ),
    }),
  ),
});
export type ShowAttentionResponse = v.InferOutput<typeof ShowAttentionResponse>;
export type AttentionItem = ShowAttentionResponse["items"][number];
