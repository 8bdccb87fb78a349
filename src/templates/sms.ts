import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId, strictObject } from "../http/wire.ts";
import {
  CreateTemplateReq,
  CreateTemplateResponse,
  DeletetemplatesReq,
  ListTemplatesQuery,
  ListTemplatesResponse,
  ShowTargetPasswordResponse,
  ShowTemplateResponse,
  UpdateTemplateReq,
} from "./schema.ts";
import type { Templates } from "./service.ts";

const TemplateId = v.object({ id: objectId() });

export const templatesSms = new Hono<Env<{ templates: Templates }>>()
  .post(
    "/v3/vm/templates",
    operation("createTemplate", {
      summary: "Make a template of target machines",
      roles: ["operator", "admin"],
      json: CreateTemplateReq,
      example: {
        template: {
          name: "small",
          is_template: true,
          region: "region-1",
          projectid: "<id of a project>",
          availability_zone: "region-1a",
          volumetype: "SAS",
          flavor: "s3.medium.2",
          nics: [{ id: "autoCreate", name: "autoCreate" }],
          disk: [{ index: 0, name: "Disk 0", disktype: "SAS", size: 40, device_use: "OS" }],
        },
      },
      reply: CreateTemplateResponse,
    }),
    async (c) => c.json(await c.env.services.templates.createTemplate(c.var.principal, c.req.valid("json").template)),
  )
  .get(
    "/v3/vm/templates",
    operation("listTemplates", {
      summary: "Templates of the account, oldest first",
      roles: ["viewer", "operator", "admin"],
      query: ListTemplatesQuery,
      reply: ListTemplatesResponse,
    }),
    async (c) => c.json(await c.env.services.templates.listTemplates(c.var.principal, c.req.valid("query"))),
  )
  .post(
    "/v3/vm/templates/delete",
    operation("deleteTemplates", {
      summary: "Delete templates: all of those named, or none if one is unknown",
      roles: ["operator", "admin"],
      json: DeletetemplatesReq,
      example: { ids: ["<id of a template>"] },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.templates.deleteTemplates(c.var.principal, c.req.valid("json").ids);
      return c.json({});
    },
  )
  .get(
    "/v3/vm/templates/:id",
    operation("showTemplate", {
      summary: "A template, without its password",
      roles: ["viewer", "operator", "admin"],
      param: TemplateId,
      reply: ShowTemplateResponse,
    }),
    async (c) => c.json(await c.env.services.templates.showTemplate(c.var.principal, c.req.param("id"))),
  )
  .put(
    "/v3/vm/templates/:id",
    operation("updateTemplate", {
      summary: "Change a template: the members sent, each as a whole",
      roles: ["operator", "admin"],
      param: TemplateId,
      json: UpdateTemplateReq,
      example: { template: { name: "small", flavor: "s3.large.2" } },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.templates.updateTemplate(c.var.principal, c.req.param("id"), c.req.valid("json").template);
      return c.json({});
    },
  )
  .delete(
    "/v3/vm/templates/:id",
    operation("deleteTemplate", {
      summary: "Delete a template",
      roles: ["operator", "admin"],
      param: TemplateId,
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.templates.deleteTemplates(c.var.principal, [c.req.param("id")]);
      return c.json({});
    },
  )
  .get(
    "/v3/vm/templates/:id/target-password",
    operation("showTargetPassword", {
      summary: "The password that a template's machines are to get",
      roles: ["operator", "admin"],
      param: TemplateId,
      reply: ShowTargetPasswordResponse,
    }),
    async (c) => c.json(await c.env.services.templates.showTargetPassword(c.var.principal, c.req.param("id"))),
  );
