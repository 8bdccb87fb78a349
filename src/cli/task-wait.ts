import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { parseObject } from "../core/json-object.ts";
import { type TaskState, taskStates } from "../core/words.ts";
import { oneOf, wholeNumber } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { currentSubtask, findTask } from "./tasks.ts";
import { answer, jsonFlag, verb } from "./verb.ts";

const LOOK_EVERY_MS = 1000;
const BAR = 30;

type Shown = InferResponseType<Client["v3"]["tasks"][":task_id"]["$get"]>;

const done: readonly TaskState[] = ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"];
/** Where a task stays until somebody starts it again. */
const ends: readonly TaskState[] = [...done, "MIGRATE_FAIL", "SYNC_FAIL", "ABORT"];

export const wait = verb(
  { name: "wait", description: "Wait until a task reaches a state, or stops without; shows its progress meanwhile" },
  {
    ...jsonFlag,
    task: { type: "positional", required: true, description: "Id of the task, or id or name of its source" },
    for: {
      type: "string",
      description: `State to wait for: ${taskStates.join(", ")}; default: what a task ends well in`,
      words: taskStates,
    },
    timeout: { type: "string", description: "Give up after this many seconds", default: "86400" },
  },
  async ({ args, client, output }) => {
    const wanted = args.for === undefined ? done : [oneOf("--for", args.for, taskStates)];
    const timeoutS = wholeNumber("--timeout", args.timeout, 0, 31_536_000) ?? 0;
    const until = Date.now() + timeoutS * 1000;
    const task_id = await findTask(client(), args.task);
    let said = "";
    for (;;) {
      const task = await answer(client().v3.tasks[":task_id"].$get({ param: { task_id } }));
      const isOver = Date.now() >= until;
      const isThere = wanted.includes(task.state);
      const stays = ends.includes(task.state);
      if (isThere || stays || isOver) output.show("");
      if (said !== task.state) {
        output.show("");
        output.tell(`task ${task_id} is ${task.state}`);
        said = task.state;
      }
      if (args.json && (isThere || stays || isOver)) output.print(JSON.stringify(task, null, 2));
      if (isThere) return;
      if (stays)
        throw new CliFailure("failed", `task ${args.task} is ${task.state}${why(task)}, not ${wanted.join(" or ")}`);
      if (isOver) throw new CliFailure("timedOut", `task ${args.task} is still ${task.state} after ${timeoutS} s`);
      output.show(bar(task));
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  },
);

function why({ error_json }: Shown): string {
  const { error_code, error_msg } = parseObject(error_json ?? "") ?? {};
  return error_code === undefined ? "" : ` (${error_code}: ${error_msg})`;
}

/** What the agent is at, as a line. */
function bar(task: Shown): string {
  const current = currentSubtask(task);
  if (!current) return `${task.state}  waiting for the agent's progress`;
  const { name, progress = 0 } = current;
  const filled = Math.round((progress / 100) * BAR);
  const speed = task.migrate_speed === undefined ? "" : `  ${task.migrate_speed} Mbit/s`;
  const left = task.remain_seconds === undefined ? "" : `  ${duration(task.remain_seconds)} left`;
  return `${task.state}  [${"#".repeat(filled)}${"-".repeat(BAR - filled)}] ${String(progress).padStart(3)} %  ${name}${speed}${left}`;
}

function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
