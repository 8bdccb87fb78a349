import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId } from "../http/wire.ts";
import type { TaskSecrets } from "./secrets.ts";
import { ShowCertKeyQuery, ShowCertKeyResponse, ShowPassphraseResponse } from "./secrets-schema.ts";

const TaskId = v.object({ task_id: objectId() });

export const secretsSms = new Hono<Env<{ secrets: TaskSecrets }>>()
  .get(
    "/v3/tasks/:task_id/passphrase",
    operation("showPassphrase", {
      summary: "The secret that a task's agent and target machine share",
      description: "Made at the first call, the same at each one after.",
      roles: ["agent", "operator", "admin"],
      param: TaskId,
      reply: ShowPassphraseResponse,
    }),
    async (c) => c.json(await c.env.services.secrets.showPassphrase(c.var.principal, c.req.param("task_id"))),
  )
  .get(
    "/v3/tasks/:task_id/certkey",
    operation("showCertKey", {
      summary: "Certificates and private keys of a task, PEM",
      description:
        "Made at the first call, the same at each one after. The authority is the task's own; names are source, target-mgmt and target-data before .<task_id>.internal; valid for ten years.",
      roles: ["agent", "operator", "admin"],
      param: TaskId,
      query: ShowCertKeyQuery,
      reply: ShowCertKeyResponse,
    }),
    async (c) =>
      c.json(await c.env.services.secrets.showCertKey(c.var.principal, c.req.param("task_id"), c.req.valid("query"))),
  );
