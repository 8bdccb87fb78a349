import { and, desc, eq, inArray, isNull, lte } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { projectIdsOf } from "./key-store.ts";
import { accounts, projects, tokens, users } from "./table.ts";

/** SQLite has no offset without a limit; one sign-in puts at most one token over the bound. */
const DELETED_AT_ONCE = 100;

export async function insertToken(tx: Transaction, row: Omit<typeof tokens.$inferInsert, "seq">): Promise<void> {
  await tx.insert(tokens).values(row);
}

/** A token with its user, account and the project it is for. */
export async function selectToken(db: Executor, hash: string) {
  const [row] = await db
    .select({
      token: tokens,
      user: users,
      account: accounts,
      project: projects,
      project_ids: projectIdsOf(accounts.seq),
    })
    .from(tokens)
    .innerJoin(users, eq(users.seq, tokens.user_seq))
    .innerJoin(accounts, eq(accounts.seq, users.account_seq))
    .leftJoin(projects, eq(projects.id, tokens.project_id))
    .where(and(eq(tokens.hash, hash), isNull(users.disabled_at)));
  return row && { ...row, project_ids: JSON.parse(row.project_ids) as string[] };
}
export type TokenRow = NonNullable<Awaited<ReturnType<typeof selectToken>>>;

export async function deleteTokensOf(tx: Transaction, user_seq: number): Promise<void> {
  await tx.delete(tokens).where(eq(tokens.user_seq, user_seq));
}

/** Whether it was there. */
export async function deleteToken(tx: Transaction, hash: string): Promise<boolean> {
  return (await tx.delete(tokens).where(eq(tokens.hash, hash)).returning({ seq: tokens.seq })).length > 0;
}

/** All but the newest `keep` of a user, those by one key or those by none; answers the hashes of those that are gone. */
export async function deleteOldestTokens(
  tx: Transaction,
  user_seq: number,
  access_key: string | null,
  keep: number,
): Promise<string[]> {
  const byThat = access_key === null ? isNull(tokens.access_key) : eq(tokens.access_key, access_key);
  const oldest = tx
    .select({ seq: tokens.seq })
    .from(tokens)
    .where(and(eq(tokens.user_seq, user_seq), byThat))
    .orderBy(desc(tokens.seq))
    .limit(DELETED_AT_ONCE)
    .offset(keep);
  const gone = await tx.delete(tokens).where(inArray(tokens.seq, oldest)).returning({ hash: tokens.hash });
  return gone.map(({ hash }) => hash);
}

/** Tokens whose time is over, at most `limit`; answers how many. */
export async function deleteExpiredTokens(tx: Transaction, now: number, limit: number): Promise<number> {
  const expired = tx.select({ seq: tokens.seq }).from(tokens).where(lte(tokens.expires_at, now)).limit(limit);
  return (await tx.delete(tokens).where(inArray(tokens.seq, expired)).returning({ seq: tokens.seq })).length;
}
