import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId, strictObject } from "../http/wire.ts";
import { CreateTaskResponse, PostTask } from "../tasks/schema.ts";
import {
  actors,
  DeleteIds,
  PutCopyStateReq,
  UpdateTaskSpeedReq,
  UpdateTaskStatusReq,
  UploadLogRequestBody,
} from "./schema.ts";
import type { Actions } from "./service.ts";

const TaskId = v.object({ task_id: objectId() });
const SourceId = v.object({ source_id: objectId() });

export const actionsSms = new Hono<Env<{ actions: Actions }>>()
  .post(
    "/v3/tasks",
    operation("createTask", {
      summary: "Make the migration task of a source server",
      roles: actors,
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
    async (c) => c.json(await c.env.services.actions.tasks.createTask(c.var.principal, c.req.valid("json"))),
  )
  .post(
    "/v3/tasks/:task_id/action",
    operation("updateTaskStatus", {
      summary: "Start, stop, restart, drill or cut over a migration task",
      description:
        "What a task's state does not allow is refused; error_msg says what is allowed. start counts at once, whether the agent is there or not.",
      roles: actors,
      param: TaskId,
      json: UpdateTaskStatusReq,
      example: { operation: "start" },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.tasks.updateTaskStatus(c.var.principal, c.req.param("task_id"), c.req.valid("json"));
      return c.json({});
    },
  )
  .post(
    "/v3/tasks/:task_id/log",
    operation("collectLog", {
      summary: "Have the agent upload its logs to a bucket",
      description: "Queues UPLOAD_LOG; the task's log_collect_status tells how it went.",
      roles: actors,
      param: TaskId,
      json: UploadLogRequestBody,
      example: { log_bucket: "logs" },
      reply: strictObject({}),
    }),
    async (c) => {
      const { log_bucket } = c.req.valid("json");
      await c.env.services.actions.tasks.collectLog(c.var.principal, c.req.param("task_id"), log_bucket);
      return c.json({});
    },
  )
  .put(
    "/v3/tasks/:task_id/progress",
    operation("updateTaskSpeed", {
      summary: "An agent's progress: how far a subtask is",
      description: "Taken in any state; it moves none.",
      roles: ["agent", "operator", "admin"],
      param: TaskId,
      json: UpdateTaskSpeedReq,
      example: {
        subtask_name: "MIGRATE_LINUX_FILE",
        progress: 40,
        replicatesize: 4096,
        totalsize: 10240,
        process_trace: "",
      },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.progress.updateTaskSpeed(
        c.var.principal,
        c.req.param("task_id"),
        c.req.valid("json"),
      );
      return c.json({});
    },
  )
  .put(
    "/v3/sources/:source_id/changestate",
    operation("updateCopyState", {
      summary: "An agent says where its source stands",
      description: "copystate, migrationcycle or both. finished and error end what the source's task is at.",
      roles: ["agent", "operator", "admin"],
      param: SourceId,
      json: PutCopyStateReq,
      example: { copystate: "finished" },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.progress.updateCopyState(
        c.var.principal,
        c.req.param("source_id"),
        c.req.valid("json"),
      );
      return c.json({});
    },
  )
  .delete(
    "/v3/tasks/:task_id",
    operation("deleteTask", {
      summary: "Delete a migration task, unless its agent is there and at work",
      roles: actors,
      param: TaskId,
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.deletions.deleteTasks(c.var.principal, [c.req.param("task_id")]);
      return c.json({});
    },
  )
  .post(
    "/v3/tasks/delete",
    operation("deleteTasks", {
      summary: "Delete migration tasks, all or none",
      roles: actors,
      json: DeleteIds,
      example: { ids: ["<id of a task>"] },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.deletions.deleteTasks(c.var.principal, c.req.valid("json").ids);
      return c.json({});
    },
  )
  .delete(
    "/v3/sources/:source_id",
    operation("deleteServer", {
      summary: "Delete a source server and its task; open commands are cancelled, their history stays",
      roles: actors,
      param: SourceId,
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.deletions.deleteServers(c.var.principal, [c.req.param("source_id")]);
      return c.json({});
    },
  )
  .post(
    "/v3/sources/delete",
    operation("deleteServers", {
      summary: "Delete source servers, all or none",
      roles: actors,
      json: DeleteIds,
      example: { ids: ["<id of a source>"] },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.actions.deletions.deleteServers(c.var.principal, c.req.valid("json").ids);
      return c.json({});
    },
  );
