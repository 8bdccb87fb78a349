import { Hono } from "hono";
import { Failure } from "../core/failure.ts";
import { roles } from "../core/words.ts";
import { type Env, operation } from "../http/operation.ts";
import { ListApiVersionResponse, ShowApiVersionParam, Version } from "./schema.ts";

export const metaSms = new Hono<Env>()
  .get(
    "/",
    operation("listApiVersion", {
      summary: "API versions",
      description: "A browser (Accept: text/html) without credentials is sent to the documentation.",
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
  );

/** Source of the values: docs/decisions.md, "Versions". */
function version(url: string, host: string | undefined): Version {
  const href = host === undefined ? "/v3/" : `${url.startsWith("https:") ? "https" : "http"}://${host}/v3/`;
  return { id: "v3", links: [{ href, rel: "self" }], status: "SUPPORTED", updated: "2020-09-02T17:50:00Z" };
}
