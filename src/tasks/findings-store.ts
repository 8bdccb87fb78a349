import { and, asc, eq, isNotNull, type SQL, sql } from "drizzle-orm";
import type { Executor } from "../db/executor.ts";
import { sources } from "../sources/table.ts";
import { tasks } from "./table.ts";

export interface ErrorRow {
  error_json: string;
  host_name: string | null;
  name: string;
  source_id: string;
  source_ip: string | null;
  target_ip: string | null;
}

/** Empty text counts as absent. */
const orNull = (value: SQL) => sql<string | null>`nullif(${value}, '')`;

/** A page of the account's sources whose task has an error, oldest task first, and how many there are in all. */
export async function selectErrorPage(
  db: Executor,
  account_seq: number,
  page: { limit: number; offset: number },
): Promise<{ count: number; rows: ErrorRow[] }> {
  const where = and(eq(tasks.account_seq, account_seq), isNotNull(tasks.error_json));
  // Registrations and definitions may be long: only what is shown is read of them.
  const rows = await db
    .select({
      error_json: sql<string>`${tasks.error_json}`,
      host_name: orNull(sql`${sources.registration} ->> '$.hostname'`),
      name: sources.name,
      source_id: sources.id,
      source_ip: sql<string | null>`coalesce(nullif(${sources.ip}, ''), nullif(${sources.ipv6}, ''))`,
      target_ip: sql<
        string | null
      >`coalesce(nullif(${tasks.definition} ->> '$.target_server.ip', ''), nullif(${tasks.definition} ->> '$.migration_ip', ''))`,
    })
    .from(tasks)
    .innerJoin(sources, eq(sources.seq, tasks.source_seq))
    .where(where)
    .orderBy(asc(tasks.seq))
    .limit(page.limit)
    .offset(page.offset);
  const [total] = await db.select({ count: sql<number>`count(*)` }).from(tasks).where(where);
  return { count: total?.count ?? 0, rows };
}
