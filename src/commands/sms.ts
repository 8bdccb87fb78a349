import { Hono } from "hono";
import * as v from "valibot";
import type { Caller } from "../auth/authenticate.ts";
import type { Principal } from "../auth/principal.ts";
import { memberText } from "../core/exact-json.ts";
import { type Env, operation } from "../http/operation.ts";
import { strictObject, text } from "../http/wire.ts";
import type { Offer } from "./replies.ts";
import { CommandBody, ShowCommandQuery, ShowCommandResponse } from "./schema.ts";
import type { Commands } from "./service.ts";

/** The two command operations name the source server_id and take longer ids than the others. */
const ServerId = v.object({ server_id: text(1, 255) });

export const showCommand = operation("showCommand", {
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
});

export const updateCommandResult = operation("updateCommandResult", {
  summary: "An agent's report: how a command went",
  description:
    "Every report is stored. With X-Command-Id, signed or beside a token, it is for that command only; else for the oldest delivered one of that name.",
  roles: ["agent", "operator", "admin"],
  param: ServerId,
  json: CommandBody,
  example: { command_name: "START", result: "success", result_detail: { pid: 4117 } },
  headers: {
    "X-Command-Id": "The one command the report is for; honoured only if the signature covers it, or beside a token",
  },
  reply: strictObject({}),
});

export type CommandsEnv = Env<{ commands: Commands; max_wait_s: number }>;

export const commandsSms = new Hono<CommandsEnv>()
  .get("/v3/sources/:server_id/command", showCommand, async (c) => {
    const { wait } = c.req.valid("query");
    const { reply, command } = await offerCommand(c.req.raw, c.env, c.get("principal"), c.req.param("server_id"), wait);
    return c.json(reply, 200, command && commandHeaders(command));
  })
  .post("/v3/sources/:server_id/command_result", updateCommandResult, async (c) => {
    const caller = { principal: c.get("principal"), vouchesFor: c.get("vouchesFor") };
    await storeReport(c.req.raw, c.env, caller, c.req.param("server_id"), c.req.valid("json"), c.get("json_text"));
    return c.json({});
  });

/** What a poll gets. */
export function offerCommand(
  request: Request,
  { services, told }: CommandsEnv["Bindings"],
  principal: Principal,
  server_id: string,
  wait = 0,
): Offer | Promise<Offer> {
  const waitS = Math.min(wait, services.max_wait_s);
  if (waitS > 0) told.keepOpen?.(waitS);
  return services.commands.showCommand(principal, server_id, waitS * 1000, request);
}

/** Stores what a report says. */
export async function storeReport(
  request: Request,
  { services }: CommandsEnv["Bindings"],
  { principal, vouchesFor }: Caller,
  server_id: string,
  { command_name, result }: CommandBody,
  json_text: string,
): Promise<void> {
  const result_detail = memberText(json_text, "result_detail");
  if (result_detail === undefined) throw new Error("result_detail was checked and is not in the text");
  // Unsigned, anybody in between could turn the report to another command.
  const only_command_id = vouchesFor("x-command-id") ? request.headers.get("X-Command-Id") : null;
  const report = { command_name, result, result_detail, only_command_id };
  await services.commands.updateCommandResult(principal, server_id, report);
}

export function commandHeaders({ id, attempt }: NonNullable<Offer["command"]>): Record<string, string> {
  return { "X-Command-Id": id, "X-Command-Attempt": String(attempt) };
}
