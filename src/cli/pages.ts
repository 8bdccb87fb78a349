/** The most listServers gives at once. */
export const SOURCES_PER_PAGE = 200;

/** The most listTasks gives at once. */
export const TASKS_PER_PAGE = 200;

/** The most listTemplates and listMigprojects give at once. */
export const PAGE_OF_OTHERS = 100;

/** A list of the SMS API page by page, up to `most` items. A page may be shorter than asked where its items are large. */
export async function everyPage<Item>(
  perPage: number,
  most: number,
  fetchPage: (page: { limit: string; offset: string }) => Promise<{ count: number; items: Item[] }>,
): Promise<{ items: Item[]; hasMore: boolean }> {
  const items: Item[] = [];
  for (;;) {
    const limit = String(Math.min(perPage, most - items.length));
    const page = await fetchPage({ limit, offset: String(items.length) });
    items.push(...page.items);
    const hasMore = page.items.length > 0 && page.count > items.length;
    if (!hasMore || items.length >= most) return { items, hasMore };
  }
}
