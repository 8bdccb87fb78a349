import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { Health, Readiness } from "./schema.ts";
import type { Meta } from "./service.ts";

/** Files of the documentation page, handed in: an edge runtime does without them. */
export type DocsFiles = Readonly<Record<string, { type: string; body: string }>>;

const HOUR_S = 3600;

/** What needs no credentials. */
export const metaOperate = new Hono<Env<{ meta: Meta; openapi: () => object; docs_files: DocsFiles }>>()
  .get("/healthz", operation("showHealth", { summary: "The process answers", roles: [], reply: Health }), (c) =>
    c.json({ status: "ok" as const }),
  )
  .get(
    "/readyz",
    operation("showReadiness", { summary: "A write to the database went through", roles: [], reply: Readiness }),
    async (c) => c.json(await c.env.services.meta.ready()),
  )
  .get(
    "/openapi.json",
    operation("showOpenApi", { summary: "This API as an OpenAPI 3.1 document", roles: [], reply: v.looseObject({}) }),
    (c) => c.json(c.env.services.openapi()),
  )
  .get("/docs", (c) => docsFile(c.env.services.docs_files, "index.html"))
  .get("/docs/:file", (c) => docsFile(c.env.services.docs_files, c.req.param("file")));

function docsFile(files: DocsFiles, name: string): Response {
  const file = Object.hasOwn(files, name) ? files[name] : undefined;
  if (!file)
    return new Response("the documentation page is not part of this deployment: see /openapi.json\n", { status: 404 });
  return new Response(file.body, {
    headers: {
      "Content-Type": file.type,
      "Cache-Control": `private, max-age=${HOUR_S}`,
      "X-Content-Type-Options": "nosniff",
      // The page is the executable's own files only; the viewer sets styles on its elements.
      "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    },
  });
}
