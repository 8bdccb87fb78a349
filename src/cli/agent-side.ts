import { parseObject } from "../core/json-object.ts";
import { commandNames, reportResults } from "../core/words.ts";
import { findSource, oneOf, readValue, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { successful, verb } from "./verb.ts";

/* The calls an agent makes, by hand or from its hooks. */

export const poll = verb(
  { name: "poll", description: "Ask for a source's command, as its agent does" },
  {
    source: { type: "positional", required: true, description: "Id or name of the source" },
    wait: { type: "string", description: "Wait up to this many seconds for a command (0 to 55)" },
  },
  async ({ args, client, output }) => {
    const wait = wholeNumber("--wait", args.wait, 0, 55);
    const server_id = await findSource(client(), args.source);
    const query = wait === undefined ? {} : { wait: String(wait) };
    const response = await successful(client().v3.sources[":server_id"].command.$get({ param: { server_id }, query }));
    const id = response.headers.get("x-command-id");
    output.print(JSON.stringify(await response.json()));
    output.tell(id === null ? "nothing to do" : `command ${id}, delivery ${response.headers.get("x-command-attempt")}`);
  },
);

export const report = verb(
  { name: "report", description: "Report how a command went, as the source's agent does" },
  {
    source: { type: "positional", required: true, description: "Id or name of the source" },
    command: { type: "positional", required: true, description: commandNames.join(", "), words: commandNames },
    result: { type: "positional", required: true, description: "success or fail", words: reportResults },
    detail: {
      type: "string",
      description: "result_detail: a JSON object, @FILE or - for standard input",
      default: "{}",
    },
    "command-id": {
      type: "string",
      description: "The command it is for; default: the oldest delivered one of that name",
    },
  },
  async ({ args, client, output }) => {
    const command_name = oneOf("COMMAND", args.command.toUpperCase(), commandNames);
    const result = oneOf("RESULT", args.result, reportResults);
    const detail = readValue(args.detail).trim();
    if (!parseObject(detail)) {
      throw new CliFailure("usage", `--detail takes a JSON object, for example '{"pid":4117}'`);
    }
    const server_id = await findSource(client(), args.source);
    const id = args["command-id"];
    // As text: a detail's numbers travel as they were written.
    const body = `{"command_name":"${command_name}","result":"${result}","result_detail":${detail}}`;
    const headers = { "content-type": "application/json", ...(id !== undefined && { "x-command-id": id }) };
    const route = client().v3.sources[":server_id"].command_result;
    const unchecked = { command_name, result, result_detail: {} };
    await successful(route.$post({ param: { server_id }, json: unchecked }, { headers, init: { body } }));
    output.tell(
      `reported ${command_name} ${result}; what it ended: ferry result list --source ${args.source} --limit 1`,
    );
  },
);

export const progress = verb(
  { name: "progress", description: "Tell how far a task's subtask is, as the source's agent does" },
  {
    task: { type: "positional", required: true, description: "Id of the task: FERRY_TASK_ID in a hook" },
    subtask: {
      type: "positional",
      required: true,
      description: "SSL_CONFIG, MIGRATE_LINUX_FILE, SYNC_LINUX_FILE, ...",
    },
    percent: { type: "positional", required: true, description: "0 to 100" },
    copied: { type: "string", description: "Bytes copied", default: "0" },
    total: { type: "string", description: "Bytes to copy", default: "0" },
    speed: { type: "string", description: "Mbit/s" },
    left: { type: "string", description: "Seconds it will take still" },
    trace: { type: "string", description: "What it is at, in words" },
  },
  async ({ args, client }) => {
    const count = (flag: string, text: string | undefined) => wholeNumber(flag, text, 0, Number.MAX_SAFE_INTEGER);
    const migrate_speed = count("--speed", args.speed);
    const remain_time = count("--left", args.left);
    const json = {
      // The service knows the list.
      subtask_name: args.subtask as "SSL_CONFIG",
      progress: wholeNumber("PERCENT", args.percent, 0, 100) ?? 0,
      replicatesize: count("--copied", args.copied) ?? 0,
      totalsize: count("--total", args.total) ?? 0,
      process_trace: args.trace ?? "",
      ...(migrate_speed !== undefined && { migrate_speed }),
      ...(remain_time !== undefined && { remain_time }),
    };
    await successful(client().v3.tasks[":task_id"].progress.$put({ param: { task_id: args.task }, json }));
  },
);
