import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId } from "../http/wire.ts";
import type { Findings } from "./findings.ts";
import { ListErrorServersQuery, ListErrorServersResponse, UpdateNetworkCheckInfoResponse } from "./findings-schema.ts";
import { NetworkCheckInfo } from "./schema.ts";

export const findingsSms = new Hono<Env<{ findings: Findings }>>()
  .post(
    "/v3/:task_id/update-network-check-info",
    operation("updateNetworkCheckInfo", {
      summary: "How an agent found the network between source and target",
      description: "Replaces what was found before. Delays in milliseconds, speed in Mbit/s, the rest in percent.",
      roles: ["agent", "operator", "admin"],
      param: v.object({ task_id: objectId() }),
      json: NetworkCheckInfo,
      example: {
        network_delay: 20.5,
        network_jitter: 2,
        migration_speed: 100,
        loss_percentage: 0,
        cpu_usage: 20,
        mem_usage: 30,
        evaluation_result: "excellent",
      },
      reply: UpdateNetworkCheckInfoResponse,
    }),
    async (c) =>
      c.json(
        await c.env.services.findings.updateNetworkCheckInfo(
          c.var.principal,
          c.req.param("task_id"),
          c.req.valid("json"),
        ),
      ),
  )
  .get(
    "/v3/errors",
    operation("listErrorServers", {
      summary: "Sources whose task has an error, oldest task first",
      roles: ["viewer", "operator", "admin"],
      query: ListErrorServersQuery,
      reply: ListErrorServersResponse,
    }),
    async (c) => c.json(await c.env.services.findings.listErrorServers(c.var.principal, c.req.valid("query"))),
  );
