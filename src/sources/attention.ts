import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import {
  countFailedTasks,
  type EndedRow,
  type Found,
  MOST_ENDED,
  type NeedyRow,
  SHOWN,
  selectEndedInVain,
  selectFailedTasks,
  selectInNeed,
  selectNewestInState,
  selectNotSeen,
  selectStepEnd,
} from "./attention-store.ts";
import { describedOf } from "./lists.ts";
import type { AttentionItem, AttentionKind, ShowAttentionResponse } from "./operate-schema.ts";
import type { Presence } from "./presence.ts";
import { reasonOf } from "./reason.ts";
import { countByState } from "./store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Sources looked at in one statement, a few milliseconds; others' requests come in between. */
const STEP = 5_000;
/** Who is not seen is looked up so often at the most, however many overviews ask. */
const REMEMBERED_MS = 5_000;

interface NotSeen {
  count: number;
  first: { seq: number; seen_at: number | null }[];
}

/** One to be shown, of whatever kind. */
interface Shown {
  seq: number;
  at?: number;
  reason?: string;
  command_id?: string;
}

interface Kind {
  kind: AttentionKind;
  count: number;
  is_more: boolean;
  first: Shown[];
}

/** What an operator has to look at. */
export class Attention {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #presence: Presence;
  /** Who is not seen, by account; only where no other process knows better. */
  readonly #notSeen = new Map<number, { at: number; answer: Promise<NotSeen> }>();

  constructor(platform: Platform, database: Database, presence: Presence) {
    this.#platform = platform;
    this.#database = database;
    this.#presence = presence;
  }

  /** By kind, those there are none of left out. A source in error is not told of once more for its failed task. */
  async showAttention({ account_seq }: Principal): Promise<ShowAttentionResponse> {
    const { reader } = this.#database;
    const { states } = await countByState(reader, account_seq);
    const counts = new Map(states.map(({ state, count }) => [state, count]));
    const kinds = await Promise.all([
      this.#inState(account_seq, "error", counts.get("error")),
      this.#inState(account_seq, "unavailable", counts.get("unavailable")),
      this.#silent(account_seq),
      this.#failed(account_seq),
      this.#ended(account_seq, "overdue", "was not reported in time"),
      this.#ended(account_seq, "undelivered", "was fetched by no poll in time"),
    ]);
    const seqs = kinds.flatMap(({ first }) => first.map(({ seq }) => seq));
    const rows = new Map((await selectInNeed(reader, [...new Set(seqs)])).map((row) => [row.seq, row]));
    return { items: kinds.filter(({ count }) => count > 0).map((kind) => toItem(kind, rows)) };
  }

  async #inState(account_seq: number, state: "error" | "unavailable", count = 0): Promise<Kind> {
    const seqs = count > 0 ? await selectNewestInState(this.#database.reader, account_seq, state) : [];
    return { kind: state, count, is_more: false, first: seqs.map((seq) => ({ seq })) };
  }

  async #failed(account_seq: number): Promise<Kind> {
    const { reader } = this.#database;
    const failed = await countFailedTasks(reader, account_seq);
    const { count, looked, first } = failed > 0 ? await selectFailedTasks(reader, account_seq) : nothing<Shown>();
    return { kind: "task_failed", count, is_more: failed > looked, first };
  }

  async #ended(account_seq: number, kind: "overdue" | "undelivered", how: string): Promise<Kind> {
    const since = this.#platform.now() - DAY_MS;
    const { reader } = this.#database;
    const { count, looked, first } = await selectEndedInVain(reader, account_seq, `command.${kind}`, since);
    const shown = first.map(({ command_name, ...row }: EndedRow) => ({ ...row, reason: `${command_name} ${how}` }));
    return { kind, count, is_more: looked >= MOST_ENDED, first: shown };
  }

  async #silent(account_seq: number): Promise<Kind> {
    const { count, first } = await this.#lookOnce(account_seq);
    return {
      kind: "not_seen",
      count,
      is_more: false,
      first: first.map(({ seq, seen_at }) =>
        seen_at === null ? { seq, reason: "its agent has never been heard of" } : { seq, at: seen_at },
      ),
    };
  }

  /** One walk for all who ask meanwhile. */
  #lookOnce(account_seq: number): Promise<NotSeen> {
    if (!this.#database.exclusive) return this.#lookForSilent(account_seq);
    const now = this.#platform.now();
    const known = this.#notSeen.get(account_seq);
    if (known && known.at <= now && now - known.at < REMEMBERED_MS) return known.answer;
    const answer = this.#lookForSilent(account_seq);
    this.#notSeen.set(account_seq, { at: now, answer });
    answer.catch(() => this.#notSeen.delete(account_seq));
    return answer;
  }

  /** Through all sources of the account, some at a time. */
  async #lookForSilent(account_seq: number): Promise<NotSeen> {
    const { reader } = this.#database;
    const connection = this.#presence.connectedBetween();
    const known = Float64Array.from(this.#presence.unwrittenConnected()).sort();
    const silent: NotSeen = { count: 0, first: [] };
    for (let after = 0, from = 0; ; ) {
      const end = await selectStepEnd(reader, account_seq, after, STEP);
      let to = from;
      while (to < known.length && (known[to] ?? 0) <= (end ?? Number.POSITIVE_INFINITY)) to += 1;
      const seen = [...known.subarray(from, to)];
      const { count, first } = await selectNotSeen(reader, account_seq, { after, end }, { ...connection, seen });
      silent.count += count;
      silent.first = [...silent.first, ...first].sort(newestFirst).slice(0, SHOWN);
      if (end === undefined) return silent;
      [after, from] = [end, to];
      await new Promise<void>((resolve) => this.#platform.nextTurn(resolve));
    }
  }
}

function nothing<Row>(): Found<Row> {
  return { count: 0, looked: 0, first: [] };
}

/** Those that were never seen come last. */
function newestFirst(a: NotSeen["first"][number], b: NotSeen["first"][number]): number {
  return (b.seen_at ?? 0) - (a.seen_at ?? 0) || b.seq - a.seq;
}

function toItem({ kind, count, is_more, first }: Kind, rows: ReadonlyMap<number, NeedyRow>): AttentionItem {
  const shown = first.flatMap(({ seq, at, reason, command_id }) => {
    const row = rows.get(seq);
    if (!row) return [];
    const since = kind === "not_seen" ? row.registered_at : row.state_since;
    return {
      source_id: row.id,
      source_name: row.name,
      at: at ?? since,
      reason: reason ?? (kind === "not_seen" ? null : whyOf(row)),
      command_id: command_id ?? null,
    };
  });
  return { kind, count, is_more, first: shown };
}

function whyOf({ state, described, task_state, error_json }: NeedyRow): string | null {
  const checked = described === null ? undefined : describedOf(described);
  return reasonOf({ state, checked, task_state, error_json });
}
