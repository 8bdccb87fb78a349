import * as v from "valibot";
import { text } from "../http/wire.ts";

export const Version = v.object({
  id: text(0, 255),
  links: v.array(v.object({ href: text(0, 1024), rel: text(0, 1024) })),
  status: text(0, 255),
  updated: text(0, 255),
});
export type Version = v.InferOutput<typeof Version>;

export const ListApiVersionResponse = v.object({ versions: v.array(Version) });

export const ShowApiVersionParam = v.object({
  version: v.pipe(text(1, 10), v.regex(/^v[.0-9a-zA-Z]*$/, "takes a version such as v3")),
});

export const Health = v.object({ status: v.literal("ok") });
