import { sql } from "drizzle-orm";
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { LogCollectStatus, TaskState } from "../core/words.ts";
import type { ConsistencyResult } from "./consistency-schema.ts";
import type { Condition } from "./lifecycle.ts";
import type { ConfigBody, NetworkCheckInfo, SpeedLimitlJson, TargetLayout, TaskDefinition } from "./schema.ts";

/** Migration tasks: one for a source, gone when deleted. */
export const tasks = sqliteTable(
  "tasks",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    account_seq: integer().notNull(),
    source_seq: integer().notNull(),
    name: text().notNull(),
    type: text({ enum: ["MIGRATE_FILE", "MIGRATE_BLOCK"] }).notNull(),
    os_type: text({ enum: ["WINDOWS", "LINUX"] }).notNull(),
    /** The target machine, for the filter of listServers. */
    vm_id: text(),
    /** What was sent to createTask and updateTask beyond the columns. */
    definition: text({ mode: "json" }).$type<TaskDefinition>().notNull(),
    /** Disks and other lists of the target machine: may be megabytes, so whoever does not show them leaves them alone. */
    target_layout: text({ mode: "json" }).$type<TargetLayout>().notNull(),
    state: text().$type<TaskState>().notNull(),
    /** Where task and source go back to from a passing state; null while they are in none. */
    before: text({ mode: "json" }).$type<Condition>(),
    /** The STOP under way overtook a START or SYNC that no agent has seen. */
    stops_unbegun: integer({ mode: "boolean" }).notNull().default(false),
    /** When a passing state that no command ends is over; milliseconds since 1970. */
    return_at: integer(),
    error_json: text(),
    log_bucket: text(),
    log_collect_status: text().$type<LogCollectStatus>().notNull().default("INIT"),
    log_upload_time: integer(),
    network_check_info: text({ mode: "json" }).$type<NetworkCheckInfo>(),
    configurations: text({ mode: "json" }).$type<ConfigBody[]>().notNull(),
    speed_limit: text({ mode: "json" }).$type<SpeedLimitlJson[]>().notNull(),
    create_date: integer().notNull(),
    /** First time RUNNING. */
    start_date: integer(),
    finish_date: integer(),
  },
  (table) => [
    uniqueIndex("tasks_by_source").on(table.source_seq),
    // Whatever lists filter by, so that none has to read the rows themselves: those are long.
    index("tasks_listed").on(table.account_seq, table.seq, table.state, table.name),
    index("tasks_by_state").on(table.account_seq, table.state),
    index("tasks_by_vm").on(table.vm_id).where(sql`vm_id IS NOT NULL`),
    index("tasks_failed").on(table.account_seq).where(sql`error_json IS NOT NULL`),
    index("tasks_returning").on(table.return_at).where(sql`return_at IS NOT NULL`),
  ],
);

/** How many tasks there are in each state. Kept by triggers on tasks, in the same commit whoever writes. */
export const taskCounts = sqliteTable(
  "task_counts",
  {
    account_seq: integer().notNull(),
    state: text().$type<TaskState>().notNull(),
    tasks: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.account_seq, table.state] })],
);

/** The newest progress of a task. Narrow, as agents rewrite it all the time. */
export const taskProgress = sqliteTable("task_progress", {
  task_seq: integer().primaryKey(),
  reported_at: integer().notNull(),
  replicatesize: integer().notNull(),
  totalsize: integer().notNull(),
  migrate_speed: real(),
  compress_rate: real(),
  remain_time: integer(),
  total_cpu_usage: real(),
  agent_cpu_usage: real(),
  total_mem_usage: real(),
  agent_mem_usage: real(),
  total_disk_io: real(),
  agent_disk_io: real(),
  need_migration_test: integer({ mode: "boolean" }),
});

/** One row for each subtask an agent has named. */
export const subtasks = sqliteTable(
  "subtasks",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    task_seq: integer().notNull(),
    name: text().notNull(),
    progress: integer().notNull(),
    start_date: integer().notNull(),
    end_date: integer(),
    migrate_speed: real(),
    process_trace: text().notNull(),
  },
  (table) => [uniqueIndex("subtasks_by_name").on(table.task_seq, table.name)],
);

/** Made once for a task, sealed. */
export const taskSecrets = sqliteTable(
  "task_secrets",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    task_seq: integer().notNull(),
    kind: text({ enum: ["passphrase", "certificates"] }).notNull(),
    sealed: text().notNull(),
  },
  (table) => [uniqueIndex("task_secrets_by_kind").on(table.task_seq, table.kind)],
);

/** Uploads of consistency results, oldest first. */
export const consistencyResults = sqliteTable(
  "consistency_results",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    task_seq: integer().notNull(),
    finished_time: integer().notNull(),
    consistency_result: text({ mode: "json" }).$type<ConsistencyResult[]>().notNull(),
  },
  (table) => [index("consistency_results_by_task").on(table.task_seq)],
);
