import type { CommandName, TaskAction, TaskState } from "../src/core/words.ts";
import type { Role } from "./roles.ts";

/* What the operator of the demo does with a source that stands where it stands: tables, and nothing else. */

/** Where a source stands, as lists show it. */
export interface Standing {
  state: string;
  migration_cycle: string;
  task: { id: string; state: TaskState } | undefined;
}

export type Deed =
  | { do: "create" }
  | { do: "delete" }
  | { do: "action"; operation: TaskAction }
  /** What the target's side of a real service would say: a clone is there, a cutover is done. */
  | { do: "say"; copystate: "finished" | "cleared" | "clearfailed"; migrationcycle?: "cutovered" }
  | { do: "order"; command_name: CommandName; bucket?: string; deliverWithinS?: number; finishWithinS?: number };

export interface Habit {
  when: (standing: Standing) => boolean;
  /** Seconds after the source came to stand there: a time between these. */
  afterS: readonly [least: number, most: number];
  /** Of several, one after the other. */
  deeds: readonly Deed[];
}

const DONE: readonly TaskState[] = ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"];

const act = (operation: TaskAction): Deed => ({ do: "action", operation });
const taskIs =
  (...states: TaskState[]) =>
  ({ task }: Standing) =>
    task !== undefined && states.includes(task.state);
const sourceIs =
  (...states: string[]) =>
  ({ state }: Standing) =>
    states.includes(state);
const isFinished = ({ state, task }: Standing) =>
  state === "finished" && task !== undefined && DONE.includes(task.state);

/** What is done with every source, unless its part has something of its own. */
const common: readonly Habit[] = [
  { when: ({ task, state }) => !task && state === "waiting", afterS: [0.5, 3], deeds: [{ do: "create" }] },
  { when: taskIs("READY"), afterS: [0.5, 4], deeds: [act("start")] },
  { when: taskIs("ABORT"), afterS: [25, 60], deeds: [act("start")] },
  { when: taskIs("MIGRATE_FAIL", "SYNC_FAIL"), afterS: [90, 180], deeds: [act("restart")] },
  {
    when: sourceIs("cutovering"),
    afterS: [20, 40],
    deeds: [{ do: "say", copystate: "finished", migrationcycle: "cutovered" }],
  },
  { when: sourceIs("cloning"), afterS: [25, 45], deeds: [{ do: "say", copystate: "finished" }] },
  { when: sourceIs("clearing"), afterS: [12, 25], deeds: [{ do: "say", copystate: "cleared" }] },
  {
    when: ({ migration_cycle, task }) => migration_cycle === "cutovered" && task !== undefined,
    afterS: [120, 400],
    deeds: [{ do: "delete" }],
  },
  { when: isFinished, afterS: [30, 120], deeds: [act("start")] },
  { when: sourceIs("cleared", "clearfailed", "premiged", "premigfailed"), afterS: [40, 80], deeds: [act("start")] },
  { when: taskIs("SYNC_F_ROLLBACKING"), afterS: [8, 20], deeds: [{ do: "say", copystate: "finished" }] },
];

const logs = { do: "order", command_name: "UPLOAD_LOG", bucket: "demo-logs" } as const;
const never: Habit = { when: ({ task }) => !task, afterS: [86_400, 86_400], deeds: [] };

const own: Partial<Record<Role, readonly Habit[]>> = {
  waiting: [never],
  unfit: [never],
  silent: [{ when: ({ task }) => !task, afterS: [1, 900], deeds: [{ ...logs, deliverWithinS: 5 }] }],
  slow: [{ when: ({ task }) => !task, afterS: [1, 900], deeds: [{ ...logs, finishWithinS: 6 }] }],
  stopped: [
    { when: sourceIs("replicate"), afterS: [1, 40], deeds: [act("stop")] },
    { when: taskIs("ABORT"), afterS: [30, 50], deeds: [act("restart")] },
  ],
  leaving: [
    { when: sourceIs("replicate"), afterS: [1, 40], deeds: [act("stop")] },
    { when: taskIs("ABORT"), afterS: [1, 30], deeds: [{ do: "delete" }] },
  ],
  settled: [{ when: isFinished, afterS: [5, 400], deeds: [act("start")] }],
  skipping: [{ when: sourceIs("replicate"), afterS: [4, 20], deeds: [act("skip")] }],
  drill: [
    { when: sourceIs("premigready"), afterS: [2, 8], deeds: [act("migration_test")] },
    { when: isFinished, afterS: [10, 20], deeds: [act("migration_test"), act("start"), { do: "delete" }] },
  ],
  clone: [{ when: isFinished, afterS: [2, 15], deeds: [act("clone_test"), act("clone_test"), act("start")] }],
  snapshots: [
    { when: isFinished, afterS: [2, 15], deeds: [act("clear")] },
    {
      when: sourceIs("clearing"),
      afterS: [12, 25],
      deeds: [
        { do: "say", copystate: "cleared" },
        { do: "say", copystate: "clearfailed" },
      ],
    },
  ],
  cutover: [
    {
      when: (standing) => isFinished(standing) && standing.migration_cycle !== "cutovered",
      afterS: [2, 20],
      deeds: [act("cutover"), act("start")],
    },
    {
      when: ({ migration_cycle, task }) => migration_cycle === "cutovered" && task !== undefined,
      afterS: [40, 90],
      deeds: [{ do: "delete" }],
    },
  ],
  syncFailing: [
    { when: isFinished, afterS: [2, 10], deeds: [act("start")] },
    { when: taskIs("SYNC_FAIL"), afterS: [40, 80], deeds: [act("sync_failed_rollback")] },
  ],
};

export function habitOf(role: Role, standing: Standing): Habit | undefined {
  return [...(own[role] ?? []), ...common].find(({ when }) => when(standing));
}
