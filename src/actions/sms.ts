import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId } from "../http/wire.ts";
import { CreateTaskResponse, PostTask } from "../tasks/schema.ts";
import type { Actions } from "./service.ts";

export const actionsSms = new Hono<Env<{ actions: Actions }>>()
  .post(
    "/v3/tasks",
    operation("createTask", {
      summary: "Make the migration task of a source server",
      roles: ["operator", "admin"],
      json: PostTask,
      example: {
        name: "MigrationTask",
        type: "MIGRATE_FILE",
        source_server: { id: "<id of the source>" },
        target_server: {},
        region_name: "region-1",
        region_id: "region-1",
        project_name: "region-1",
        project_id: "<id of a project>",
      },
      reply: CreateTaskResponse,
    }),
    async (c) => c.json(await c.var.actions.createTask(c.var.principal, c.req.valid("json"))),
  )
  .delete(
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
