import * as v from "valibot";
import { cloudMembers, cloudRegionMembers } from "../core/words.ts";
import { object, text } from "../http/wire.ts";

export const Version = object({
  id: text(0, 255),
  links: v.array(object({ href: text(0, 1024), rel: text(0, 1024) })),
  status: text(0, 255),
  updated: text(0, 255),
});
export type Version = v.InferOutput<typeof Version>;

export const ListApiVersionResponse = object({ versions: v.array(Version) });

export const ShowApiVersionParam = object({
  version: v.pipe(text(1, 10), v.regex(/^v[.0-9a-zA-Z]*$/, "takes a version such as v3")),
});

const told = v.pipe(v.string(), v.minLength(1));

export const ShowConfigResponse = object({
  config: object(v.entriesFromList(cloudMembers, told)),
  regions: v.array(object(v.entriesFromList(cloudRegionMembers, told))),
});
export type ShowConfigResponse = v.InferOutput<typeof ShowConfigResponse>;

export const ShowSha256Param = object({ key: text(1, 16384) });

export const ShowSha256Response = object({ value: v.pipe(text(64, 64), v.description("Lower-case hex digits.")) });

export const Health = object({ status: v.literal("ok") });

export const Readiness = object({
  status: v.literal("ok"),
  warnings: v.pipe(
    v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
    v.description("What an operator should change, though the service works."),
  ),
});
export type Readiness = v.InferOutput<typeof Readiness>;
