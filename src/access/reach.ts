import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Executor } from "../db/executor.ts";
import { type AccountRow, selectAccountByName, selectAccountBySeq } from "./store.ts";

/** Account of the first start: its admins also manage accounts, and users and keys of all of them. */
const FIRST_ACCOUNT_SEQ = 1;

/** The caller's account or, for admins of the first one, the account of that name. Throws `forbidden` or `notFound`. */
export async function reachAccount(db: Executor, principal: Principal, name: string | undefined): Promise<AccountRow> {
  const own = await selectAccountBySeq(db, principal.account_seq);
  if (name !== undefined && name !== own?.name) refuseOthersThanInstanceAdmin(principal);
  const account = name === undefined ? own : await selectAccountByName(db, name);
  if (!account) throw new Failure("notFound", `there is no account named ${name}`);
  return account;
}

/** Whether the caller may change what belongs to that account. */
export function reaches(principal: Principal, account_seq: number): boolean {
  return account_seq === principal.account_seq || principal.account_seq === FIRST_ACCOUNT_SEQ;
}

export function refuseOthersThanInstanceAdmin(principal: Principal): void {
  if (principal.account_seq !== FIRST_ACCOUNT_SEQ) {
    throw new Failure("forbidden", "only admins of the instance's first account manage other accounts");
  }
}
