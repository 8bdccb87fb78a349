import { Hono } from "hono";
import * as v from "valibot";
import { memberText } from "../core/exact-json.ts";
import { type Env, operation } from "../http/operation.ts";
import { strictObject, text } from "../http/wire.ts";
import { CommandBody, ShowCommandQuery, ShowCommandResponse } from "./schema.ts";
import type { Commands } from "./service.ts";

/** The two command operations name the source server_id and take longer ids than the others. */
const ServerId = v.object({ server_id: text(1, 255) });

export const commandsSms = new Hono<Env<{ commands: Commands; max_wait_s: number }>>()
  .get(
    "/v3/sources/:server_id/command",
    operation("showCommand", {
      summary: "An agent's poll: the command to carry out",
      description:
        "The same command is offered until it is reported or ends. Whoever calls this counts as the source's agent.",
      roles: ["agent", "operator", "admin"],
      param: ServerId,
      query: ShowCommandQuery,
      reply: ShowCommandResponse,
      replyHeaders: {
        "X-Command-Id": "Id of the command offered; absent from idle answers",
        "X-Command-Attempt": "1 at the first delivery; absent from idle answers",
      },
    }),
    async (c) => {
      const { commands, principal, max_wait_s } = c.var;
      const waitS = Math.min(c.req.valid("query").wait ?? 0, max_wait_s);
      if (waitS > 0) c.env?.keepOpen?.(waitS);
      const { reply, command } = await commands.showCommand(
        principal,
        c.req.param("server_id"),
        waitS * 1000,
        c.req.raw.signal,
      );
      if (command) {
        c.header("X-Command-Id", command.id);
        c.header("X-Command-Attempt", String(command.attempt));
      }
      return c.json(reply);
    },
  )
  .post(
    "/v3/sources/:server_id/command_result",
    operation("updateCommandResult", {
      summary: "An agent's report: how a command went",
      description:
        "Every report is stored. With X-Command-Id, signed or beside a token, it is for that command only; else for the oldest delivered one of that name.",
      roles: ["agent", "operator", "admin"],
      param: ServerId,
      json: CommandBody,
      example: { command_name: "START", result: "success", result_detail: { pid: 4117 } },
      headers: {
        "X-Command-Id":
          "The one command the report is for; honoured only if the signature covers it, or beside a token",
      },
      reply: strictObject({}),
    }),
    async (c) => {
      const { command_name, result } = c.req.valid("json");
      const { commands, principal, json_text, vouchesFor } = c.var;
      const result_detail = memberText(json_text, "result_detail");
      if (result_detail === undefined) throw new Error("result_detail was checked and is not in the text");
      // Unsigned, anybody in between could turn the report to another command.
      const only_command_id = vouchesFor("x-command-id") ? (c.req.header("X-Command-Id") ?? null) : null;
      await commands.updateCommandResult(principal, c.req.param("server_id"), {
        command_name,
        result,
        result_detail,
        only_command_id,
      });
      return c.json({});
    },
  );
