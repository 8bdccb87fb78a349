import type { Ferry } from "../executable.ts";

/* Many sources at once, with no more calls under way than a service is to bear beside its pages. */

const AT_ONCE = 16;

export async function forEach<Item>(items: Iterable<Item>, work: (item: Item) => Promise<unknown>): Promise<void> {
  // One iterator: each worker takes the next item that nobody has.
  const waiting = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Registers a source of each name; the ids in the order of the names. */
export async function registerSources(ferry: Ferry, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  await forEach(names.entries(), async ([place, name]) => {
    ids[place] = await ferry.registerSource(name);
  });
  return ids;
}

/** The agent says where its source stands. */
export const changeState = (ferry: Ferry, id: string, copystate: string) =>
  ferry.ask("PUT", `/v3/sources/${id}/changestate`, { copystate });
