import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { streamed } from "../http/stream.ts";
import { objectId, strictObject } from "../http/wire.ts";
import type { Consistency } from "./consistency.ts";
import {
  BatchGetConsistencyResultReq,
  SetConsistencyResultRequestBody,
  ShowConsistencyResultResponse,
} from "./consistency-schema.ts";

const TaskId = v.object({ task_id: objectId() });
const CSV = "text/csv; charset=utf-8";
const DISPOSITION = 'attachment; filename="consistency-results.csv"';

export const consistencySms = new Hono<Env<{ consistency: Consistency }>>()
  .post(
    "/v3/tasks/:task_id/consistency-result",
    operation("updateConsistencyResult", {
      summary: "What an agent found when it compared source and target",
      roles: ["agent", "operator", "admin"],
      param: TaskId,
      json: SetConsistencyResultRequestBody,
      example: {
        consistency_result: [
          {
            dir_check: "/root/data",
            num_total_files: 1000,
            num_different_files: 1,
            num_target_miss_files: 0,
            num_target_more_files: 0,
          },
        ],
      },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.consistency.updateConsistencyResult(
        c.var.principal,
        c.req.param("task_id"),
        c.req.valid("json"),
      );
      return c.json({});
    },
  )
  .get(
    "/v3/tasks/:task_id/consistency-result",
    operation("showConsistencyResult", {
      summary: "Consistency results of a task, one entry for each upload, oldest first",
      description: "The newest 65535 uploads, or the newest 8 MiB of them.",
      roles: ["viewer", "operator", "admin"],
      param: TaskId,
      reply: ShowConsistencyResultResponse,
    }),
    async (c) =>
      c.json(await c.env.services.consistency.showConsistencyResult(c.var.principal, c.req.param("task_id"))),
  )
  .post(
    "/v3/tasks/consistency-results/export",
    operation("exportConsistencyResults", {
      summary: "Consistency results of many tasks as CSV, one row for each directory checked",
      description:
        "Columns: task_id, source_id, source_name, finished_time and the members of a result. One unknown id refuses the whole call. Text a spreadsheet would run as a formula has an apostrophe in front.",
      roles: ["operator", "admin"],
      json: BatchGetConsistencyResultReq,
      example: { task_info: [{ task_id: "<id of the task>" }] },
      reply: v.string(),
      replyTypes: [CSV],
      replyHeaders: { "Content-Disposition": DISPOSITION },
    }),
    async (c) => {
      const pieces = await c.env.services.consistency.exportConsistencyResults(c.var.principal, c.req.valid("json"));
      c.header("Content-Disposition", DISPOSITION);
      return streamed(c, CSV, pieces);
    },
  );
