import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { PAGE_BYTES, withinBytes } from "../db/page.ts";
import type { Checked } from "./checks.ts";
import { fromCursor, orderOf, toCursor } from "./list-cursor.ts";
import {
  countListed,
  type ListedRow,
  type OpenCommandRow,
  type SourceFilter,
  selectFirstOpen,
  selectListed,
  selectListedKeys,
  selectOfOs,
  selectSizes,
  selectSizesAfter,
} from "./listed-store.ts";
import {
  type CountSourcesResponse,
  DEFAULT_LIMIT,
  type ListedSource,
  type ListSourcesQuery,
  MAX_IDS,
  type SourcePage,
} from "./operate-schema.ts";
import type { Presence } from "./presence.ts";
import { errorText, reasonOf } from "./reason.ts";
import { countByState } from "./store.ts";

/** Registrations that are read in one statement for what no index tells: a few milliseconds. */
const READ_AT_ONCE = 500;
const BYTES_AT_ONCE = 2 * 1024 * 1024;

/** Sources as an operator's screen shows them. */
export class SourceLists {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #presence: Presence;

  #walks: Promise<unknown> = Promise.resolve();

  constructor(platform: Platform, database: Database, presence: Presence) {
    this.#platform = platform;
    this.#database = database;
    this.#presence = presence;
  }

  /** A page of the account's live sources, and how many match. Throws `invalid` for a cursor of another list. */
  async listSources({ account_seq }: Principal, query: ListSourcesQuery): Promise<SourcePage> {
    const { reader } = this.#database;
    const after = query.cursor === undefined ? undefined : fromCursor(query.cursor, query);
    const { limit = query.ids === undefined ? DEFAULT_LIMIT : MAX_IDS } = query;
    const filter = await this.#filter(account_seq, query);
    const page = { after, order: orderOf(query), limit: limit + 1 };
    const [found, count] = isWalk(query)
      ? [
          await this.#inTurn(() => selectListedKeys(reader, filter, page)),
          await this.#inTurn(() => countListed(reader, filter)),
        ]
      : await Promise.all([selectListedKeys(reader, filter, page), countListed(reader, filter)]);
    const shown = found.slice(0, limit);
    const sizes = await selectSizes(
      reader,
      shown.map(({ seq }) => seq),
    );
    // One that went meanwhile weighs nothing, and is left out.
    const fitting = withinBytes(
      shown.map((position) => ({ ...position, bytes: sizes.get(position.seq) ?? 0 })),
      PAGE_BYTES,
    );
    const last = fitting.length < found.length ? fitting.at(-1) : undefined;
    return {
      count,
      items: await this.#items(fitting.map(({ seq }) => seq)),
      next_cursor: last ? toCursor(last, query) : null,
    };
  }

  /** How many there are, and how many in each state: kept counts, whatever their number. */
  async countSources({ account_seq }: Principal): Promise<CountSourcesResponse> {
    const { states } = await countByState(this.#database.reader, account_seq);
    const there = states.flatMap(({ state, count }) => (count > 0 ? [{ state, count }] : []));
    return { count: there.reduce((sum, { count }) => sum + count, 0), states: there };
  }

  /** One walk at a time, and a turn for everybody else between two: on a file each holds up the process while it lasts. */
  #inTurn<T>(walk: () => Promise<T>): Promise<T> {
    if (!this.#database.exclusive) return walk();
    const turn = () => new Promise<void>((resolve) => this.#platform.nextTurn(resolve));
    const done = this.#walks.then(turn).then(walk);
    this.#walks = done.catch(() => {});
    return done;
  }

  async #filter(account_seq: number, query: ListSourcesQuery): Promise<SourceFilter> {
    const { connected, os_type, sort } = query;
    const filter: SourceFilter = {
      account_seq,
      query,
      ...(connected !== undefined && {
        connection: { ...this.#presence.connectedBetween(), seen: this.#presence.unwrittenConnected() },
      }),
      ...(sort === "last_seen" && { seen: this.#presence.unwritten() }),
    };
    return os_type === undefined ? filter : { ...filter, of_os: await this.#ofOs(filter, os_type) };
  }

  /** Registrations alone tell it: they are read some at a time, with others' requests in between. */
  async #ofOs(filter: SourceFilter, os_type: string): Promise<number[]> {
    const { reader } = this.#database;
    const found: number[] = [];
    for (let after = 0; ; ) {
      const next = withinBytes(await selectSizesAfter(reader, filter, after, READ_AT_ONCE), BYTES_AT_ONCE);
      const last = next.at(-1);
      if (!last) return found;
      const seqs = next.map(({ seq }) => seq);
      found.push(...(await selectOfOs(reader, seqs, os_type)));
      after = last.seq;
      await new Promise<void>((resolve) => this.#platform.nextTurn(resolve));
    }
  }

  async #items(seqs: readonly number[]): Promise<ListedSource[]> {
    const { reader } = this.#database;
    const [rows, open] = await Promise.all([selectListed(reader, seqs), selectFirstOpen(reader, seqs)]);
    const openOf = new Map(open.map((command) => [command.source_seq, command]));
    return rows.map((row) => this.#item(row, openOf.get(row.seq)));
  }

  #item(row: ListedRow, open: OpenCommandRow | undefined): ListedSource {
    const { id, name, ip, ipv6, state, migration_cycle, registered_at, state_since, task } = row;
    const { hostname, os_version, ...checked } = describedOf(row.described);
    const last_seen_at = this.#presence.seenAt(row.seq, row.seen_at);
    return {
      id,
      name,
      ip,
      ipv6,
      hostname,
      os_type: checked.os_type,
      os_version,
      state,
      migration_cycle,
      connected: this.#presence.isConnected(last_seen_at),
      last_seen_at,
      registered_at,
      state_since,
      reason: reasonOf({ state, checked, task_state: task?.state ?? null, error_json: task?.error_json ?? null }),
      task: task && {
        id: task.id,
        name: task.name,
        type: task.type,
        state: task.state,
        progress: row.progress,
        migrate_speed: row.migrate_speed,
        remain_seconds: row.remain_seconds,
        error: errorText(task.error_json),
      },
      open_command: open
        ? { id: open.id, command_name: open.command_name, state: open.state, created_at: open.created_at }
        : null,
    };
  }
}

/** Whether a list goes through all the account's sources. */
function isWalk({ q, connected, task_state, os_type, sort }: ListSourcesQuery): boolean {
  const isFiltered = [q, connected, task_state, os_type].some((filter) => filter !== undefined);
  return isFiltered || sort === "name" || sort === "last_seen";
}

/** The members a store reads out of a registration, in its order. */
export function describedOf(described: string): Checked & { hostname: string | null; os_version: string } {
  const [hostname, os_type, os_version, has_rsync, has_tc, boot_loader] = JSON.parse(described) as [
    hostname: string | null,
    os_type: Checked["os_type"],
    os_version: string,
    has_rsync: boolean | null,
    has_tc: boolean | null,
    boot_loader: string | null,
  ];
  return {
    hostname,
    os_type,
    os_version,
    has_rsync: has_rsync ?? false,
    has_tc: has_tc ?? false,
    boot_loader: boot_loader ?? "",
  };
}
