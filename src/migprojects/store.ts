import { and, eq } from "drizzle-orm";
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

export async function selectMigproject(
  db: Executor,
  account_seq: number,
  id: string,
): Promise<MigprojectRow | undefined> {
  const [row] = await db
    .select()
    .from(migprojects)
    .where(and(eq(migprojects.account_seq, account_seq), eq(migprojects.id, id)));
  return row;
}

export async function insertMigproject(tx: Transaction, row: Omit<MigprojectRow, "seq">): Promise<MigprojectRow> {
  const [inserted] = await tx.insert(migprojects).values(row).returning();
  if (!inserted) throw new Error("the insert returned no row");
  return inserted;
}
