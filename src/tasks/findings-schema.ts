import * as v from "valibot";
import { INT32, integer, object, queryInteger, text } from "../http/wire.ts";
import { MAX_ERROR_JSON } from "./error-json.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

export const UpdateNetworkCheckInfoResponse = object({ task_id: text(1, 255) });
export type UpdateNetworkCheckInfoResponse = v.InferOutput<typeof UpdateNetworkCheckInfoResponse>;

// listErrorServers

export const DEFAULT_ERRORS_PER_PAGE = 50;

export const ListErrorServersQuery = object({
  limit: v.optional(
    v.pipe(queryInteger(0, 100), v.description(`Errors per page; 0 or absent: ${DEFAULT_ERRORS_PER_PAGE}.`)),
  ),
  offset: v.pipe(queryInteger(0, 65535), v.description("How many to pass over.")),
  enterprise_project_id: v.optional(text(0, 255)),
});
export type ListErrorServersQuery = v.InferOutput<typeof ListErrorServersQuery>;

export const ListErrorServersResponse = object({
  count: v.pipe(integer(0, INT32), v.description("All there are, before paging.")),
  migration_errors: v.array(
    object({
      error_json: v.pipe(text(0, MAX_ERROR_JSON), v.description("JSON text of error_code and error_msg.")),
      host_name: v.optional(text(0, 255)),
      name: text(0, 255),
      source_id: text(0, 255),
      source_ip: v.optional(text(0, 255)),
      target_ip: v.optional(text(0, 255)),
    }),
  ),
});
export type ListErrorServersResponse = v.InferOutput<typeof ListErrorServersResponse>;
