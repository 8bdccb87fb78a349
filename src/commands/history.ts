import type { Credentials } from "../access/credentials.ts";
import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { withinBytes } from "../db/page.ts";
import { cursorOf } from "../db/walk.ts";
import {
  deleteOldResults,
  type ResultRow,
  selectCommandPage,
  selectResultSteps,
  selectResultsBySeq,
} from "./history-store.ts";
import type { Mailbox } from "./mailbox.ts";
import { resultLines, toCommand, unknownCommand } from "./replies.ts";
import type { Command, CommandPage, ListCommandsQuery, ListResultsQuery } from "./schema.ts";
import { selectCommand } from "./store.ts";

const STREAM_PAGE = 500;
/** A page of reports holds about this much at the most: one may have 12 MiB. */
const REPORTS_BYTES = 4 * 1024 * 1024;
/** Reports shown with a command. */
const REPORTS_SHOWN = 100;

/** What was ordered and what was reported, deleted sources included: for reading. */
export class CommandHistory {
  readonly #platform: Pick<Platform, "nextTurn">;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #mailbox: Mailbox;

  constructor(platform: Pick<Platform, "nextTurn">, database: Database, credentials: Credentials, mailbox: Mailbox) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#mailbox = mailbox;
  }

  async listCommands(principal: Principal, query: ListCommandsQuery): Promise<CommandPage> {
    const { rows, next_cursor } = await selectCommandPage(this.#database.reader, principal.account_seq, query);
    return { items: rows.map((row) => toCommand(this.#mailbox.current(row))), next_cursor };
  }

  /** A command and every report that ended it, repeats it or came too late for it. */
  async findCommand(principal: Principal, id: string): Promise<{ command: Command; reports: ResultRow[] }> {
    const row = await selectCommand(this.#database.reader, principal.account_seq, id);
    if (!row) throw unknownCommand(id);
    const query = { command_id: id, limit: REPORTS_SHOWN, order: "oldest" as const };
    const { items } = await this.listResults(principal, query);
    return { command: toCommand(this.#mailbox.current(row)), reports: items };
  }

  /** A page of stored reports, their detail as JSON text; a shorter one where the details are long. */
  async listResults(
    principal: Principal,
    query: ListResultsQuery,
  ): Promise<{ items: ResultRow[]; next_cursor: string | null }> {
    const { steps, next_cursor, walk } = await selectResultSteps(this.#database.reader, principal.account_seq, query);
    const fitting = withinBytes(steps, REPORTS_BYTES);
    const items = await selectResultsBySeq(
      this.#database.reader,
      fitting.map(({ seq }) => seq),
    );
    const isCut = fitting.length < steps.length;
    return { items, next_cursor: isCut ? cursorOf(fitting.at(-1), walk) : next_cursor };
  }

  /**
   * Every stored report that matches, as lines of JSON. What fails at the first page fails here, later the stream does;
   * so does the end of the caller's credentials.
   */
  async streamResults(principal: Principal, query: ListResultsQuery): Promise<AsyncGenerator<string>> {
    const nextPage = async (cursor = query.cursor) => {
      await this.#credentials.requireActive(principal);
      return this.listResults(principal, { ...query, limit: STREAM_PAGE, cursor });
    };
    const { nextTurn } = this.#platform;
    const first = await nextPage();
    return (async function* () {
      for (let page = first; ; page = await nextPage(page.next_cursor ?? undefined)) {
        if (page.items.length > 0) yield resultLines(page.items);
        if (page.next_cursor === null) return;
        // Calls on a file are synchronous: many pages without an item must not hold up everybody else.
        await new Promise<void>((resolve) => nextTurn(resolve));
      }
    })();
  }

  /** Deletes at most `limit` reports received before then; answers how many. */
  deleteOldResults(before: number, limit: number): Promise<number> {
    return this.#database.writer.transaction((tx) => deleteOldResults(tx, before, limit));
  }
}
