import { Failure, type FailureKind } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import type { Passwords } from "./passwords.ts";
import { selectAccountId } from "./store.ts";
import { selectUser, selectUserToSignIn, type UserNaming, type UserRow } from "./user-store.ts";

const TOKEN_BYTES = 32;

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
  const who = found ? `${found.account.id}/${found.user.name}` : await nobody(db, named);
  const isRight = await passwords.check(who, address, password, hash);
  return isRight ? found : undefined;
}

/** Who is named and not there, spelt as one who is: or a lock would tell by its spellings that nobody is. */
async function nobody(db: Executor, { id, name, domain_id, domain_name }: UserNaming): Promise<string> {
  if (id) return `id ${id}`;
  const account_id = await selectAccountId(db, { id: domain_id, name: domain_name });
  return `${account_id ?? JSON.stringify([domain_id, domain_name])}/${name}`;
}

/** What a browser or a client keeps in place of what was shown: 256 bits nobody can guess. */
export function newToken({ randomBytes }: Pick<Platform, "randomBytes">): string {
  return randomBytes(TOKEN_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** For the log; without the name, as people type passwords there. */
export async function logRefusals<Proof>(
  { log }: Pick<Platform, "log">,
  kind: FailureKind,
  address: string | null,
  proving: Promise<Proof>,
): Promise<Proof> {
  try {
    return await proving;
  } catch (error) {
    if (error instanceof Failure && error.kind === kind) log("warn", "a sign-in was refused", { address });
    throw error;
  }
}

/** Whether the user is still what a sign-in was checked against. If not, what it had before was ended. */
export async function isAsChecked(tx: Transaction, user: UserRow): Promise<boolean> {
  const now = await selectUser(tx, { seq: user.seq });
  return (
    now !== undefined && now.disabled_at === null && now.role === user.role && now.password_hash === user.password_hash
  );
}
