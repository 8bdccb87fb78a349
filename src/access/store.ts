import { and, eq, sql } from "drizzle-orm";
import type { Executor, Transaction } from "../db/executor.ts";
import { type PageRequest, pageClause } from "../db/page.ts";
import { accounts, projects } from "./table.ts";

export async function insertAccount(tx: Transaction, row: Omit<typeof accounts.$inferInsert, "seq">): Promise<number> {
  const [inserted] = await tx.insert(accounts).values(row).returning({ seq: accounts.seq });
  if (!inserted) throw new Error("the insert returned no row");
  return inserted.seq;
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

export type ProjectRow = typeof projects.$inferSelect;

export async function insertProject(tx: Transaction, row: ProjectRow): Promise<void> {
  await tx.insert(projects).values(row);
}

/** Oldest first. */
export async function selectProjects(db: Executor, account_seq: number): Promise<ProjectRow[]> {
  return db
    .select()
    .from(projects)
    .where(eq(projects.account_seq, account_seq))
    .orderBy(projects.created_at, sql`rowid`);
}

export async function selectProject(
  db: Executor,
  account_seq: number,
  by: { id: string } | { name: string },
): Promise<ProjectRow | undefined> {
  const isIt = "id" in by ? eq(projects.id, by.id) : eq(projects.name, by.name);
  const [row] = await db
    .select()
    .from(projects)
    .where(and(eq(projects.account_seq, account_seq), isIt));
  return row;
}

/** The account of that id and that name, as far as they are given. */
export async function selectAccountId(
  db: Executor,
  { id, name }: { id: string | undefined; name: string | undefined },
): Promise<string | undefined> {
  const [row] = await db
    .select({ id: accounts.id })
    .from(accounts)
    .where(and(id ? eq(accounts.id, id) : undefined, name ? eq(accounts.name, name) : undefined));
  return row?.id;
}
