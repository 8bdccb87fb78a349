import * as v from "valibot";
import { commandNames, commandStates, reportKinds, reportResults } from "../core/words.ts";
import { historyPageQuery } from "../events/schema.ts";
import { integer, jsonObject, object, pageOf, queryInteger, strictObject, text, time } from "../http/wire.ts";

const CommandParam = object({
  task_id: v.optional(text(0, 255)),
  bucket: v.optional(text(0, 255)),
});

// The wire: showCommand and updateCommandResult.

/** Longest a poll may wait for a command, in seconds. */
export const MAX_WAIT_S = 55;

export const ShowCommandQuery = object({
  wait: v.optional(
    v.pipe(
      queryInteger(0, MAX_WAIT_S),
      v.description("Seconds to wait for a command (ferry's own); absent answers at once."),
    ),
  ),
});

export const ShowCommandResponse = object({
  command_name: v.optional(text(0, 255)),
  command_param: v.optional(CommandParam),
});
export type ShowCommandResponse = v.InferOutput<typeof ShowCommandResponse>;

export const CommandBody = object({
  command_name: v.picklist(commandNames),
  result: v.picklist(reportResults),
  result_detail: v.pipe(jsonObject(), v.description("Any JSON object; comes back as it was sent.")),
});
export type CommandBody = v.InferOutput<typeof CommandBody>;

// The operator's side.

export const QueueCommandBody = strictObject({
  command_name: v.picklist(commandNames),
  command_param: v.optional(strictObject({ task_id: v.optional(text(1, 255)), bucket: v.optional(text(1, 255)) })),
  deliver_by: v.optional(
    v.pipe(time(), v.description("Ends as undelivered if no poll has fetched it by then; milliseconds since 1970.")),
  ),
  finish_within_s: v.optional(
    v.pipe(
      integer(1, 31_536_000),
      v.description("Ends as overdue if it is not reported this many seconds after its first delivery."),
    ),
  ),
  idempotency_key: v.optional(
    v.pipe(text(1, 255), v.description("The same key and order again answer the command made first.")),
  ),
});
export type QueueCommandBody = v.InferOutput<typeof QueueCommandBody>;

export const Command = object({
  id: v.string(),
  source_id: v.string(),
  source_name: v.pipe(v.string(), v.description("Its name now, or when it was deleted.")),
  command_name: v.picklist(commandNames),
  command_param: CommandParam,
  state: v.picklist(commandStates),
  reason: v.pipe(v.nullable(v.string()), v.description("Why it ended, where no report ended it.")),
  attempts: v.pipe(integer(0), v.description("How often a poll was offered it.")),
  created_at: time(),
  first_delivered_at: v.nullable(time()),
  last_delivered_at: v.nullable(time()),
  deliver_by: v.nullable(time()),
  finish_within_s: v.nullable(integer(1)),
  ended_at: v.nullable(time()),
  idempotency_key: v.nullable(v.string()),
});
export type Command = v.InferOutput<typeof Command>;

export const Result = object({
  id: v.string(),
  source_id: v.string(),
  source_name: v.string(),
  command_id: v.pipe(v.nullable(v.string()), v.description("The command it ended, repeats or comes too late for.")),
  command_name: v.picklist(commandNames),
  result: v.picklist(reportResults),
  result_detail: v.pipe(jsonObject(), v.description("The JSON object as received.")),
  kind: v.picklist(reportKinds),
  received_at: time(),
});
export type Result = v.InferOutput<typeof Result>;

export const CommandWithReports = object({
  ...Command.entries,
  reports: v.pipe(v.array(Result), v.description("The first ones; all of them: GET /operate/v1/results?command_id=.")),
});
export type CommandWithReports = v.InferOutput<typeof CommandWithReports>;

const since = v.optional(v.pipe(queryInteger(0), v.description("At or after; milliseconds since 1970.")));
const until = v.optional(v.pipe(queryInteger(0), v.description("Before; milliseconds since 1970.")));

export const ListCommandsQuery = strictObject({
  source_id: v.optional(text(1, 36)),
  state: v.optional(v.picklist(commandStates)),
  command_name: v.optional(v.picklist(commandNames)),
  since,
  until,
  ...historyPageQuery,
});
export type ListCommandsQuery = v.InferOutput<typeof ListCommandsQuery>;

export const ListResultsQuery = strictObject({
  source_id: v.optional(text(1, 36)),
  command_id: v.optional(text(1, 36)),
  command_name: v.optional(v.picklist(commandNames)),
  result: v.optional(v.picklist(reportResults)),
  kind: v.optional(v.picklist(reportKinds)),
  since,
  until,
  ...historyPageQuery,
});
export type ListResultsQuery = v.InferOutput<typeof ListResultsQuery>;

export const CommandPage = pageOf(Command);
export type CommandPage = v.InferOutput<typeof CommandPage>;
export const ResultPage = pageOf(Result);

export const ShowTrafficResponse = object({
  since: v.pipe(time(), v.description("When the process that answers began to count.")),
  minutes: v.pipe(
    v.array(
      object({
        at: v.pipe(time(), v.description("When the minute began; milliseconds since 1970.")),
        polls: integer(0),
        reports: integer(0),
      }),
    ),
    v.description("Oldest first, none left out; the last one is under way."),
  ),
});
export type ShowTrafficResponse = v.InferOutput<typeof ShowTrafficResponse>;
