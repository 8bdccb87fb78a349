import type { Transaction } from "../db/executor.ts";
import { readiness } from "./table.ts";

export async function writeReadiness(tx: Transaction, checked_at: number): Promise<void> {
  await tx
    .insert(readiness)
    .values({ id: 1, checked_at })
    .onConflictDoUpdate({ target: readiness.id, set: { checked_at } });
}
