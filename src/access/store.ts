import { and, eq, isNull, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { type PageRequest, pageClause } from "../db/page.ts";
import { accessKeys, accounts, projects } from "./table.ts";

/** An active key with its account, as authentication needs it; the secret still sealed. */
export async function selectActiveKey(db: Executor, access_key: string) {
  const [row] = await db
    .select({
      access_key: accessKeys.access_key,
      sealed_secret: accessKeys.sealed_secret,
      role: accessKeys.role,
      account_seq: accounts.seq,
      account_id: accounts.id,
      project_ids: sql<string>`(SELECT json_group_array(id) FROM projects WHERE account_seq = ${accounts.seq})`,
    })
    .from(accessKeys)
    .innerJoin(accounts, eq(accounts.seq, accessKeys.account_seq))
    .where(and(eq(accessKeys.access_key, access_key), isNull(accessKeys.disabled_at)));
  return row && { ...row, project_ids: JSON.parse(row.project_ids) as string[] };
}

export async function insertAccount(tx: Transaction, row: Omit<typeof accounts.$inferInsert, "seq">): Promise<number> {
  const [inserted] = await tx.insert(accounts).values(row).returning({ seq: accounts.seq });
  if (!inserted) throw new Error("the insert returned no row");
  return inserted.seq;
}

export async function insertProject(tx: Transaction, row: typeof projects.$inferInsert): Promise<void> {
  await tx.insert(projects).values(row);
}

export async function insertKey(tx: Transaction, row: Omit<typeof accessKeys.$inferInsert, "seq">): Promise<void> {
  await tx.insert(accessKeys).values(row);
}

/** The account of that name with its first project. */
export async function selectAccountByName(db: Executor, name: string) {
  const [row] = await selectAccounts(db, eq(accounts.name, name));
  return row;
}

export async function selectAccountBySeq(db: Executor, seq: number) {
  const [row] = await selectAccounts(db, eq(accounts.seq, seq));
  return row;
}

export async function selectAccountPage(db: Executor, page: PageRequest) {
  const { where, orderBy } = pageClause(accounts.seq, page, []);
  return selectAccounts(db, where)
    .orderBy(orderBy)
    .limit(page.limit + 1);
}
export type AccountRow = Awaited<ReturnType<typeof selectAccountPage>>[number];

function selectAccounts(db: Executor, where: ReturnType<typeof eq> | undefined) {
  const project_id = sql<string>`(SELECT id FROM projects WHERE account_seq = ${accounts.seq} ORDER BY created_at, rowid LIMIT 1)`;
  return db
    .select({ seq: accounts.seq, id: accounts.id, name: accounts.name, created_at: accounts.created_at, project_id })
    .from(accounts)
    .where(where)
    .$dynamic();
}

export async function hasAccounts(db: Executor): Promise<boolean> {
  return (await db.select({ seq: accounts.seq }).from(accounts).limit(1)).length > 0;
}

export async function selectKeyPage(db: Executor, account_seq: number, page: PageRequest) {
  const { where, orderBy } = pageClause(accessKeys.seq, page, [eq(accessKeys.account_seq, account_seq)]);
  return db
    .select()
    .from(accessKeys)
    .where(where)
    .orderBy(orderBy)
    .limit(page.limit + 1);
}
export type KeyRow = Awaited<ReturnType<typeof selectKeyPage>>[number];

/** Whatever its account. */
export async function selectKey(db: Executor, access_key: string): Promise<KeyRow | undefined> {
  const [row] = await db.select().from(accessKeys).where(eq(accessKeys.access_key, access_key));
  return row;
}

/** Any sealed secret: tells whether the master key is the one this database was written under. */
export async function selectAnySealedSecret(db: Executor) {
  const [row] = await db
    .select({ access_key: accessKeys.access_key, sealed_secret: accessKeys.sealed_secret })
    .from(accessKeys)
    .limit(1);
  return row;
}

export async function countActiveAdmins(db: Executor, account_seq: number): Promise<number> {
  const rows = await db
    .select({ seq: accessKeys.seq })
    .from(accessKeys)
    .where(and(eq(accessKeys.account_seq, account_seq), eq(accessKeys.role, "admin"), isNull(accessKeys.disabled_at)));
  return rows.length;
}

export async function setKeyDisabled(tx: Transaction, access_key: string, disabled_at: number): Promise<void> {
  await tx.update(accessKeys).set({ disabled_at }).where(eq(accessKeys.access_key, access_key));
}
