import { and, eq } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { taskSecrets } from "./table.ts";

export type SecretKind = (typeof taskSecrets.$inferSelect)["kind"];

export async function selectSecret(db: Executor, task_seq: number, kind: SecretKind): Promise<string | undefined> {
  const [row] = await db
    .select({ sealed: taskSecrets.sealed })
    .from(taskSecrets)
    .where(and(eq(taskSecrets.task_seq, task_seq), eq(taskSecrets.kind, kind)));
  return row?.sealed;
}

export async function insertSecret(
  tx: Transaction,
  row: { task_seq: number; kind: SecretKind; sealed: string },
): Promise<void> {
  await tx.insert(taskSecrets).values(row);
}
