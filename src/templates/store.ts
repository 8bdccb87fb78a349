import { and, asc, eq, type SQL, sql } from "drizzle-orm";
import { among } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { PAGE_BYTES, withinBytes } from "../db/page.ts";
import type { ListTemplatesQuery } from "./schema.ts";
import { templates } from "./table.ts";

export type TemplateRow = typeof templates.$inferSelect;

export async function insertTemplate(tx: Transaction, row: Omit<TemplateRow, "seq">): Promise<void> {
  await tx.insert(templates).values(row);
}

export async function selectTemplate(db: Executor, account_seq: number, id: string): Promise<TemplateRow | undefined> {
  const [row] = await db
    .select()
    .from(templates)
    .where(and(eq(templates.account_seq, account_seq), eq(templates.id, id)));
  return row;
}

/** Those of the ids that are the account's, oldest first. */
export function selectTemplatesWithIds(
  db: Executor,
  account_seq: number,
  ids: readonly string[],
): Promise<Pick<TemplateRow, "seq" | "id" | "name">[]> {
  return db
    .select({ seq: templates.seq, id: templates.id, name: templates.name })
    .from(templates)
    .where(and(eq(templates.account_seq, account_seq), among(templates.id, ids)))
    .orderBy(asc(templates.seq));
}

/** A page of the account's templates, oldest first, and how many match in all. Large ones make a shorter page. */
export async function selectTemplatePage(
  db: Executor,
  account_seq: number,
  query: ListTemplatesQuery,
  page: { limit: number; offset: number },
): Promise<{ count: number; rows: TemplateRow[] }> {
  const where = and(eq(templates.account_seq, account_seq), ...filters(query));
  const sizes = await db
    .select({ seq: templates.seq, bytes: sql<number>`octet_length(${templates.definition})` })
    .from(templates)
    .where(where)
    .orderBy(asc(templates.seq))
    .limit(page.limit)
    .offset(page.offset);
  const seqs = withinBytes(sizes, PAGE_BYTES).map(({ seq }) => seq);
  const rows = await db.select().from(templates).where(among(templates.seq, seqs)).orderBy(asc(templates.seq));
  return { count: await db.$count(templates, where), rows };
}

export async function updateTemplate(
  tx: Transaction,
  seq: number,
  change: Partial<typeof templates.$inferInsert>,
): Promise<void> {
  await tx.update(templates).set(change).where(eq(templates.seq, seq));
}

export async function deleteTemplates(tx: Transaction, seqs: readonly number[]): Promise<void> {
  await tx.delete(templates).where(among(templates.seq, seqs));
}

function filters({ id, name, region, availability_zone }: ListTemplatesQuery): (SQL | undefined)[] {
  return [
    id ? eq(templates.id, id) : undefined,
    name ? sql`instr(${templates.name}, ${name}) > 0` : undefined,
    region ? eq(templates.region, region) : undefined,
    availability_zone ? eq(templates.availability_zone, availability_zone) : undefined,
  ];
}
