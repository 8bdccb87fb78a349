import { Hono } from "hono";
import * as v from "valibot";
import { parseObject } from "../core/json-object.ts";
import { type Env, operation } from "../http/operation.ts";
import { objectId, strictObject } from "../http/wire.ts";
import {
  CreateMigprojectResponse,
  ListMigprojectsQuery,
  ListMigprojectsResponse,
  MigProject,
  PostMigProjectBody,
  ShowMigprojectResponse,
} from "./schema.ts";
import type { Migprojects } from "./service.ts";

const MigprojectId = v.object({ mig_project_id: objectId() });

export const migprojectsSms = new Hono<Env<{ migprojects: Migprojects }>>()
  .post(
    "/v3/migprojects",
    operation("createMigproject", {
      summary: "Make a migration project",
      roles: ["operator", "admin"],
      json: PostMigProjectBody,
      example: { name: "wave-1", region: "region-1", type: "MIGRATE_FILE" },
      reply: CreateMigprojectResponse,
    }),
    async (c) => c.json(await c.env.services.migprojects.createMigproject(c.var.principal, c.req.valid("json"))),
  )
  .get(
    "/v3/migprojects",
    operation("listMigprojects", {
      summary: "Migration projects of the account, oldest first",
      roles: ["viewer", "operator", "admin"],
      query: ListMigprojectsQuery,
      reply: ListMigprojectsResponse,
    }),
    async (c) => c.json(await c.env.services.migprojects.listMigprojects(c.var.principal, c.req.valid("query"))),
  )
  .get(
    "/v3/migprojects/:mig_project_id",
    operation("showMigproject", {
      summary: "A migration project, as it was made",
      roles: ["viewer", "operator", "admin"],
      param: MigprojectId,
      reply: ShowMigprojectResponse,
    }),
    async (c) =>
      c.json(await c.env.services.migprojects.showMigproject(c.var.principal, c.req.param("mig_project_id"))),
  )
  .put(
    "/v3/migprojects/:mig_project_id",
    operation("updateMigproject", {
      summary: "Change a migration project: the members sent",
      roles: ["operator", "admin"],
      param: MigprojectId,
      json: MigProject,
      example: { description: "the first wave", speed_limit: 100 },
      reply: strictObject({}),
    }),
    async (c) => {
      // The one member of which null means a value, and not that it is absent.
      const isNull = parseObject(c.var.json_text)?.enterprise_project === null;
      const body = { ...c.req.valid("json"), ...(isNull && { enterprise_project: "default" }) };
      await c.env.services.migprojects.updateMigproject(c.var.principal, c.req.param("mig_project_id"), body);
      return c.json({});
    },
  )
  .delete(
    "/v3/migprojects/:mig_project_id",
    operation("deleteMigproject", {
      summary: "Delete a migration project that is not the default one and holds no sources",
      roles: ["operator", "admin"],
      param: MigprojectId,
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.migprojects.deleteMigproject(c.var.principal, c.req.param("mig_project_id"));
      return c.json({});
    },
  )
  .put(
    "/v3/migprojects/:mig_project_id/default",
    operation("updateDefaultMigproject", {
      summary: "Make a migration project the default one: new sources join it",
      roles: ["operator", "admin"],
      param: MigprojectId,
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.migprojects.updateDefaultMigproject(c.var.principal, c.req.param("mig_project_id"));
      return c.json({});
    },
  );
