import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId } from "../http/wire.ts";
import type { Actions } from "./service.ts";

export const actionsSms = new Hono<Env<{ actions: Actions }>>().delete(
  "/v3/sources/:source_id",
  operation("deleteServer", {
    summary: "Delete a source server; its open commands are cancelled, their history stays",
    roles: ["operator", "admin"],
    param: v.object({ source_id: objectId() }),
    reply: v.strictObject({}),
  }),
  async (c) => {
    await c.var.actions.deleteServer(c.var.principal, c.req.param("source_id"));
    return c.json({});
  },
);
