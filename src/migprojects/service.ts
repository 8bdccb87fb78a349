import * as v from "valibot";
import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { record, recordOwn } from "../events/service.ts";
import {
  DEFAULT_MIGPROJECTS_PER_PAGE,
  type ListMigprojectsQuery,
  type ListMigprojectsResponse,
  type MigProject,
  PostMigProjectBody,
  type ShowMigprojectResponse,
} from "./schema.ts";
import {
  clearDefault,
  deleteMigproject,
  insertMigproject,
  type MigprojectRow,
  selectDefault,
  selectHoldsSources,
  selectMigproject,
  selectMigprojectPage,
  updateMigproject,
} from "./store.ts";

/** Migration projects: what groups an account's sources. One of them is the default at any time. */
export class Migprojects {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #region: string;

  constructor(platform: Platform, database: Database, region: string) {
    this.#platform = platform;
    this.#database = database;
    this.#region = region;
  }

  /** The project new sources join; an account's first look makes its SystemProject. */
  async defaultProject(tx: Transaction, account_seq: number): Promise<MigprojectRow> {
    return (await selectDefault(tx, account_seq)) ?? this.#makeSystemProject(tx, account_seq);
  }

  /** Throws `notFound` for an id that is not one of the caller's account. */
  async migproject(db: Executor, principal: Principal, id: string): Promise<MigprojectRow> {
    const found = await selectMigproject(db, principal.account_seq, { id });
    if (!found) throw new Failure("notFound", `migration project ${id} is unknown`);
    return found;
  }

  /** Throws `conflict` if the name is taken. */
  async createMigproject(principal: Principal, body: PostMigProjectBody): Promise<{ id: string }> {
    const { account_seq } = principal;
    return this.#database.writer.transaction(async (tx) => {
      // First of all: its name is taken too, and it is the default one until another is made that.
      await this.defaultProject(tx, account_seq);
      await refuseTakenName(tx, account_seq, body.name);
      if (body.isdefault) await clearDefault(tx, account_seq);
      const made = await this.#insert(tx, account_seq, body);
      await record(tx, principal, made.created_at, { type: "migproject.created", data: inEvents(made) });
      return { id: made.id };
    });
  }

  /** Projects of the caller's account, oldest first: SystemProject is one of them from the beginning. */
  async listMigprojects(principal: Principal, query: ListMigprojectsQuery): Promise<ListMigprojectsResponse> {
    const { account_seq } = principal;
    if (!(await selectDefault(this.#database.reader, account_seq))) {
      await this.#database.writer.transaction((tx) => this.defaultProject(tx, account_seq));
    }
    const page = { limit: query.limit || DEFAULT_MIGPROJECTS_PER_PAGE, offset: query.offset ?? 0 };
    const { count, rows } = await selectMigprojectPage(this.#database.reader, account_seq, page);
    const migprojects = rows.map(({ holds_sources, ...row }) => ({
      id: row.id,
      ...inReplies(row),
      exist_server: holds_sources,
    }));
    return { count, migprojects };
  }

  /** Throws `notFound`. */
  async showMigproject(principal: Principal, id: string): Promise<ShowMigprojectResponse> {
    return inReplies(await this.migproject(this.#database.reader, principal, id));
  }

  /**
   * Changes the members sent; isdefault false changes nothing on the default one. Throws `notFound`, and `conflict` if
   * the name is another project's.
   */
  async updateMigproject(principal: Principal, id: string, body: MigProject): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const row = await this.migproject(tx, principal, id);
      const { isdefault, ...members } = body;
      await this.#change(tx, principal, row, isdefault ? body : members);
    });
  }

  /** Makes it the project new sources join. Throws `notFound`. */
  async updateDefaultMigproject(principal: Principal, id: string): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      await this.#change(tx, principal, await this.migproject(tx, principal, id), { isdefault: true });
    });
  }

  /** Throws `notFound`, and `conflict` while it is the default one or holds sources. */
  async deleteMigproject(principal: Principal, id: string): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const { seq, name, isdefault } = await this.migproject(tx, principal, id);
      if (isdefault) {
        throw new Failure("conflict", `migration project ${name} is the default one: make another one that first`);
      }
      if (await selectHoldsSources(tx, seq)) {
        throw new Failure("conflict", `migration project ${name} holds sources: move or delete them first`);
      }
      await deleteMigproject(tx, seq);
      await record(tx, principal, this.#platform.now(), {
        type: "migproject.deleted",
        data: { migproject_id: id, name },
      });
    });
  }

  /** Stores what differs from the row; nothing that does: nothing is recorded either. */
  async #change(tx: Transaction, principal: Principal, row: MigprojectRow, sent: MigProject): Promise<void> {
    const change: Partial<ShowMigprojectResponse> = Object.fromEntries(
      Object.entries(sent).filter(([name, value]) => row[name as keyof MigProject] !== value),
    );
    if (Object.keys(change).length === 0) return;
    if (change.name !== undefined) await refuseTakenName(tx, row.account_seq, change.name);
    if (change.isdefault) await clearDefault(tx, row.account_seq);
    await updateMigproject(tx, row.seq, change);
    const data = inEvents({ id: row.id, name: row.name, ...change });
    await record(tx, principal, this.#platform.now(), { type: "migproject.updated", data });
  }

  async #makeSystemProject(tx: Transaction, account_seq: number): Promise<MigprojectRow> {
    const sent = { name: "SystemProject", isdefault: true, region: this.#region, type: "MIGRATE_FILE" };
    const made = await this.#insert(tx, account_seq, v.parse(PostMigProjectBody, sent));
    await recordOwn(tx, account_seq, made.created_at, { type: "migproject.created", data: inEvents(made) });
    return made;
  }

  #insert(tx: Transaction, account_seq: number, body: PostMigProjectBody): Promise<MigprojectRow> {
    const id = this.#platform.newId();
    return insertMigproject(tx, { id, account_seq, ...body, created_at: this.#platform.now() });
  }
}

/** What the record of changes holds of a project; the default one is marked where it becomes that. */
function inEvents({ id, name, isdefault }: { id: string; name: string; isdefault?: boolean }) {
  return { migproject_id: id, name, ...(isdefault && { isdefault }) };
}

async function refuseTakenName(tx: Transaction, account_seq: number, name: string): Promise<void> {
  if (await selectMigproject(tx, account_seq, { name })) {
    throw new Failure("conflict", `there is a migration project named ${name} already`);
  }
}

function inReplies(row: MigprojectRow): ShowMigprojectResponse {
  const { seq: _seq, id: _id, account_seq: _account, created_at: _created, ...members } = row;
  return members;
}
