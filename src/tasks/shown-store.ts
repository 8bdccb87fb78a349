import { asc, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
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
  // "0" is the one enterprise project there is.
  if (query.enterprise_project_id && query.enterprise_project_id !== "0") return { count: 0, rows: [] };
  const matching = matchingTasks(account_seq, query);
  const shown = sql`${tasks.seq} IN (SELECT seq FROM ${matching} ORDER BY seq LIMIT ${page.limit} OFFSET ${page.offset})`;
  const rows = await selectTasks(db, listed).where(shown).orderBy(asc(tasks.seq));
  const { state, name, id, source_server_id } = query;
  const ofState = state ? sql` AND state = ${state}` : sql``;
  const [total] = await db.all<{ count: number }>(
    name || id || source_server_id
      ? sql`SELECT count(*) AS count FROM ${matching}`
      : sql`SELECT coalesce(sum(tasks), 0) AS count FROM task_counts WHERE account_seq = ${account_seq}${ofState}`,
  );
  return { count: total?.count ?? 0, rows };
}

/** FROM and WHERE, by an index that has all there is to filter by. */
function matchingTasks(account_seq: number, { state, name, id, source_server_id }: ListTasksQuery): SQL {
  const ofAccount = sql`account_seq = ${account_seq}`;
  const ofState = state && sql`state = ${state}`;
  const ofName = name ? sql`instr(name, ${name}) > 0` : undefined;
  const ofSource =
    source_server_id && sql`source_seq = (SELECT sources.seq FROM sources WHERE sources.id = ${source_server_id})`;
  const where = (...conditions: (SQL | "" | undefined)[]) =>
    sql.join(
      conditions.filter((condition) => condition !== undefined && condition !== ""),
      sql` AND `,
    );
  if (id) {
    const byId = sql`seq = (SELECT seq FROM tasks WHERE id = ${id})`;
    return sql`tasks NOT INDEXED WHERE ${where(byId, ofAccount, ofSource, ofState, ofName)}`;
  }
  if (ofSource) return sql`tasks INDEXED BY tasks_by_source WHERE ${where(ofSource, ofAccount, ofState, ofName)}`;
  if (ofState && !ofName) return sql`tasks INDEXED BY tasks_by_state WHERE ${where(ofAccount, ofState)}`;
  return sql`tasks INDEXED BY tasks_listed WHERE ${where(ofAccount, ofState, ofName)}`;
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
