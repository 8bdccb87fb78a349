import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId, strictObject } from "../http/wire.ts";
import {
  ConfigurationRequestBody,
  PutTaskReq,
  ShowConfigSettingQuery,
  ShowConfigSettingResponse,
  ShowsSpeedLimitsResponse,
  SpeedLimit,
  UpdateTaskResponse,
} from "./schema.ts";
import type { Tasks } from "./service.ts";
import { ListTasksQuery, ListTasksResponse, ShowTaskResponse } from "./shown-schema.ts";

const TaskId = v.object({ task_id: objectId() });

export const tasksSms = new Hono<Env<{ tasks: Tasks }>>()
  .get(
    "/v3/tasks",
    operation("listTasks", {
      summary: "Migration tasks of the account, oldest first",
      roles: ["viewer", "operator", "admin"],
      query: ListTasksQuery,
      reply: ListTasksResponse,
    }),
    async (c) => c.json(await c.env.services.tasks.listTasks(c.var.principal, c.req.valid("query"))),
  )
  .get(
    "/v3/tasks/:task_id",
    operation("showTask", {
      summary: "A migration task with its target, its progress and its source",
      roles: ["viewer", "agent", "operator", "admin"],
      param: TaskId,
      reply: ShowTaskResponse,
    }),
    async (c) => c.json(await c.env.services.tasks.showTask(c.var.principal, c.req.param("task_id"))),
  )
  .put(
    "/v3/tasks/:task_id",
    operation("updateTask", {
      summary: "Change a migration task; what is absent stays",
      roles: ["operator", "admin"],
      param: TaskId,
      json: PutTaskReq,
      example: { speed_limit: 100, target_server: { vm_id: "<id of a machine>" } },
      reply: UpdateTaskResponse,
    }),
    async (c) =>
      c.json(await c.env.services.tasks.updateTask(c.var.principal, c.req.param("task_id"), c.req.valid("json"))),
  )
  .get(
    "/v3/tasks/:task_id/speed-limit",
    operation("showsSpeedLimits", {
      summary: "A task's speed limits by time of day",
      roles: ["viewer", "agent", "operator", "admin"],
      param: TaskId,
      reply: ShowsSpeedLimitsResponse,
    }),
    async (c) => c.json(await c.env.services.tasks.showsSpeedLimits(c.var.principal, c.req.param("task_id"))),
  )
  .post(
    "/v3/tasks/:task_id/speed-limit",
    operation("updateSpeed", {
      summary: "Replace a task's speed limits",
      roles: ["operator", "admin"],
      param: TaskId,
      json: SpeedLimit,
      example: { speed_limit: [{ start: "08:00", end: "18:00", speed: 50 }] },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.tasks.updateSpeed(c.var.principal, c.req.param("task_id"), c.req.valid("json"));
      return c.json({});
    },
  )
  .get(
    "/v3/tasks/:task_id/configuration-setting",
    operation("showConfigSetting", {
      summary: "A task's settings, or those of one key",
      roles: ["viewer", "agent", "operator", "admin"],
      param: TaskId,
      query: ShowConfigSettingQuery,
      reply: ShowConfigSettingResponse,
    }),
    async (c) =>
      c.json(
        await c.env.services.tasks.showConfigSetting(c.var.principal, c.req.param("task_id"), c.req.valid("query")),
      ),
  )
  .post(
    "/v3/tasks/:task_id/configuration-setting",
    operation("uploadSpecialConfigurationSetting", {
      summary: "Replace a task's settings",
      roles: ["operator", "admin"],
      param: TaskId,
      json: ConfigurationRequestBody,
      example: { configurations: [{ config_key: "LINUX_CPU_LIMIT", config_value: "50" }] },
      reply: strictObject({}),
    }),
    async (c) => {
      const { tasks } = c.env.services;
      await tasks.uploadSpecialConfigurationSetting(c.var.principal, c.req.param("task_id"), c.req.valid("json"));
      return c.json({});
    },
  );
