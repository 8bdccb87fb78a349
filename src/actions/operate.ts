import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId } from "../http/wire.ts";
import { ListSourceActionsResponse, ReturnedTask } from "./schema.ts";
import type { Actions } from "./service.ts";

export const actionsOperate = new Hono<Env<{ actions: Actions }>>()
  .post(
    "/operate/v1/tasks/:task_id/return",
    operation("returnTask", {
      summary: "Bring a task and its source back from a passing state that nobody ends",
      description:
        "cutovering, cloning, clearing, premiging and SYNC_F_ROLLBACKING go back to the state before by themselves after finish_within_s; this does not wait.",
      roles: ["operator", "admin"],
      param: v.object({ task_id: objectId() }),
      reply: ReturnedTask,
    }),
    async (c) => c.json(await c.env.services.actions.tasks.returnTask(c.var.principal, c.req.param("task_id"))),
  )
  .get(
    "/operate/v1/sources/:source_id/actions",
    operation("listSourceActions", {
      summary: "What may be done with a source and its task now, and why the rest may not",
      description:
        "Found out by the code that allows and refuses; the role of who asks counts too. It holds for this moment: an agent may move the task meanwhile.",
      roles: ["viewer", "operator", "admin"],
      param: v.object({ source_id: objectId() }),
      reply: ListSourceActionsResponse,
    }),
    async (c) =>
      c.json(await c.env.services.actions.permitted.listSourceActions(c.var.principal, c.req.param("source_id"))),
  );
