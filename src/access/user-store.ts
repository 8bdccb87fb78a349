import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { type PageRequest, pageClause } from "../db/page.ts";
import { accessKeys, accounts, tokens, users } from "./table.ts";

export type UserRow = typeof users.$inferSelect;

export async function insertUser(tx: Transaction, row: Omit<UserRow, "seq">): Promise<UserRow> {
  const [inserted] = await tx.insert(users).values(row).returning();
  if (!inserted) throw new Error("the insert returned no row");
  return inserted;
}

/** Whatever its account. */
export async function selectUser(db: Executor, by: { id: string } | { seq: number }): Promise<UserRow | undefined> {
  const isIt = "id" in by ? eq(users.id, by.id) : eq(users.seq, by.seq);
  const [row] = await db.select().from(users).where(isIt);
  return row;
}

export async function selectUserByName(db: Executor, account_seq: number, name: string): Promise<UserRow | undefined> {
  const [row] = await db
    .select()
    .from(users)
    .where(and(eq(users.account_seq, account_seq), eq(users.name, name)));
  return row;
}

/** The admin an account was made with, or who has been there longest since. */
export async function selectFirstAdmin(db: Executor, account_seq: number): Promise<UserRow | undefined> {
  const [row] = await db
    .select()
    .from(users)
    .where(and(eq(users.account_seq, account_seq), eq(users.role, "admin"), isNull(users.disabled_at)))
    .orderBy(users.seq)
    .limit(1);
  return row;
}

export async function selectUserPage(
  db: Executor,
  account_seq: number,
  name: string | undefined,
  page: PageRequest,
): Promise<UserRow[]> {
  const filters: SQL[] = [eq(users.account_seq, account_seq), ...(name === undefined ? [] : [eq(users.name, name)])];
  const { where, orderBy } = pageClause(users.seq, page, filters);
  return db
    .select()
    .from(users)
    .where(where)
    .orderBy(orderBy)
    .limit(page.limit + 1);
}

/** Oldest first. */
export async function selectUsers(db: Executor, account_seq: number, name: string | undefined): Promise<UserRow[]> {
  return db
    .select()
    .from(users)
    .where(and(eq(users.account_seq, account_seq), name === undefined ? undefined : eq(users.name, name)))
    .orderBy(users.seq);
}

export async function updateUser(
  tx: Transaction,
  seq: number,
  change: Partial<Pick<UserRow, "role" | "password_hash" | "disabled_at">>,
): Promise<void> {
  await tx.update(users).set(change).where(eq(users.seq, seq));
}

/** With the keys and tokens it has. */
export async function deleteUser(tx: Transaction, seq: number): Promise<void> {
  await tx.delete(tokens).where(eq(tokens.user_seq, seq));
  await tx.delete(accessKeys).where(eq(accessKeys.user_seq, seq));
  await tx.delete(users).where(eq(users.seq, seq));
}

/** How somebody who signs in names a user; what is absent counts for nothing. */
export interface UserNaming {
  id?: string | undefined;
  name?: string | undefined;
  domain_id?: string | undefined;
  domain_name?: string | undefined;
}

/** The user that is so named, with its account. */
export async function selectUserToSignIn(db: Executor, { id, name, domain_id, domain_name }: UserNaming) {
  const [row] = await db
    .select({ user: users, account: accounts })
    .from(users)
    .innerJoin(accounts, eq(accounts.seq, users.account_seq))
    .where(
      and(
        id ? eq(users.id, id) : undefined,
        name ? eq(users.name, name) : undefined,
        domain_id ? eq(accounts.id, domain_id) : undefined,
        domain_name ? eq(accounts.name, domain_name) : undefined,
      ),
    );
  return row;
}

/** In how many ways an admin of the account can come in: by a password or by a lasting key that is not narrowed. */
export async function countAdminWaysIn(db: Executor, account_seq: number): Promise<number> {
  const isAdmin = and(eq(users.account_seq, account_seq), eq(users.role, "admin"), isNull(users.disabled_at));
  const byPassword = await db.$count(users, and(isAdmin, sql`${users.password_hash} IS NOT NULL`));
  const [byKey] = await db
    .select({ n: sql<number>`count(*)` })
    .from(accessKeys)
    .innerJoin(users, eq(users.seq, accessKeys.user_seq))
    .where(
      and(
        isAdmin,
        isNull(accessKeys.disabled_at),
        isNull(accessKeys.expires_at),
        sql`coalesce(${accessKeys.role}, 'admin') = 'admin'`,
      ),
    );
  return byPassword + (byKey?.n ?? 0);
}
