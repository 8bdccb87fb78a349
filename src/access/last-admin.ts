import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Transaction } from "../db/executor.ts";
import { countAdminWaysIn } from "./user-store.ts";

/**
 * Makes a change, unless it shuts out the last admin of the caller's account: nobody there could let one in again.
 * Throws `conflict`. Other accounts are changed by admins of the first one, who can.
 */
export async function keepingAnAdmin(
  tx: Transaction,
  principal: Principal,
  account_seq: number,
  change: () => Promise<unknown>,
): Promise<void> {
  const isOwn = principal.account_seq === account_seq;
  const before = isOwn ? await countAdminWaysIn(tx, account_seq) : 0;
  await change();
  if (before > 0 && (await countAdminWaysIn(tx, account_seq)) === 0) {
    throw new Failure(
      "conflict",
      "no admin of the account could come in any more: give another one a key or a password first",
    );
  }
}
