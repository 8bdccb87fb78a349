import { and, asc, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import { among } from "../db/among.ts";
import type { Executor } from "../db/executor.ts";
import { sourcePresence, sources } from "../sources/table.ts";
import type { TargetLayout } from "./schema.ts";
import type { ListTasksQuery } from "./shown-schema.ts";
import { taskColumns } from "./store.ts";
import { subtasks, taskProgress, tasks } from "./table.ts";

/** os_type, os_version and oem_system as a JSON array: a registration is read by the database, not carried here. */
const described = sql<
  string | null
>`json_extract(${sources.registration}, '$.os_type', '$.os_version', '$.oem_system')`;

/**
 * A page cannot be made shorter, as clients step through it by its limit; and to read hundreds of registrations of
 * megabytes would hold up everybody. Sources of more than this are shown without their version in lists.
 */
const LISTED_REGISTRATION_BYTES = 1024 * 1024;

const listed = sql<
  string | null
>`CASE WHEN octet_length(${sources.registration}) <= ${LISTED_REGISTRATION_BYTES} THEN ${described} END`;

/** Replies have a limit of their own: what it is at which times is told by showsSpeedLimits. */
const { speed_limit: _, ...shownColumns } = taskColumns;

function selectTasks(db: Executor, description: SQL<string | null>) {
  return db
    .select({
      account_seq: tasks.account_seq,
      source_id: sources.id,
      task: shownColumns,
      source: {
        ip: sources.ip,
        name: sources.name,
        state: sources.state,
        migration_cycle: sources.migration_cycle,
        description,
      },
      seen_at: sourcePresence.seen_at,
      progress: taskProgress,
    })
    .from(tasks)
    .innerJoin(sources, eq(sources.seq, tasks.source_seq))
    .leftJoin(sourcePresence, eq(sourcePresence.source_seq, sources.seq))
    .leftJoin(taskProgress, eq(taskProgress.task_seq, tasks.seq))
    .$dynamic();
}

/** A task with its source and how far it has come. */
export type ShownTaskRow = Awaited<ReturnType<typeof selectTasks>>[number];

/** With the lists of its target. Whatever its account. */
export async function selectShownTask(
  db: Executor,
  id: string,
): Promise<(ShownTaskRow & { target_layout: TargetLayout }) | undefined> {
  const [row] = await selectTasks(db, described).where(eq(tasks.id, id));
  const [more] = await db.select({ target_layout: tasks.target_layout }).from(tasks).where(eq(tasks.id, id));
  // It may have been deleted in between.
  return row && more && { ...row, ...more };
}

/** A page of the account's tasks, oldest first, and how many match in all. */
export async function selectTaskPage(
  db: Executor,
  account_seq: number,
  query: ListTasksQuery,
  page: { limit: number; offset: number },
): Promise<{ count: number; rows: ShownTaskRow[] }> {
  const where = and(eq(tasks.account_seq, account_seq), ...filters(query));
  const rows = await selectTasks(db, listed).where(where).orderBy(asc(tasks.seq)).limit(page.limit).offset(page.offset);
  const [total] = await db
    .select({ count: sql<number>`count(*)` })
    .from(tasks)
    .innerJoin(sources, eq(sources.seq, tasks.source_seq))
    .where(where);
  return { count: total?.count ?? 0, rows };
}

export type SubtaskRow = typeof subtasks.$inferSelect;

/** The subtasks of many tasks, by task, in the order they were first named. */
export async function selectSubtasks(db: Executor, task_seqs: readonly number[]): Promise<Map<number, SubtaskRow[]>> {
  const rows = await db
    .select(getTableColumns(subtasks))
    .from(subtasks)
    .where(among(subtasks.task_seq, task_seqs))
    .orderBy(asc(subtasks.seq));
  return Map.groupBy(rows, ({ task_seq }) => task_seq);
}

function filters(query: ListTasksQuery): (SQL | undefined)[] {
  return [
    query.state && eq(tasks.state, query.state),
    query.name ? sql`instr(${tasks.name}, ${query.name}) > 0` : undefined,
    query.id && eq(tasks.id, query.id),
    query.source_server_id && eq(sources.id, query.source_server_id),
    // "0" is the one enterprise project there is.
    query.enterprise_project_id && query.enterprise_project_id !== "0" ? sql`false` : undefined,
  ].map((condition) => condition || undefined);
}
