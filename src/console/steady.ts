import { useRef, useState } from "hono/jsx/dom";
import type { Event } from "./live.ts";
import { messageOf, useRepeated } from "./loaded.ts";

export interface Page<Row> {
  items: Row[];
  next_cursor: string | null;
  /** All that match. */
  count?: number;
}

interface Reading<Row> {
  page(limit: number, cursor?: string): Promise<Page<Row>>;
  /** Those of the rows that are still there, as they are now, in any order. */
  some(rows: readonly Row[]): Promise<Row[]>;
  on: (event: Event) => boolean;
  everyMs: number;
}

export interface SteadyList<Row> {
  /** Undefined until the first page has come. */
  rows: Row[] | undefined;
  /** They are those of another key still: the page asked for is on its way. */
  isOld: boolean;
  /** Shown, but deleted since. */
  gone: ReadonlySet<string>;
  /** So many wait: they match and are not shown. */
  fresh: number;
  count?: number | undefined;
  hasMore: boolean;
  error?: string | undefined;
  /** Shows the next page below. */
  more(): Promise<void>;
  /** Reads anew: what waits comes in, in its order. */
  renew(): void;
  /** Looks at once whether rows have changed. */
  again(): void;
}

const PAGE = 100;
/** As many as one call tells by id. */
const AT_ONCE = 200;

type State<Row> = Omit<SteadyList<Row>, "more" | "renew" | "again" | "isOld"> & { key: string };

/**
 * A list that is kept up to date without a row that moves: rows change where they stand, new ones wait until they are
 * called in, and what no longer matches stays until then.
 */
export function useSteadyList<Row extends { id: string }>(key: string, reading: Reading<Row>): SteadyList<Row> {
  const [state, setState] = useState<State<Row>>({ key, rows: undefined, gone: new Set(), fresh: 0, hasMore: false });
  const latest = useRef({ state, cursor: null as string | null, isAnew: false });
  const own = latest.current as NonNullable<typeof latest.current>;
  const put = (next: Partial<State<Row>>) => {
    own.state = { ...own.state, error: undefined, ...next, key };
    setState(own.state);
  };
  const again = useRepeated(key, reading, async (isOver) => {
    const shown = own.isAnew || own.state.key !== key ? undefined : own.state.rows;
    own.isAnew = false;
    try {
      const next = shown ? await refreshed(shown, reading) : begun(await reading.page(PAGE));
      if (isOver()) return;
      if ("cursor" in next) own.cursor = next.cursor;
      // What `more` has brought meanwhile stays below.
      else if (shown) next.rows = [...(next.rows ?? shown), ...(own.state.rows ?? []).slice(shown.length)];
      put(next);
    } catch (error) {
      if (!isOver()) put({ ...(shown ? {} : { rows: undefined }), error: messageOf(error) });
    }
  });
  const renew = () => {
    own.isAnew = true;
    again();
  };
  const more = async () => {
    if (own.cursor === null) return;
    try {
      const { items, next_cursor } = await reading.page(PAGE, own.cursor);
      if (own.state.key !== key) return;
      const rows = own.state.rows ?? [];
      const shown = new Set(rows.map(({ id }) => id));
      own.cursor = next_cursor;
      put({ rows: [...rows, ...items.filter(({ id }) => !shown.has(id))], hasMore: next_cursor !== null });
    } catch (error) {
      if (own.state.key === key) put({ error: messageOf(error) });
    }
  };
  return { ...state, isOld: state.key !== key, more, renew, again };
}

function begun<Row>({ items, next_cursor, count }: Page<Row>) {
  const none: ReadonlySet<string> = new Set();
  return { rows: items, cursor: next_cursor, hasMore: next_cursor !== null, count, gone: none, fresh: 0 };
}

async function refreshed<Row extends { id: string }>(
  shown: readonly Row[],
  reading: Reading<Row>,
): Promise<Partial<State<Row>>> {
  const { items, count } = await reading.page(Math.min(AT_ONCE, Math.max(PAGE, shown.length)));
  const known = new Map(items.map((row) => [row.id, row]));
  const others = shown.filter(({ id }) => !known.has(id));
  const asked: string[] = [];
  for (let from = 0; from < others.length; from += AT_ONCE) {
    const rows = others.slice(from, from + AT_ONCE);
    for (const row of await reading.some(rows)) known.set(row.id, row);
    asked.push(...rows.map(({ id }) => id));
  }
  const shownIds = new Set(shown.map(({ id }) => id));
  return {
    // A row that is as before stays the same object, and is not drawn again.
    rows: shown.map((row) => {
      const now = known.get(row.id);
      return now && JSON.stringify(now) !== JSON.stringify(row) ? now : row;
    }),
    gone: new Set(asked.filter((id) => !known.has(id))),
    fresh: items.filter(({ id }) => !shownIds.has(id)).length,
    count,
  };
}
