import * as v from "valibot";
import { INT32, integer, object, queryInteger, text } from "../http/wire.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

const VpcObject = object({
  id: v.optional(text(1, 255)),
  name: v.optional(text(1, 255)),
  cidr: v.optional(text(1, 255)),
});

const Nics = object({
  id: text(0, 255),
  name: text(0, 255),
  cidr: v.optional(v.pipe(text(0, 255), v.description("Absent for a network that is to be made."))),
  ip: v.optional(text(0, 255)),
});

const SgObject = object({ id: text(0, 255), name: text(0, 255) });

const PublicIp = object({
  type: text(0, 255),
  bandwidth_size: integer(1, 2000),
  bandwidth_share_type: v.optional(text(0, 255)),
});

const TemplateDisk = object({
  id: v.optional(integer(0)),
  index: integer(0, INT32),
  name: text(0, 255),
  disktype: text(0, 255),
  size: integer(0),
  device_use: v.optional(text(0, 255)),
});

const definition = {
  is_template: v.optional(v.boolean()),
  projectid: v.optional(text(0, 255)),
  target_server_name: v.optional(text(0, 255)),
  volumetype: v.optional(text(0, 255)),
  flavor: v.optional(text(0, 65535)),
  vpc: v.optional(VpcObject),
  nics: v.optional(v.array(Nics)),
  security_groups: v.optional(v.array(SgObject)),
  publicip: v.optional(PublicIp),
  disk: v.optional(v.array(TemplateDisk)),
  data_volume_type: v.optional(text(0, 255)),
  image_id: v.optional(text(0, 255)),
};

/** What a template is beyond the columns of its table. */
const TemplateDefinition = object(definition);
export type TemplateDefinition = v.InferOutput<typeof TemplateDefinition>;

const TemplateRequest = object({
  name: text(1, 64),
  region: v.optional(text(0, 255)),
  availability_zone: v.optional(text(0, 255)),
  ...definition,
  target_password: v.optional(
    v.pipe(text(0, 1024), v.description("Stored encrypted; only the target-password call tells it. Empty: none.")),
  ),
});
export type TemplateRequest = v.InferOutput<typeof TemplateRequest>;

export const CreateTemplateReq = object({ template: TemplateRequest });

export const CreateTemplateResponse = object({ id: text(0, 255) });

export const UpdateTemplateReq = object({ template: v.optional(TemplateRequest) });

const TemplateResponseBody = object({
  id: text(0, 255),
  name: text(0, 255),
  is_template: v.pipe(v.picklist(["true", "false"]), v.description("Text here, a boolean in requests.")),
  region: text(0, 255),
  projectid: text(0, 255),
  target_server_name: text(0, 255),
  availability_zone: text(0, 255),
  volumetype: text(0, 255),
  flavor: text(0, 65535),
  vpc: v.optional(VpcObject),
  nics: v.array(Nics),
  security_groups: v.array(SgObject),
  publicip: v.optional(PublicIp),
  disk: v.array(TemplateDisk),
  data_volume_type: text(0, 255),
  target_password: v.pipe(v.literal(""), v.description("Only the target-password call tells it.")),
  image_id: text(0, 255),
});
export type TemplateResponseBody = v.InferOutput<typeof TemplateResponseBody>;

export const ShowTemplateResponse = object({ template: TemplateResponseBody });

export const ListTemplatesResponse = object({
  count: v.pipe(integer(0, INT32), v.description("All that match, before paging.")),
  templates: v.array(TemplateResponseBody),
});
export type ListTemplatesResponse = v.InferOutput<typeof ListTemplatesResponse>;

export const ShowTargetPasswordResponse = object({ template_id: text(0, 255), target_password: text(0, 1024) });
export type ShowTargetPasswordResponse = v.InferOutput<typeof ShowTargetPasswordResponse>;

export const DeletetemplatesReq = object({
  ids: v.pipe(v.array(text(1, 36)), v.minLength(1), v.maxLength(50)),
});

export const DEFAULT_TEMPLATES_PER_PAGE = 50;

export const ListTemplatesQuery = object({
  name: v.optional(v.pipe(text(0, 255), v.description("Part of the name, taken literally."))),
  availability_zone: v.optional(text(0, 255)),
  region: v.optional(text(0, 255)),
  limit: v.optional(v.pipe(queryInteger(0, 100), v.description("0 means 50."))),
  offset: v.optional(queryInteger(0, 65535)),
  // biome-ignore lint/complexity/noUselessEscapeInRegex: the contract's pattern, letter for letter
  id: v.optional(v.pipe(text(1, 36), v.regex(/^[a-zA-Z0-9\-]{1,36}$/, "takes letters, digits and -"))),
});
export type ListTemplatesQuery = v.InferOutput<typeof ListTemplatesQuery>;
