import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { streamed } from "../http/stream.ts";
import { objectId } from "../http/wire.ts";
import type { CommandHistory } from "./history.ts";
import type { Orders } from "./orders.ts";
import { commandWithReportsJson, exactJson, resultPageJson } from "./replies.ts";
import {
  Command,
  CommandPage,
  CommandWithReports,
  ListCommandsQuery,
  ListResultsQuery,
  QueueCommandBody,
  ResultPage,
  ShowTrafficResponse,
} from "./schema.ts";
import type { Traffic } from "./traffic.ts";

const NDJSON = "application/x-ndjson";
const CommandId = v.object({ id: objectId() });

export const commandsOperate = new Hono<Env<{ orders: Orders; history: CommandHistory; traffic: Traffic }>>()
  .post(
    "/operate/v1/sources/:source_id/commands",
    operation("queueCommand", {
      summary: "Queue a command for a source server",
      description:
        "A control command (START, STOP, SYNC, DELETE, SKIP, PREMIGRATE) supersedes an older open one of the same task; log commands run beside them.",
      roles: ["operator", "admin"],
      param: v.object({ source_id: objectId() }),
      json: QueueCommandBody,
      example: { command_name: "START" },
      reply: Command,
      status: 201,
      otherStatus: { 200: "The command an earlier order with this idempotency key made" },
    }),
    async (c) => {
      const order = c.req.valid("json");
      const { command, isNew } = await c.env.services.orders.queueCommand(
        c.var.principal,
        c.req.param("source_id"),
        order,
      );
      return c.json(command, isNew ? 201 : 200);
    },
  )
  .get(
    "/operate/v1/commands",
    operation("listCommands", {
      summary: "Commands of the account's sources, deleted sources included",
      roles: ["viewer", "operator", "admin"],
      query: ListCommandsQuery,
      reply: CommandPage,
    }),
    async (c) => c.json(await c.env.services.history.listCommands(c.var.principal, c.req.valid("query"))),
  )
  .get(
    "/operate/v1/commands/:id",
    operation("findCommand", {
      summary: "A command with its deliveries and the reports on it",
      roles: ["viewer", "operator", "admin"],
      param: CommandId,
      reply: CommandWithReports,
    }),
    async (c) => {
      const { command, reports } = await c.env.services.history.findCommand(c.var.principal, c.req.param("id"));
      return exactJson<CommandWithReports>(c, commandWithReportsJson(command, reports));
    },
  )
  .post(
    "/operate/v1/commands/:id/cancel",
    operation("cancelCommand", {
      summary: "End a command that has not ended yet",
      description: "An agent that was offered it may still carry it out; its report is stored as late.",
      roles: ["operator", "admin"],
      param: CommandId,
      reply: Command,
    }),
    async (c) => c.json(await c.env.services.orders.cancelCommand(c.var.principal, c.req.param("id"))),
  )
  .get(
    "/operate/v1/results",
    operation("listResults", {
      summary: "Reports as the agents sent them",
      description: `With Accept: ${NDJSON} all that match, one JSON object a line, whatever the limit.`,
      roles: ["viewer", "operator", "admin"],
      query: ListResultsQuery,
      reply: ResultPage,
      replyTypes: ["application/json", NDJSON],
    }),
    async (c) => {
      const query = c.req.valid("query");
      if (!c.req.header("Accept")?.includes(NDJSON)) {
        return exactJson<v.InferOutput<typeof ResultPage>>(
          c,
          resultPageJson(await c.env.services.history.listResults(c.var.principal, query)),
        );
      }
      return streamed(c, NDJSON, await c.env.services.history.streamResults(c.var.principal, query));
    },
  )
  .get(
    "/operate/v1/traffic",
    operation("showTraffic", {
      summary: "Polls and reports that were answered, by the minute",
      description:
        "The last 60 minutes at most, counted in the memory of the process that answers: of several processes each knows its own, and on an edge runtime, which keeps nothing between requests, there is the current minute only.",
      roles: ["viewer", "operator", "admin"],
      reply: ShowTrafficResponse,
    }),
    (c) => c.json(c.env.services.traffic.showTraffic(c.var.principal)),
  );
