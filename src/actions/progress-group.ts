import { sql } from "drizzle-orm";
import { boundRows } from "../db/bound-rows.ts";
import type { Executor } from "../db/executor.ts";
import type { BoundValue, GroupStatement } from "../db/group-job.ts";
import type { GroupPlan } from "../db/writer.ts";
import type { UpdateTaskSpeedReq } from "./schema.ts";

/** What an agent tells of its task at a time. */
export interface ProgressRow {
  task_seq: number;
  task_id: string;
  source_seq: number;
  at: number;
  told: UpdateTaskSpeedReq;
}

/** Deadlines of commands that began anew; undefined if the task was no longer there. */
export type ProgressOutcome = readonly PostponedCommand[] | undefined;

export interface PostponedCommand {
  seq: number;
  source_seq: number;
  due_at: number;
}

/* CROSS JOIN: the rows first, each then finds its task by key. */

const subtaskColumns = [
  "task_seq",
  "name",
  "progress",
  "start_date",
  "end_date",
  "migrate_speed",
  "process_trace",
] as const;

/** A subtask as it stands now: its start stays, and so does its end once it has one. */
export const keepSubtasks = (rows: number) => `
  WITH told ${boundRows(rows, subtaskColumns)}
  INSERT INTO subtasks (${subtaskColumns.join(", ")})
  SELECT told.* FROM told CROSS JOIN tasks ON tasks.seq = told.task_seq WHERE true
  ON CONFLICT (task_seq, name) DO UPDATE SET
    progress = excluded.progress, migrate_speed = excluded.migrate_speed, process_trace = excluded.process_trace,
    end_date = CASE WHEN excluded.end_date IS NOT NULL THEN coalesce(end_date, excluded.end_date) END`;

/** Of `task_progress`, beside its key. What an agent leaves out is not known now. */
const numbers = [
  "replicatesize",
  "totalsize",
  "migrate_speed",
  "compress_rate",
  "remain_time",
  "total_cpu_usage",
  "agent_cpu_usage",
  "total_mem_usage",
  "agent_mem_usage",
  "total_disk_io",
  "agent_disk_io",
  "need_migration_test",
] as const;
const progressColumns = ["task_seq", "reported_at", ...numbers];

/** The newest progress of a task, in place of the one before. */
export const keepProgress = (rows: number) => `
  WITH told ${boundRows(rows, progressColumns)}
  INSERT INTO task_progress (${progressColumns.join(", ")})
  SELECT told.* FROM told CROSS JOIN tasks ON tasks.seq = told.task_seq WHERE true
  ON CONFLICT (task_seq) DO UPDATE SET ${progressColumns.map((name) => `${name} = excluded.${name}`).join(", ")}
  RETURNING task_seq`;

/** One whose time is over has ended, whether or not the job that ends it has come round. */
export const postponeHeard = `
  WITH told AS MATERIALIZED (
    SELECT value ->> 'task_seq' AS task_seq, value ->> 'task_id' AS task_id, value ->> 'source_seq' AS source_seq,
      value ->> 'at' AS at
    FROM json_each(?)
  )
  UPDATE commands SET due_at = told.at + finish_within_s * 1000
  FROM told WHERE commands.source_seq = told.source_seq AND commands.ended_at IS NULL
    AND commands.task_id = told.task_id AND state = 'delivered' AND finish_within_s IS NOT NULL
    AND (due_at IS NULL OR due_at > told.at) AND EXISTS (SELECT 1 FROM tasks WHERE seq = told.task_seq)
  RETURNING seq, source_seq, due_at`;

/** Keeps how far tasks are, and begins the time anew that their delivered commands may take, in one commit. */
export function progressGroup(
  database: { reader: Executor },
  committed: (outcomes: readonly ProgressOutcome[]) => void,
): GroupPlan<ProgressRow, ProgressOutcome> {
  return {
    statements,
    outcomes: ([, kept, postponed], rows) => {
      const keptTasks = new Set(kept?.rows.map(({ task_seq }) => task_seq as number));
      const bySource = Map.groupBy(
        (postponed?.rows ?? []).map(
          ({ seq, source_seq, due_at }) => ({ seq, source_seq, due_at }) as unknown as PostponedCommand,
        ),
        ({ source_seq }) => source_seq,
      );
      return rows.map(({ task_seq, source_seq }) =>
        keptTasks.has(task_seq) ? (bySource.get(source_seq) ?? []) : undefined,
      );
    },
    // A task goes with all that was told of it. Deadlines are not remembered over a connection that loses answers.
    readBack: async (rows) => {
      const seqs = JSON.stringify(rows.map(({ task_seq }) => task_seq));
      const kept = await database.reader.all<{ task_seq: number }>(
        sql`SELECT task_seq FROM task_progress WHERE task_seq IN (SELECT value FROM json_each(${seqs}))`,
      );
      const keptTasks = new Set(kept.map(({ task_seq }) => task_seq));
      return rows.map(({ task_seq }) => (keptTasks.has(task_seq) ? [] : undefined));
    },
    // A source has one task: no two rows of a group are about the same commands.
    key: ({ source_seq }) => source_seq,
    bytes: ({ told }) => told.process_trace.length + 500,
    committed,
  };
}

function statements(rows: readonly ProgressRow[]): GroupStatement[] {
  const subtasks = rows.flatMap(({ task_seq, at, told }): BoundValue[] => [
    task_seq,
    told.subtask_name,
    told.progress,
    at,
    told.progress === 100 ? at : null,
    told.migrate_speed ?? null,
    told.process_trace,
  ]);
  const progress = rows.flatMap(({ task_seq, at, told }): BoundValue[] => [
    task_seq,
    at,
    ...numbers.map((name) => told[name] ?? null),
  ]);
  const tasks = rows.map(({ task_seq, task_id, source_seq, at }) => ({ task_seq, task_id, source_seq, at }));
  return [
    { sql: keepSubtasks(rows.length), args: subtasks },
    { sql: keepProgress(rows.length), args: progress },
    { sql: postponeHeard, args: [JSON.stringify(tasks)] },
  ];
}
