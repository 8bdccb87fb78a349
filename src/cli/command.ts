import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { commandNames, commandStates } from "../core/words.ts";
import { findSource, moment, oneOf, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { allPages, historyArgs, historyQuery, printList } from "./list.ts";
import { formatTime, type Output, parseExact, visible } from "./output.ts";
import { answer, group, jsonFlag, successful, verb } from "./verb.ts";

const LOOK_EVERY_MS = 500;

type Shown = InferResponseType<Client["operate"]["v1"]["commands"][":id"]["$get"]>;

const send = verb(
  { name: "send", description: "Queue a command for a source server" },
  {
    ...jsonFlag,
    source: { type: "positional", required: true, description: "Id or name of the source" },
    command: { type: "positional", required: true, description: commandNames.join(", "), words: commandNames },
    "task-id": { type: "string", description: "Task the command is for" },
    bucket: { type: "string", description: "Where UPLOAD_LOG uploads to" },
    "deliver-by": { type: "string", description: "End it if no poll has fetched it by then: a date or milliseconds" },
    "finish-within": { type: "string", description: "End it if it is not reported this many seconds after delivery" },
    "idempotency-key": { type: "string", description: "Sending the same key again makes no second command" },
  },
  async ({ args, client, output }) => {
    const command_name = oneOf("COMMAND", args.command.toUpperCase(), commandNames);
    const task_id = args["task-id"];
    const { bucket } = args;
    const deliver_by = moment("--deliver-by", args["deliver-by"]);
    const finish_within_s = wholeNumber("--finish-within", args["finish-within"], 1, 31_536_000);
    const idempotency_key = args["idempotency-key"];
    const hasParam = task_id !== undefined || bucket !== undefined;
    const json = {
      command_name,
      ...(hasParam && {
        command_param: { ...(task_id !== undefined && { task_id }), ...(bucket !== undefined && { bucket }) },
      }),
      ...(deliver_by !== undefined && { deliver_by }),
      ...(finish_within_s !== undefined && { finish_within_s }),
      ...(idempotency_key !== undefined && { idempotency_key }),
    };
    const source_id = await findSource(client(), args.source);
    const made = await answer(client().operate.v1.sources[":source_id"].commands.$post({ param: { source_id }, json }));
    output.print(args.json ? JSON.stringify(made, null, 2) : made.id);
    output.tell(`${command_name} is ${made.state} for ${args.source}; next: ferry command wait ${made.id}`);
  },
);

const list = verb(
  { name: "list", description: "Commands, newest first" },
  {
    ...jsonFlag,
    ...historyArgs,
    state: { type: "string", description: `Only this state: ${commandStates.join(", ")}`, words: commandStates },
  },
  async (context) => {
    const { args, client } = context;
    const { most, query: common } = await historyQuery(client(), args);
    const query = {
      ...common,
      ...(args.state !== undefined && { state: oneOf("--state", args.state, commandStates) }),
    };
    const found = await allPages(
      (cursor) =>
        answer(client().operate.v1.commands.$get({ query: { ...query, ...(cursor !== undefined && { cursor }) } })),
      most,
    );
    printList(context, found, {
      id: (item) => item.id,
      // A person reads names, a script needs what is unique.
      source: (item) => (context.output.isTerminal ? item.source_name : item.source_id),
      command: (item) => item.command_name,
      state: (item) => item.state,
      offers: (item) => item.attempts,
      queued: (item) => formatTime(item.created_at),
      ended: (item) => formatTime(item.ended_at),
    });
  },
);

const show = verb(
  { name: "show", description: "One command: its life and the reports on it" },
  { ...jsonFlag, id: { type: "positional", required: true, description: "Id of the command; `last` is the newest" } },
  async ({ args, client, output }) => {
    const { text, command } = await fetchCommand(client(), args.id);
    printCommand(output, args.json, text, command);
  },
);

const cancel = verb(
  { name: "cancel", description: "End a command that has not ended yet" },
  { ...jsonFlag, id: { type: "positional", required: true, description: "Id of the command; `last` is the newest" } },
  async ({ args, client, output }) => {
    const id = await commandId(client(), args.id);
    const ended = await answer(client().operate.v1.commands[":id"].cancel.$post({ param: { id } }));
    if (args.json) output.print(JSON.stringify(ended, null, 2));
    output.tell(
      `${ended.command_name} ${ended.id} is cancelled; what an agent has begun goes on until it ends or a STOP comes`,
    );
  },
);

const wait = verb(
  { name: "wait", description: "Wait until a command reaches a state, or can no longer reach it" },
  {
    ...jsonFlag,
    id: { type: "positional", required: true, description: "Id of the command; `last` is the newest" },
    for: {
      type: "string",
      description: `State to wait for: ${commandStates.join(", ")}`,
      words: commandStates,
      default: "succeeded",
    },
    timeout: { type: "string", description: "Give up after this many seconds", default: "3600" },
  },
  async ({ args, client, output }) => {
    const wanted = oneOf("--for", args.for, commandStates);
    const timeoutS = wholeNumber("--timeout", args.timeout, 0, 31_536_000) ?? 0;
    const until = Date.now() + timeoutS * 1000;
    for (;;) {
      const { text, command } = await fetchCommand(client(), args.id);
      const isThere = command.state === wanted || (wanted === "delivered" && command.first_delivered_at !== null);
      const isOver = Date.now() >= until;
      if (isThere) {
        printCommand(output, args.json, text, command);
        return;
      }
      // What was waited for did not come: who asked for JSON gets it all the same, a person is told.
      const told = args.json ? output : { ...output, print: output.tell };
      if (command.ended_at !== null || isOver) printCommand(told, args.json, text, command);
      if (command.ended_at !== null) {
        throw new CliFailure("failed", `command ${args.id} ended as ${command.state}, not ${wanted}`);
      }
      if (isOver) throw new CliFailure("timedOut", `command ${args.id} is still ${command.state} after ${timeoutS} s`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  },
);

async function fetchCommand(client: Client, id: string): Promise<{ text: string; command: Shown }> {
  const found = await commandId(client, id);
  const text = await (await successful(client.operate.v1.commands[":id"].$get({ param: { id: found } }))).text();
  // Exact for the details an agent sent; ferry's own numbers are safe as they are.
  const { reports } = parseExact(text) as Pick<Shown, "reports">;
  const command = JSON.parse(text) as Shown;
  const exactReports = command.reports.map((report, index) => ({
    ...report,
    result_detail: reports[index]?.result_detail ?? {},
  }));
  return { text, command: { ...command, reports: exactReports } };
}

/** A command named by its id, or as `last`, the newest one. */
async function commandId(client: Client, name: string): Promise<string> {
  if (name !== "last") return encodeURIComponent(name);
  const { items } = await answer(client.operate.v1.commands.$get({ query: { limit: "1" } }));
  const [newest] = items;
  if (!newest) throw new CliFailure("notFound", "there is no command yet");
  return newest.id;
}

function printCommand(output: Output, json: boolean | undefined, text: string, command: Shown): void {
  if (json) output.print(JSON.stringify(parseExact(text), null, 2));
  else printLife(output, command);
}

function printLife(output: Output, command: Shown): void {
  const steps = [
    "queued",
    ...(command.first_delivered_at === null ? [] : ["delivered"]),
    ...(command.ended_at === null ? [] : [command.state]),
  ];
  output.print(`${command.command_name}  ${command.id}  ${steps.join(" -> ")}`);
  output.print(`  source     ${visible(command.source_name)}  ${command.source_id}`);
  output.print(`  queued     ${formatTime(command.created_at)}`);
  if (command.first_delivered_at !== null) {
    const again =
      command.attempts > 1 ? `, offered ${command.attempts} times, last ${formatTime(command.last_delivered_at)}` : "";
    output.print(`  delivered  ${formatTime(command.first_delivered_at)}${again}`);
  }
  if (command.ended_at !== null) {
    output.print(
      `  ${command.state.padEnd(9)}  ${formatTime(command.ended_at)}${command.reason === null ? "" : `  (${command.reason})`}`,
    );
  }
  for (const report of command.reports) {
    output.print(
      `  report     ${formatTime(report.received_at)}  ${report.kind}  ${report.result}  ${JSON.stringify(report.result_detail)}`,
    );
  }
}

export const command = group("command", "Commands for source servers", { send, list, show, cancel, wait });
