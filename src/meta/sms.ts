import { createHash } from "node:crypto";
import { Hono } from "hono";
import { Failure } from "../core/failure.ts";
import { roles } from "../core/words.ts";
import { type Env, operation } from "../http/operation.ts";
import {
  ListApiVersionResponse,
  ShowApiVersionParam,
  ShowConfigResponse,
  ShowSha256Param,
  ShowSha256Response,
  Version,
} from "./schema.ts";
import type { Meta } from "./service.ts";

export const metaSms = new Hono<Env<{ meta: Meta }>>()
  .get(
    "/",
    operation("listApiVersion", {
      summary: "API versions",
      description: "A browser (Accept: text/html) without credentials is sent to the console, or to the documentation.",
      roles,
      reply: ListApiVersionResponse,
    }),
    (c) => c.json({ versions: [version(c.req.url, c.req.header("Host"))] }),
  )
  .get(
    "/:version{v[.0-9a-zA-Z]*}",
    operation("showApiVersion", {
      summary: "One API version",
      roles,
      param: ShowApiVersionParam,
      reply: Version,
    }),
    (c) => {
      const asked = c.req.param("version");
      if (asked !== "v3") throw new Failure("notFound", `API version ${asked} is unknown: there is v3`);
      return c.json(version(c.req.url, c.req.header("Host")));
    },
  )
  .get(
    "/v3/config",
    operation("showConfig", {
      summary: "What agents are told of the cloud that targets are in",
      description: "Names follow from the region's; the settings service_domain and agent_config replace them.",
      roles,
      reply: ShowConfigResponse,
    }),
    (c) => c.json(c.env.services.meta.showConfig(c.req.header("Host"))),
  )
  .get(
    "/v3/sha256/:key",
    operation("showSha256", {
      summary: "The SHA-256 of the last path segment",
      description: "Of its UTF-8, escapes undone. For older clients; newer ones hash by themselves.",
      roles: ["viewer", "operator", "admin"],
      param: ShowSha256Param,
      reply: ShowSha256Response,
    }),
    (c) => c.json({ value: createHash("sha256").update(c.req.param("key")).digest("hex") }),
  );

/** Source of the values: docs/decisions.md, "Versions". */
function version(url: string, host: string | undefined): Version {
  const href = host === undefined ? "/v3/" : `${url.startsWith("https:") ? "https" : "http"}://${host}/v3/`;
  return { id: "v3", links: [{ href, rel: "self" }], status: "SUPPORTED", updated: "2020-09-02T17:50:00Z" };
}
