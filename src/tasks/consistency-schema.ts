import * as v from "valibot";
import { integer, object, text, time } from "../http/wire.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

/** In the order of their columns in the export. */
export const ConsistencyResult = object({
  dir_check: text(0, 1024),
  num_total_files: integer(0, 1_000_000),
  num_different_files: integer(0, 1_000_000),
  num_target_miss_files: integer(0, 1_000_000),
  num_target_more_files: integer(0, 1_000_000),
});
export type ConsistencyResult = v.InferOutput<typeof ConsistencyResult>;

// updateConsistencyResult

/** Of one upload. */
const MAX_RESULTS = 30;

export const SetConsistencyResultRequestBody = object({
  consistency_result: v.optional(v.pipe(v.array(ConsistencyResult), v.maxLength(MAX_RESULTS))),
});
export type SetConsistencyResultRequestBody = v.InferOutput<typeof SetConsistencyResultRequestBody>;

// showConsistencyResult

export const MAX_UPLOADS_SHOWN = 65535;

export const ShowConsistencyResultResponse = object({
  task_id: text(1, 36),
  result_list: v.pipe(
    v.array(
      object({
        finished_time: v.pipe(time(), v.description("When the upload came; milliseconds since 1970.")),
        check_result: v.literal("finished"),
        consistency_result: v.pipe(v.array(ConsistencyResult), v.maxLength(MAX_RESULTS)),
      }),
    ),
    v.maxLength(MAX_UPLOADS_SHOWN),
  ),
});
export type ShowConsistencyResultResponse = v.InferOutput<typeof ShowConsistencyResultResponse>;

// exportConsistencyResults

const BatchConsistencyReq = object({
  task_id: v.optional(text(1, 36)),
  source_id: v.optional(v.pipe(text(0, 255), v.description("Names its task where there is no task_id."))),
  source_name: v.optional(v.pipe(text(0, 255), v.description("Not looked at: the name comes from the source."))),
});

export const BatchGetConsistencyResultReq = object({
  task_info: v.pipe(v.array(BatchConsistencyReq), v.minLength(1), v.maxLength(200)),
});
export type BatchGetConsistencyResultReq = v.InferOutput<typeof BatchGetConsistencyResultReq>;
