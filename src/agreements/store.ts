import { eq } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { agreements } from "./table.ts";

export async function isAccepted(db: Executor, account_seq: number): Promise<boolean> {
  return (await db.$count(agreements, eq(agreements.account_seq, account_seq))) > 0;
}

/** False if the account had accepted before. */
export async function insertAgreement(tx: Transaction, row: typeof agreements.$inferInsert): Promise<boolean> {
  return (await tx.insert(agreements).values(row).onConflictDoNothing().returning()).length > 0;
}
