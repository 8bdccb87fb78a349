import { Buffer } from "node:buffer";
import type { KeyRecord } from "../auth/authenticate.ts";
import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Sealer } from "../core/sealed.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { toPage } from "../db/page.ts";
import { record, recordOwn } from "../events/service.ts";
import type {
  AccessKey,
  Account,
  AccountPage,
  CreateKeyBody,
  KeyPage,
  ListKeysQuery,
  ListQuery,
  NewKey,
} from "./schema.ts";
import {
  type AccountRow,
  countActiveAdmins,
  hasAccounts,
  insertAccount,
  insertKey,
  insertProject,
  type KeyRow,
  selectAccountByName,
  selectAccountBySeq,
  selectAccountPage,
  selectActiveKey,
  selectAnySealedSecret,
  selectKey,
  selectKeyPage,
  setKeyDisabled,
} from "./store.ts";

/** Account of the first start: its admins also manage accounts. */
const FIRST_ACCOUNT_SEQ = 1;
const FIRST_ACCOUNT_NAME = "default";

/** What the first start may be told; the rest is random. */
export interface BootstrapChoice {
  access_key?: string | undefined;
  secret_key?: string | undefined;
  project_id?: string | undefined;
}

/** Accounts and access keys. */
export class Access {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #region: string;
  /** Keys in use; only where no other process can change them behind our back. */
  readonly #keys = new Map<string, KeyRecord>();
  /** Counts what empties the cache: a look-up that began before must not fill it again. */
  #changes = 0;

  constructor(platform: Platform, database: Database, sealer: Sealer, region: string) {
    this.#platform = platform;
    this.#database = database;
    this.#sealer = sealer;
    this.#region = region;
  }

  /** The active key of that name, its secret open; undefined if there is none. */
  readonly findKey = async (access_key: string): Promise<KeyRecord | undefined> => {
    const cached = this.#keys.get(access_key);
    if (cached) return cached;
    const changes = this.#changes;
    const row = await selectActiveKey(this.#database.reader, access_key);
    if (!row) return undefined;
    const { sealed_secret, ...key } = row;
    const found: KeyRecord = { ...key, secret_key: this.#sealer.open(sealed_secret, secretPurpose(access_key)) };
    if (this.#database.exclusive && changes === this.#changes) this.#keys.set(access_key, found);
    return found;
  };

  /** Whether there is any account. */
  isInUse(): Promise<boolean> {
    return hasAccounts(this.#database.reader);
  }

  /** Throws `unauthenticated` if the caller's key has been disabled since it was checked: for calls that last. */
  async requireActive(principal: Principal): Promise<void> {
    if (await this.findKey(principal.access_key)) return;
    throw new Failure("unauthenticated", "the access key has been disabled");
  }

  /**
   * Makes the first account with an admin key on an empty database and returns the key; undefined if there is an
   * account already. `keep` puts the key where its owner finds it: before the commit, as afterwards nobody could make
   * another one. Throws if the master key is not the one the stored secrets were sealed under.
   */
  async bootstrap(choice: BootstrapChoice, keep: (key: NewKey) => void = () => {}): Promise<NewKey | undefined> {
    const sealed = await selectAnySealedSecret(this.#database.reader);
    if (sealed) this.#refuseOtherMasterKey(sealed);
    if (await hasAccounts(this.#database.reader)) return undefined;
    return this.#database.writer.transaction(async (tx) => {
      if (await hasAccounts(tx)) return undefined;
      const account = await this.#addAccount(tx, FIRST_ACCOUNT_NAME, choice.project_id);
      const key = await this.#addKey(tx, account, { role: "admin", description: "made at the first start" }, choice);
      const at = this.#platform.now();
      await recordOwn(
        tx,
        account.seq,
        at,
        { type: "account.created", data: { account_id: account.id, name: account.name } },
        { type: "key.created", data: { access_key: key.access_key, role: key.role } },
      );
      keep(key);
      return key;
    });
  }

  /** Admins of the first account only. Throws `conflict` if the name is taken. */
  async createAccount(principal: Principal, name: string): Promise<Account> {
    refuseOthersThanInstanceAdmin(principal);
    return this.#database.writer.transaction(async (tx) => {
      if (await selectAccountByName(tx, name))
        throw new Failure("conflict", `there is an account named ${name} already`);
      const account = await this.#addAccount(tx, name);
      const data = { account_id: account.id, name };
      await record(tx, principal, this.#platform.now(), { type: "account.created", data });
      return toAccount(account);
    });
  }

  /** Admins of the first account only. */
  async listAccounts(principal: Principal, query: ListQuery): Promise<AccountPage> {
    refuseOthersThanInstanceAdmin(principal);
    return toPage(await selectAccountPage(this.#database.reader, query), query, toAccount);
  }

  /**
   * Makes an access key. Throws `forbidden` for another account, unless an admin of the first account asks, and
   * `notFound` if there is no such account.
   */
  async createKey(principal: Principal, { account: name, ...wanted }: CreateKeyBody): Promise<NewKey> {
    return this.#database.writer.transaction(async (tx) => {
      const account = await this.#account(tx, principal, name);
      const key = await this.#addKey(tx, account, wanted);
      const data = { access_key: key.access_key, role: key.role };
      // In the trail of the account that can be entered with it, whoever made it.
      await record(tx, { ...principal, account_seq: account.seq }, this.#platform.now(), { type: "key.created", data });
      return key;
    });
  }

  /** Keys of an account, disabled ones too; never their secrets. Which accounts: as for createKey. */
  async listKeys(principal: Principal, { account: name, ...page }: ListKeysQuery): Promise<KeyPage> {
    const account = await this.#account(this.#database.reader, principal, name);
    return toPage(await selectKeyPage(this.#database.reader, account.seq, page), page, toAccessKey);
  }

  /**
   * From the commit on the key signs nothing. Throws `conflict` for the account's last active admin key: nobody could
   * make another one. Admins of the first account may disable any account's keys.
   */
  async disableKey(principal: Principal, access_key: string): Promise<AccessKey> {
    return this.#database.writer.transaction(
      async (tx) => {
        const key = await selectKey(tx, access_key);
        const isReachable = key?.account_seq === principal.account_seq || principal.account_seq === FIRST_ACCOUNT_SEQ;
        if (!key || !isReachable) throw new Failure("notFound", `access key ${access_key} is unknown`);
        if (key.disabled_at !== null) return toAccessKey(key);
        if (key.role === "admin" && (await countActiveAdmins(tx, key.account_seq)) === 1) {
          throw new Failure("conflict", "this is the account's last active admin key: create another one first");
        }
        const disabled_at = this.#platform.now();
        await setKeyDisabled(tx, access_key, disabled_at);
        const by = { ...principal, account_seq: key.account_seq };
        await record(tx, by, disabled_at, { type: "key.disabled", data: { access_key } });
        return toAccessKey({ ...key, disabled_at });
      },
      () => {
        this.#keys.delete(access_key);
        this.#changes += 1;
      },
    );
  }

  /** The caller's account or, for admins of the first one, the account of that name. */
  async #account(db: Executor, principal: Principal, name: string | undefined): Promise<AccountRow> {
    const own = await selectAccountBySeq(db, principal.account_seq);
    if (name !== undefined && name !== own?.name) refuseOthersThanInstanceAdmin(principal);
    const account = name === undefined ? own : await selectAccountByName(db, name);
    if (!account) throw new Failure("notFound", `there is no account named ${name}`);
    return account;
  }

  async #addAccount(tx: Transaction, name: string, project_id = this.#newHexId()): Promise<AccountRow> {
    const account = { id: this.#newHexId(), name, created_at: this.#platform.now() };
    const seq = await insertAccount(tx, account);
    const { created_at } = account;
    await insertProject(tx, { id: project_id, account_seq: seq, name: this.#region, created_at });
    return { seq, ...account, project_id };
  }

  async #addKey(
    tx: Transaction,
    account: AccountRow,
    wanted: { role: NewKey["role"]; description?: string | undefined },
    choice: BootstrapChoice = {},
  ): Promise<NewKey> {
    const access_key = choice.access_key ?? this.#randomText(20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    const secret_key =
      choice.secret_key ?? this.#randomText(40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    await insertKey(tx, {
      access_key,
      account_seq: account.seq,
      project_id: account.project_id,
      role: wanted.role,
      sealed_secret: this.#sealer.seal(secret_key, secretPurpose(access_key)),
      description: wanted.description ?? null,
      created_at: this.#platform.now(),
    });
    return { access_key, secret_key, account_id: account.id, project_id: account.project_id, role: wanted.role };
  }

  #refuseOtherMasterKey(row: { access_key: string; sealed_secret: string }): void {
    try {
      this.#sealer.open(row.sealed_secret, secretPurpose(row.access_key));
    } catch (cause) {
      throw new Error(
        "this database was made with another master key: give ferry that one, in FERRY_MASTER_KEY or as master.key in the data folder",
        {
          cause,
        },
      );
    }
  }

  /** 32 hex digits, as ids of domains and projects look. */
  #newHexId(): string {
    return Buffer.from(this.#platform.randomBytes(16)).toString("hex");
  }

  /** The alphabet's length divides 256, so every character is equally likely. */
  #randomText(length: number, alphabet: string): string {
    return Array.from(this.#platform.randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join("");
  }
}

function secretPurpose(access_key: string): string {
  return `access-key:${access_key}`;
}

function refuseOthersThanInstanceAdmin(principal: Principal): void {
  if (principal.account_seq !== FIRST_ACCOUNT_SEQ) {
    throw new Failure("forbidden", "only admins of the instance's first account manage other accounts");
  }
}

function toAccount({ seq: _, ...account }: AccountRow): Account {
  return account;
}

function toAccessKey({ access_key, project_id, role, description, created_at, disabled_at }: KeyRow): AccessKey {
  return { access_key, project_id, role, description, created_at, disabled_at };
}
