import { and, eq, getTableColumns, inArray, isNotNull, isNull, lte, type SQL, sql } from "drizzle-orm";
import type { Role } from "../core/words.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { type PageRequest, pageClause } from "../db/page.ts";
import { accessKeys, accounts, masterKeyCheck, users } from "./table.ts";

type Row = typeof accessKeys.$inferSelect;

export async function insertKey(
  tx: Transaction,
  row: Omit<Row, "seq" | "disabled_at" | "source_id"> & Partial<Pick<Row, "source_id">>,
): Promise<void> {
  await tx.insert(accessKeys).values(row);
}

/** A key in use with its account and user, as authentication needs it; the secret still sealed. */
export async function selectKeyInUse(db: Executor, access_key: string) {
  const [row] = await db
    .select({
      key: accessKeys,
      account_id: accounts.id,
      user_role: users.role,
      project_ids: projectIdsOf(accounts.seq),
    })
    .from(accessKeys)
    .innerJoin(users, eq(users.seq, accessKeys.user_seq))
    .innerJoin(accounts, eq(accounts.seq, accessKeys.account_seq))
    .where(and(eq(accessKeys.access_key, access_key), isNull(accessKeys.disabled_at), isNull(users.disabled_at)));
  return row && { ...row, project_ids: JSON.parse(row.project_ids) as string[] };
}

/** Ids of an account's projects, as JSON. */
export function projectIdsOf(account_seq: typeof accounts.seq): SQL<string> {
  return sql<string>`(SELECT json_group_array(id) FROM projects WHERE account_seq = ${account_seq})`;
}

export async function selectKeyPage(db: Executor, account_seq: number, page: PageRequest): Promise<KeyRow[]> {
  const { where, orderBy } = pageClause(accessKeys.seq, page, [eq(accessKeys.account_seq, account_seq)]);
  return selectKeys(db, where)
    .orderBy(orderBy)
    .limit(page.limit + 1);
}

/** Whatever its account. */
export async function selectKey(db: Executor, access_key: string): Promise<KeyRow | undefined> {
  const [row] = await selectKeys(db, eq(accessKeys.access_key, access_key));
  return row;
}

/** A key with whose it is. */
export type KeyRow = Row & { user_name: string; user_role: Role };

function selectKeys(db: Executor, where: SQL | undefined) {
  return db
    .select({ ...getTableColumns(accessKeys), user_name: users.name, user_role: users.role })
    .from(accessKeys)
    .innerJoin(users, eq(users.seq, accessKeys.user_seq))
    .where(where)
    .$dynamic();
}

export async function selectMasterKeyCheck(db: Executor): Promise<string | undefined> {
  const [row] = await db.select().from(masterKeyCheck);
  return row?.sealed;
}

export async function insertMasterKeyCheck(tx: Transaction, sealed: string): Promise<void> {
  await tx.insert(masterKeyCheck).values({ id: 1, sealed });
}

/** Any sealed secret: tells the same in a database from before there was a check. */
export async function selectAnySealedSecret(db: Executor) {
  const [row] = await db
    .select({ access_key: accessKeys.access_key, sealed_secret: accessKeys.sealed_secret })
    .from(accessKeys)
    .limit(1);
  return row;
}

export async function updateKey(
  tx: Transaction,
  access_key: string,
  change: Partial<Pick<Row, "disabled_at" | "expires_at" | "source_id">>,
): Promise<void> {
  await tx.update(accessKeys).set(change).where(eq(accessKeys.access_key, access_key));
}

/** Temporary keys whose time is over, at most `limit`; answers how many. Lasting ones stay, to be seen in lists. */
export async function deleteExpiredKeys(tx: Transaction, now: number, limit: number): Promise<number> {
  const expired = tx
    .select({ seq: accessKeys.seq })
    .from(accessKeys)
    .where(and(isNotNull(accessKeys.security_token_hash), lte(accessKeys.expires_at, now)))
    .limit(limit);
  return (await tx.delete(accessKeys).where(inArray(accessKeys.seq, expired)).returning({ seq: accessKeys.seq }))
    .length;
}
