import { Failure } from "../core/failure.ts";
import type { Transaction } from "../db/executor.ts";
import { countAdminWaysIn } from "./user-store.ts";

/** Makes a change, unless it shuts out the account's last admin: nobody could let one in again. Throws `conflict`. */
export async function keepingAnAdmin(
  tx: Transaction,
  account_seq: number,
  change: () => Promise<unknown>,
): Promise<void> {
  const before = await countAdminWaysIn(tx, account_seq);
  await change();
  if (before > 0 && (await countAdminWaysIn(tx, account_seq)) === 0) {
    throw new Failure(
      "conflict",
      "no admin of the account could come in any more: give another one a key or a password first",
    );
  }
}
