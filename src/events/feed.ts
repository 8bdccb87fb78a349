import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { News } from "./news.ts";
import type { FollowEventsQuery } from "./schema.ts";
import { toEvent } from "./service.ts";
import { type EventRow, selectEventPage } from "./store.ts";

/** A stream says so often that it is there: what is silent for long is cut on its way. */
const BEAT_MS = 5_000;
/** A client that knows no better comes again after this long. */
const RETRY_MS = 1_000;
/** Events read at once: few, as calls on a file are synchronous. */
const PAGE = 100;
/** Who is behind by no more than that reads what all others read, whatever the filter. */
const NEAR = 500;

/** Throws `unauthenticated` if the caller's credentials are not what they were any more. */
type RequireActive = (principal: Principal) => Promise<void>;

/** What stands behind a position, as a stream sends it. */
interface Page {
  text: string;
  /** How far was looked. */
  position: number;
}

interface Rows {
  rows: EventRow[];
  /** How far was looked. */
  reached: number;
}

interface Follower {
  principal: Principal;
  filter: FollowEventsQuery;
  position: number;
  /** Says that nobody reads any more. */
  signal: AbortSignal;
  /** When the stream ends by itself, in milliseconds since 1970. */
  until: number;
}

/** The live stream of events, fed by their table alone: whoever has written them, and whatever was missed meanwhile. */
export class EventFeed {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #requireActive: RequireActive;
  readonly #news: News;
  /** Pages that are just being read: streams that stand at the same place share them. */
  readonly #pages = new Map<string, Promise<Page>>();
  readonly #near = new Map<string, Promise<Rows>>();

  constructor(platform: Platform, database: Database, requireActive: RequireActive) {
    this.#platform = platform;
    this.#database = database;
    this.#requireActive = requireActive;
    this.#news = new News(platform, database);
  }

  /**
   * Events of the caller's account as Server-Sent Events, each once and in the order they were written: those behind
   * `after`, or from now on. Ends with the caller's credentials, after `most_s` seconds, when this is closed, or as soon
   * as the signal says that nobody reads any more.
   */
  async follow(
    principal: Principal,
    filter: FollowEventsQuery,
    { after, most_s, signal }: { after: number | undefined; most_s: number; signal: AbortSignal },
  ): Promise<AsyncGenerator<string>> {
    const highest = await this.#news.look();
    const until = this.#platform.now() + most_s * 1000;
    return this.#pieces({ principal, filter, position: after ?? highest, signal, until }, highest);
  }

  /** Ends every stream. */
  close(): void {
    this.#news.close();
  }

  async *#pieces(follower: Follower, highestBefore: number): AsyncGenerator<string> {
    const { principal, signal, until } = follower;
    const { now, nextTurn } = this.#platform;
    let before = highestBefore;
    yield `retry: ${RETRY_MS}\n${mark(follower.position)}`;
    for (let beatAt = now() + BEAT_MS; ; ) {
      await this.#news.until(follower.position, Math.min(beatAt, until) - now(), signal);
      const isOver = this.#news.isClosed || signal.aborted || now() >= until;
      if (isOver || !(await this.#isActive(principal))) return;
      if (now() >= beatAt) {
        beatAt = now() + BEAT_MS;
        const highest = await this.#news.look();
        // Twice below the position: what is read is not a moment behind what is written, the record is an earlier one.
        if (Math.max(before, highest) < follower.position) follower.position = Math.min(before, highest);
        before = highest;
        yield mark(follower.position);
      }
      if (this.#news.highest > follower.position) {
        const { text, position } = await this.#pageAfter(follower);
        follower.position = position;
        if (text !== "") yield text;
        // However much there is, everybody else has a turn between two pages.
        await new Promise<void>((resolve) => nextTurn(resolve));
      }
    }
  }

  async #isActive(principal: Principal): Promise<boolean> {
    try {
      await this.#requireActive(principal);
      return true;
    } catch (error) {
      if (error instanceof Failure && error.kind === "unauthenticated") return false;
      throw error;
    }
  }

  #pageAfter({ principal: { account_seq }, filter, position }: Follower): Promise<Page> {
    const { highest } = this.#news;
    const isNear = Object.keys(filter).length > 0 && highest - position <= NEAR;
    if (isNear) return this.#filteredNear(account_seq, filter, position, highest);
    return this.#once(this.#pages, JSON.stringify([account_seq, position, filter]), async () => {
      const { rows, reached } = await this.#read(account_seq, filter, position, highest, PAGE);
      return { text: asText(rows), position: reached };
    });
  }

  /** Many streams of as many filters are one read. */
  async #filteredNear(account_seq: number, filter: FollowEventsQuery, after: number, highest: number): Promise<Page> {
    const { rows, reached } = await this.#once(this.#near, `${account_seq} ${after}`, () =>
      this.#read(account_seq, {}, after, highest, NEAR),
    );
    return { text: asText(rows.filter((row) => matches(row, filter))), position: reached };
  }

  /** What is read for one is read for all who ask for the same before it has come. */
  #once<Read>(reading: Map<string, Promise<Read>>, key: string, read: () => Promise<Read>): Promise<Read> {
    const known = reading.get(key);
    if (known) return known;
    const begun = read();
    reading.set(key, begun);
    const forget = () => this.#platform.nextTurn(() => reading.delete(key));
    begun.then(forget, forget);
    return begun;
  }

  async #read(
    account_seq: number,
    filter: FollowEventsQuery,
    after: number,
    highest: number,
    limit: number,
  ): Promise<Rows> {
    const query = { ...filter, order: "oldest" as const, limit, cursor: String(after) };
    const { rows, next_cursor } = await selectEventPage(this.#database.reader, account_seq, query);
    // `highest` was there before this was read: what it does not hold up to there does not match.
    const reached = next_cursor === null ? Math.max(highest, rows.at(-1)?.seq ?? 0) : Number(next_cursor);
    return { rows, reached };
  }
}

function asText(rows: readonly EventRow[]): string {
  return rows.map((row) => `id: ${row.seq}\ndata: ${JSON.stringify(toEvent(row))}\n\n`).join("");
}

function matches(row: EventRow, { type, source_id, command_id }: FollowEventsQuery): boolean {
  const isOf = (wanted: string | undefined, is: string | null) => wanted === undefined || wanted === is;
  return isOf(type, row.type) && isOf(source_id, row.source_id) && isOf(command_id, row.command_id);
}

/** A block that is no event: the position alone. */
function mark(position: number): string {
  return `id: ${position}\n\n`;
}
