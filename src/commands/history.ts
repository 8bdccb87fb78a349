import type { Principal } from "../auth/principal.ts";
import type { Database } from "../db/database.ts";
import { toPage } from "../db/page.ts";
import type { Mailbox } from "./mailbox.ts";
import { toCommand, unknownCommand } from "./replies.ts";
import type { Command, CommandPage, ListCommandsQuery, ListResultsQuery } from "./schema.ts";
import {
  deleteOldResults,
  type ResultRow,
  selectCommand,
  selectCommandPage,
  selectReports,
  selectResultPage,
} from "./store.ts";

const STREAM_PAGE = 500;

/** What was ordered and what was reported, deleted sources included: for reading. */
export class CommandHistory {
  readonly #database: Database;
  readonly #mailbox: Mailbox;

  constructor(database: Database, mailbox: Mailbox) {
    this.#database = database;
    this.#mailbox = mailbox;
  }

  async listCommands(principal: Principal, query: ListCommandsQuery): Promise<CommandPage> {
    const rows = await selectCommandPage(this.#database.reader, principal.account_seq, query);
    return toPage(rows, query, (row) => toCommand(this.#mailbox.current(row)));
  }

  /** A command and every report that ended it, repeats it or came too late for it. */
  async findCommand(principal: Principal, id: string): Promise<{ command: Command; reports: ResultRow[] }> {
    const row = await selectCommand(this.#database.reader, principal.account_seq, id);
    if (!row) throw unknownCommand(id);
    const reports = await selectReports(this.#database.reader, row.seq);
    return { command: toCommand(this.#mailbox.current(row)), reports };
  }

  /** A page of stored reports, their detail as JSON text. */
  async listResults(
    principal: Principal,
    query: ListResultsQuery,
  ): Promise<{ items: ResultRow[]; next_cursor: string | null }> {
    return toPage(await selectResultPage(this.#database.reader, principal.account_seq, query), query, (row) => row);
  }

  /** Every stored report that matches, page by page. */
  async *streamResults(principal: Principal, query: ListResultsQuery): AsyncGenerator<ResultRow[]> {
    let page = { ...query, limit: STREAM_PAGE };
    for (;;) {
      const { items, next_cursor } = await this.listResults(principal, page);
      if (items.length > 0) yield items;
      if (next_cursor === null) return;
      page = { ...page, cursor: next_cursor };
    }
  }

  /** Deletes at most `limit` reports received before then; answers how many. */
  deleteOldResults(before: number, limit: number): Promise<number> {
    return this.#database.writer.transaction((tx) => deleteOldResults(tx, before, limit));
  }
}
