import type { Executor, Transaction } from "../db/executor.ts";
import type { Passwords } from "./passwords.ts";
import { selectUser, selectUserToSignIn, type UserNaming, type UserRow } from "./user-store.ts";

/** Who has signed in by password, with the account. */
export type SignedIn = NonNullable<Awaited<ReturnType<typeof selectUserToSignIn>>>;

/**
 * The user whose name and password these are. Undefined for a wrong one of either, after the same time. Throws
 * `signInRefused` where too many attempts have failed and `unavailable` where too many are at it.
 */
export async function userByPassword(
  db: Executor,
  passwords: Passwords,
  named: UserNaming,
  password: string,
  address: string | null,
): Promise<SignedIn | undefined> {
  const found = await selectUserToSignIn(db, named);
  const hash = found?.user.disabled_at === null ? found.user.password_hash : null;
  // One user, however it was named.
  const who = found?.user.id ?? JSON.stringify(named);
  const isRight = await passwords.check(who, address, password, hash);
  return isRight ? found : undefined;
}

/** Whether the user is still what a sign-in was checked against. If not, what it had before was ended. */
export async function isAsChecked(tx: Transaction, user: UserRow): Promise<boolean> {
  const now = await selectUser(tx, { seq: user.seq });
  return (
    now !== undefined && now.disabled_at === null && now.role === user.role && now.password_hash === user.password_hash
  );
}
