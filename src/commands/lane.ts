import { after } from "../core/after.ts";
import {
  type CommandsEnv,
  commandHeaders,
  offerCommand,
  showCommand,
  storeReport,
  updateCommandResult,
} from "./sms.ts";

/*
 * Polls and reports once more, as nearly all requests are one or the other, and the router, which the paths of the SMS
 * API make a slow one, would cost as much as the answer. Declarations and answers are those of the routes, and
 * test/commands/lane.test.ts holds both ways equal.
 */

/** Ids with nothing escaped; all others are the router's to read. */
const PATH = /^\/v3\/sources\/([0-9A-Za-z-]{1,255})\/command(_result)?$/;

type Bindings = CommandsEnv["Bindings"];

/** The reply to a poll or a report; undefined for what is not surely one of them. */
export function commandsLane(request: Request, env: Bindings): Response | Promise<Response> | undefined {
  const found = PATH.exec(env.target.path);
  if (found === null) return undefined;
  const [, server_id = "", isReport] = found;
  if (isReport !== undefined) return request.method === "POST" ? report(request, env, server_id) : undefined;
  return request.method === "GET" ? poll(request, env, server_id) : undefined;
}

function poll(request: Request, env: Bindings, server_id: string): Response | Promise<Response> {
  return after(showCommand.admit(request, env, { server_id }), ({ caller, query }) =>
    after(offerCommand(request, env, caller.principal, server_id, query.wait), ({ reply, command }) =>
      json(JSON.stringify(reply), command ? { ...JSON_TYPE, ...commandHeaders(command) } : JSON_TYPE),
    ),
  );
}

async function report(request: Request, env: Bindings, server_id: string): Promise<Response> {
  const { caller, json: body, json_text } = await updateCommandResult.admit(request, env, { server_id });
  await storeReport(request, env, caller, server_id, body, json_text);
  return json("{}", JSON_TYPE);
}

const JSON_TYPE = { "Content-Type": "application/json" };

function json(text: string, headers: Record<string, string>): Response {
  return new Response(text, { headers });
}
