import * as v from "valibot";
import { migrationTypes } from "../core/words.ts";
import { INT32, integer, object, queryInteger, text } from "../http/wire.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

const EnterpriseProject = v.pipe(
  text(0, 255),
  v.description('Empty means "default".'),
  v.transform((name) => name || "default"),
);

/** What a project holds beside its id, as every reply has it. */
const stored = {
  name: text(1, 100),
  description: text(0, 255),
  isdefault: v.pipe(v.boolean(), v.description("New sources join it; one project of the account is.")),
  region: text(0, 255),
  start_target_server: v.boolean(),
  speed_limit: v.pipe(integer(0, 1000), v.description("Mbit/s; 0: none.")),
  use_public_ip: v.boolean(),
  exist_server: v.boolean(),
  type: v.picklist(migrationTypes),
  enterprise_project: text(1, 255),
  syncing: v.boolean(),
  start_network_check: v.boolean(),
};

/** Its defaults are what SystemProject has. */
export const PostMigProjectBody = object({
  name: v.pipe(text(1, 100), v.description("Unique in the account.")),
  description: v.optional(text(0, 255), ""),
  isdefault: v.optional(v.boolean(), false),
  region: text(0, 100),
  start_target_server: v.optional(v.boolean(), true),
  speed_limit: v.optional(integer(0, 1000), 0),
  use_public_ip: v.optional(v.boolean(), true),
  exist_server: v.optional(v.boolean(), true),
  type: v.picklist(migrationTypes),
  enterprise_project: v.optional(EnterpriseProject, ""),
  syncing: v.optional(v.boolean(), false),
  start_network_check: v.optional(v.boolean(), false),
});
export type PostMigProjectBody = v.InferOutput<typeof PostMigProjectBody>;

export const CreateMigprojectResponse = object({ id: text(0, 255) });

export const MigProject = object({
  ...v.partial(object(stored)).entries,
  isdefault: v.optional(
    v.pipe(v.boolean(), v.description("true makes it the default one; false changes nothing on the one that is.")),
  ),
  enterprise_project: v.optional(EnterpriseProject),
});
export type MigProject = v.InferOutput<typeof MigProject>;

export const ShowMigprojectResponse = object(stored);
export type ShowMigprojectResponse = v.InferOutput<typeof ShowMigprojectResponse>;

export const ListMigprojectsResponse = object({
  count: v.pipe(integer(0, INT32), v.description("All there are, before paging.")),
  migprojects: v.array(
    object({
      id: text(1, 255),
      ...stored,
      exist_server: v.pipe(v.boolean(), v.description("Here: whether the project holds sources.")),
    }),
  ),
});
export type ListMigprojectsResponse = v.InferOutput<typeof ListMigprojectsResponse>;

export const DEFAULT_MIGPROJECTS_PER_PAGE = 50;

export const ListMigprojectsQuery = object({
  limit: v.optional(v.pipe(queryInteger(0, 100), v.description("0 means 50."))),
  offset: v.optional(queryInteger(0, 65535)),
});
export type ListMigprojectsQuery = v.InferOutput<typeof ListMigprojectsQuery>;
