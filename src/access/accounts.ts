import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import { toPage } from "../db/page.ts";
import { type Change, record, recordOwn } from "../events/service.ts";
import type { BootstrapChoice, Keys } from "./keys.ts";
import { randomHexId } from "./random.ts";
import { reachAccount, refuseOthersThanInstanceAdmin } from "./reach.ts";
import type { Account, AccountPage, ListQuery, NewKey } from "./schema.ts";
import {
  type AccountRow,
  hasAccounts,
  insertAccount,
  insertProject,
  selectAccountByName,
  selectAccountPage,
} from "./store.ts";
import { insertUser, type UserRow } from "./user-store.ts";

export const FIRST_ACCOUNT_NAME = "default";
/** The user an account is made with. */
const FIRST_USER_NAME = "admin";

/** Tenants (IAM domains). */
export class Accounts {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #keys: Keys;
  readonly #region: string;

  constructor(platform: Platform, database: Database, keys: Keys, region: string) {
    this.#platform = platform;
    this.#database = database;
    this.#keys = keys;
    this.#region = region;
  }

  /** Whether there is any account. */
  isInUse(): Promise<boolean> {
    return hasAccounts(this.#database.reader);
  }

  /**
   * Makes the first account with an admin and its key on an empty database and returns the key; undefined if there is
   * an account already. `keep` puts the key where its owner finds it: before the commit, as afterwards nobody could make
   * another one; over a lost connection it may be called again, and the last call counts. Throws if the master key is
   * not the one the stored secrets were sealed under.
   */
  async bootstrap(choice: BootstrapChoice, keep: (key: NewKey) => void = () => {}): Promise<NewKey | undefined> {
    return this.#database.writer.transaction(async (tx) => {
      await this.#keys.requireMasterKey(tx);
      if (await hasAccounts(tx)) return undefined;
      const { account, admin, changes } = await this.#add(tx, FIRST_ACCOUNT_NAME, choice.project_id);
      const key = await this.#keys.add(tx, account, admin, { description: "made at the first start" }, choice);
      changes.push({ type: "key.created", data: { access_key: key.access_key, user: admin.name, role: key.role } });
      await recordOwn(tx, account.seq, this.#platform.now(), ...changes);
      keep(key);
      return key;
    });
  }

  /** Makes an account with an admin. Admins of the first account only. Throws `conflict` if the name is taken. */
  async createAccount(principal: Principal, name: string): Promise<Account> {
    refuseOthersThanInstanceAdmin(principal);
    return this.#database.writer.transaction(async (tx) => {
      if (await selectAccountByName(tx, name))
        throw new Failure("conflict", `there is an account named ${name} already`);
      const { account, changes } = await this.#add(tx, name);
      const [made, ...inIt] = changes;
      const at = this.#platform.now();
      if (made) await record(tx, principal, at, made);
      await record(tx, { ...principal, account_seq: account.seq }, at, ...inIt);
      return toAccount(account);
    });
  }

  /** The caller's. */
  async ownAccount(principal: Principal): Promise<Account> {
    return toAccount(await reachAccount(this.#database.reader, principal, undefined));
  }

  /** Admins of the first account only. */
  async listAccounts(principal: Principal, query: ListQuery): Promise<AccountPage> {
    refuseOthersThanInstanceAdmin(principal);
    return toPage(await selectAccountPage(this.#database.reader, query), query, toAccount);
  }

  async #add(
    tx: Transaction,
    name: string,
    project_id = randomHexId(this.#platform),
  ): Promise<{ account: AccountRow; admin: UserRow; changes: Change[] }> {
    const row = { id: randomHexId(this.#platform), name, created_at: this.#platform.now() };
    const { created_at } = row;
    const seq = await insertAccount(tx, row);
    await insertProject(tx, { id: project_id, account_seq: seq, name: this.#region, created_at });
    const admin = await insertUser(tx, {
      id: randomHexId(this.#platform),
      account_seq: seq,
      name: FIRST_USER_NAME,
      role: "admin",
      password_hash: null,
      created_at,
      disabled_at: null,
    });
    const changes: Change[] = [
      { type: "account.created", data: { account_id: row.id, name } },
      { type: "user.created", data: { user: admin.name, role: admin.role } },
    ];
    return { account: { seq, ...row, project_id }, admin, changes };
  }
}

function toAccount({ seq: _, ...account }: AccountRow): Account {
  return account;
}
