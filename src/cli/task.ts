import type { Client } from "../client/client.ts";
import { migrationTypes, type TaskAction, taskActions, taskStates } from "../core/words.ts";
import { dataOf, findSource, oneOf, wholeNumber } from "./arguments.ts";
import { printList } from "./list.ts";
import { formatTime } from "./output.ts";
import { everyPage, TASKS_PER_PAGE } from "./pages.ts";
import { wait } from "./task-wait.ts";
import { findTask, progressOf } from "./tasks.ts";
import { answer, group, jsonFlag, successful, type VerbArgs, verb } from "./verb.ts";

const taskArg = {
  task: { type: "positional", required: true, description: "Id of the task, or id or name of its source" },
} as const satisfies VerbArgs;

const list = verb(
  { name: "list", description: "Migration tasks, oldest first" },
  {
    ...jsonFlag,
    source: { type: "string", description: "Only that of this source: id or name" },
    name: { type: "string", description: "Part of the name" },
    state: { type: "string", description: `Only this state: ${taskStates.join(", ")}`, words: taskStates },
    limit: { type: "string", description: "At most this many", default: "200" },
  },
  async (context) => {
    const { source, name, state, limit } = context.args;
    const client = context.client();
    const most = wholeNumber("--limit", limit, 1, 65_535) ?? TASKS_PER_PAGE;
    const filter = {
      ...(source !== undefined && { source_server_id: await findSource(client, source) }),
      ...(name !== undefined && { name }),
      ...(state !== undefined && { state: oneOf("--state", state, taskStates) }),
    };
    const found = await everyPage(TASKS_PER_PAGE, most, async (page) => {
      const { count, tasks } = await answer(client.v3.tasks.$get({ query: { ...filter, ...page } }));
      return { count, items: tasks };
    });
    printList(context, found, {
      id: (task) => task.id,
      name: (task) => task.name,
      source: (task) => (context.output.isTerminal ? task.source_server?.name : task.source_server?.id),
      state: (task) => task.state,
      source_state: (task) => task.source_server?.state,
      progress: progressOf,
      created: (task) => formatTime(task.create_date),
    });
  },
);

const show = verb(
  { name: "show", description: "One migration task with its subtasks" },
  taskArg,
  async ({ args, client, output }) => {
    const task_id = await findTask(client(), args.task);
    const task = await answer(client().v3.tasks[":task_id"].$get({ param: { task_id } }));
    output.print(JSON.stringify(task, null, 2));
  },
);

const create = verb(
  { name: "create", description: "Make the migration task of a source server" },
  {
    ...jsonFlag,
    source: { type: "positional", required: true, description: "Id or name of the source" },
    name: { type: "string", description: "Its name", default: "MigrationTask" },
    type: {
      type: "string",
      description: migrationTypes.join(" or "),
      words: migrationTypes,
      default: migrationTypes[0],
    },
    region: { type: "string", description: "Region of the target", default: "region-1" },
    "vm-id": { type: "string", description: "The target machine, where there is one" },
    "auto-start": { type: "boolean", description: "Starts when the agent takes it" },
    data: { type: "string", alias: "d", description: "More members of the task: JSON, @FILE or - for standard input" },
  },
  async ({ args, client, output }) => {
    const source_id = await findSource(client(), args.source);
    const vm_id = args["vm-id"];
    const json = {
      name: args.name,
      type: oneOf("--type", args.type.toUpperCase(), migrationTypes),
      source_server: { id: source_id },
      target_server: vm_id === undefined ? {} : { vm_id, name: vm_id },
      region_name: args.region,
      region_id: args.region,
      project_name: args.region,
      project_id: args.region,
      ...(args["auto-start"] && { auto_start: true }),
      ...dataOf(args.data),
    };
    const { id } = await answer(client().v3.tasks.$post({ json }));
    output.print(args.json ? JSON.stringify({ id }, null, 2) : id);
    output.tell(
      args["auto-start"]
        ? `it starts when the agent of ${args.source} takes it; next: ferry task wait ${id}`
        : `next: ferry task start ${id}`,
    );
  },
);

/** Does an action and says what it came to. */
async function act(client: Client, named: string, operation: TaskAction, tell: (text: string) => void): Promise<void> {
  const task_id = await findTask(client, named);
  await successful(client.v3.tasks[":task_id"].action.$post({ param: { task_id }, json: { operation } }));
  const task = await answer(client.v3.tasks[":task_id"].$get({ param: { task_id } }));
  tell(`${operation}: task ${task_id} is ${task.state}, its source ${task.source_server?.state}`);
}

const actionVerb = (operation: TaskAction, description: string) =>
  verb({ name: operation, description }, taskArg, ({ args, client, output }) =>
    act(client(), args.task, operation, output.tell),
  );

const action = verb(
  { name: "action", description: "Any action of a migration task" },
  {
    ...taskArg,
    operation: { type: "positional", required: true, description: taskActions.join(", "), words: taskActions },
  },
  ({ args, client, output }) => act(client(), args.task, oneOf("OPERATION", args.operation, taskActions), output.tell),
);

const log = verb(
  { name: "log", description: "Have the agent upload its logs to a bucket" },
  { ...taskArg, bucket: { type: "string", required: true, description: "The bucket" } },
  async ({ args, client, output }) => {
    const task_id = await findTask(client(), args.task);
    const json = { log_bucket: args.bucket };
    await successful(client().v3.tasks[":task_id"].log.$post({ param: { task_id }, json }));
    output.tell(`UPLOAD_LOG is queued; ferry task show ${task_id} has log_collect_status`);
  },
);

const goBack = verb(
  {
    name: "return",
    description: "Bring a task back from a state that nobody ends: cutovering, cloning, clearing, ...",
  },
  taskArg,
  async ({ args, client, output }) => {
    const task_id = await findTask(client(), args.task);
    const { state } = await answer(client().operate.v1.tasks[":task_id"].return.$post({ param: { task_id } }));
    output.tell(`task ${task_id} is ${state}`);
  },
);

const remove = verb(
  { name: "delete", description: "Delete a migration task, unless its agent is there and at work" },
  taskArg,
  async ({ args, client, output }) => {
    const task_id = await findTask(client(), args.task);
    await successful(client().v3.tasks[":task_id"].$delete({ param: { task_id } }));
    output.tell(`deleted task ${task_id}`);
  },
);

export const task = group("task", "Migration tasks", {
  list,
  show,
  create,
  start: actionVerb("start", "Start it, or synchronise what is copied"),
  stop: actionVerb("stop", "Pause it"),
  restart: actionVerb("restart", "Start it anew after a stop or a failure"),
  cutover: actionVerb("cutover", "Start the target machine of what is copied"),
  action,
  wait,
  log,
  return: goBack,
  delete: remove,
});
