import { and, asc, eq, getTableColumns, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { migprojects } from "./table.ts";

export type MigprojectRow = typeof migprojects.$inferSelect;

export async function selectDefault(db: Executor, account_seq: number): Promise<MigprojectRow | undefined> {
  const [row] = await db
    .select()
    .from(migprojects)
    .where(and(eq(migprojects.account_seq, account_seq), eq(migprojects.isdefault, true)));
  return row;
}

/** By its id or its name: both are one project's in an account. */
export async function selectMigproject(
  db: Executor,
  account_seq: number,
  by: { id: string } | { name: string },
): Promise<MigprojectRow | undefined> {
  const wanted = "id" in by ? eq(migprojects.id, by.id) : eq(migprojects.name, by.name);
  const [row] = await db
    .select()
    .from(migprojects)
    .where(and(eq(migprojects.account_seq, account_seq), wanted));
  return row;
}

/** Deleted sources do not count: their emptied rows go on naming the project, also when that is gone. */
const holdsSources = sql<number>`EXISTS (SELECT 1 FROM sources WHERE sources.migproject_seq = migprojects.seq AND sources.deleted_at IS NULL)`;

/** A page of the account's projects, oldest first, each with whether it holds sources, and how many there are in all. */
export async function selectMigprojectPage(
  db: Executor,
  account_seq: number,
  page: { limit: number; offset: number },
): Promise<{ count: number; rows: (MigprojectRow & { holds_sources: boolean })[] }> {
  const ofAccount = eq(migprojects.account_seq, account_seq);
  const rows = await db
    .select({ ...getTableColumns(migprojects), holds_sources: holdsSources.mapWith(Boolean) })
    .from(migprojects)
    .where(ofAccount)
    .orderBy(asc(migprojects.seq))
    .limit(page.limit)
    .offset(page.offset);
  return { count: await db.$count(migprojects, ofAccount), rows };
}

export async function selectHoldsSources(db: Executor, seq: number): Promise<boolean> {
  return (await db.$count(migprojects, and(eq(migprojects.seq, seq), holdsSources))) > 0;
}

export async function insertMigproject(tx: Transaction, row: Omit<MigprojectRow, "seq">): Promise<MigprojectRow> {
  const [inserted] = await tx.insert(migprojects).values(row).returning();
  if (!inserted) throw new Error("the insert returned no row");
  return inserted;
}

export async function updateMigproject(
  tx: Transaction,
  seq: number,
  change: Partial<typeof migprojects.$inferInsert>,
): Promise<void> {
  await tx.update(migprojects).set(change).where(eq(migprojects.seq, seq));
}

/** Makes room for another default one, in the same transaction: an account has one at any time, and never two. */
export async function clearDefault(tx: Transaction, account_seq: number): Promise<void> {
  await tx
    .update(migprojects)
    .set({ isdefault: false })
    .where(and(eq(migprojects.account_seq, account_seq), eq(migprojects.isdefault, true)));
}

export async function deleteMigproject(tx: Transaction, seq: number): Promise<void> {
  await tx.delete(migprojects).where(eq(migprojects.seq, seq));
}
