import { covers, type Principal } from "../auth/principal.ts";
import { sha256Hex } from "../core/digest.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Sealer } from "../core/sealed.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { toPage } from "../db/page.ts";
import { record } from "../events/service.ts";
import { type Credentials, secretPurpose } from "./credentials.ts";
import {
  deleteExpiredKeys,
  insertKey,
  insertMasterKeyCheck,
  type KeyRow,
  selectAnySealedSecret,
  selectKey,
  selectKeyPage,
  selectMasterKeyCheck,
  updateKey,
} from "./key-store.ts";
import { keepingAnAdmin } from "./last-admin.ts";
import { randomText } from "./random.ts";
import { reachAccount, reaches } from "./reach.ts";
import type { AccessKey, CreateKeyBody, KeyPage, ListKeysQuery, NewKey } from "./schema.ts";
import { type AccountRow, selectAccountBySeq } from "./store.ts";
import { selectFirstAdmin, selectUser, selectUserByName, type UserRow } from "./user-store.ts";

/** What the check value of the master key is sealed for. */
export const MASTER_KEY_CHECK = "master-key-check";
const ACCESS_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** What the first start may be told; the rest is random. */
export interface BootstrapChoice {
  access_key?: string | undefined;
  secret_key?: string | undefined;
  project_id?: string | undefined;
}

/** What a key is made with. */
type KeyOrder = Pick<CreateKeyBody, "role" | "description" | "expires_in_s" | "enrolment"> & {
  source_id?: string | null;
};

/** Access keys: lasting ones, temporary ones, and those that enrol an agent. */
export class Keys {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #credentials: Credentials;

  constructor(platform: Platform, database: Database, sealer: Sealer, credentials: Credentials) {
    this.#platform = platform;
    this.#database = database;
    this.#sealer = sealer;
    this.#credentials = credentials;
  }

  /**
   * Makes an access key. Throws `forbidden` for another account, unless an admin of the first account asks, `notFound`
   * if there is no such account or user, and `conflict` for a user that is disabled or whose role does not cover the
   * key's.
   */
  async createKey(principal: Principal, { account: name, user: owner, ...order }: CreateKeyBody): Promise<NewKey> {
    return this.#database.writer.transaction(async (tx) => {
      const account = await reachAccount(tx, principal, name);
      const user = await ownerOf(tx, principal, account, owner);
      const role = order.role ?? (order.enrolment ? "agent" : undefined);
      if (user.disabled_at !== null) throw new Failure("conflict", `user ${user.name} is disabled`);
      if (role !== undefined && !covers(user.role, role)) {
        throw new Failure("conflict", `user ${user.name} is ${user.role}: a key of it cannot be ${role}`);
      }
      const key = await this.add(tx, account, user, { ...order, role });
      const data = { access_key: key.access_key, user: user.name, role: key.role };
      // In the trail of the account that can be entered with it, whoever made it.
      await record(tx, { ...principal, account_seq: account.seq }, this.#platform.now(), { type: "key.created", data });
      return key;
    });
  }

  /** Keys of an account, disabled ones too; never their secrets. Which accounts: as for createKey. */
  async listKeys(principal: Principal, { account: name, ...page }: ListKeysQuery): Promise<KeyPage> {
    const account = await reachAccount(this.#database.reader, principal, name);
    return toPage(await selectKeyPage(this.#database.reader, account.seq, page), page, toAccessKey);
  }

  /**
   * From the commit on the key signs nothing. Throws `conflict` if no admin of the account could come in any more.
   * Admins of the first account may disable any account's keys.
   */
  async disableKey(principal: Principal, access_key: string): Promise<AccessKey> {
    return this.#change(access_key, async (tx) => {
      const key = await own(tx, principal, access_key);
      if (key.disabled_at !== null) return toAccessKey(key);
      const disabled_at = this.#platform.now();
      await keepingAnAdmin(tx, principal, key.account_seq, () => updateKey(tx, access_key, { disabled_at }));
      const by = { ...principal, account_seq: key.account_seq };
      await record(tx, by, disabled_at, { type: "key.disabled", data: { access_key } });
      return toAccessKey({ ...key, disabled_at });
    });
  }

  /**
   * Makes a key of the same user, role and source in place of an old one, which stays good for `overlap_s` seconds; one
   * that has ended stays so. Throws `conflict` for a temporary key.
   */
  async rotateKey(principal: Principal, access_key: string, overlap_s: number): Promise<NewKey> {
    return this.#change(access_key, async (tx) => {
      const old = await own(tx, principal, access_key);
      const now = this.#platform.now();
      if (old.security_token_hash !== null) throw new Failure("conflict", "a temporary key is not rotated: it ends");
      const account = await selectAccountBySeq(tx, old.account_seq);
      const user = await selectUser(tx, { seq: old.user_seq });
      if (!account || !user) throw new Error("a key's account and user are always there");
      const { role, description, is_enrolment: enrolment, source_id } = old;
      const order = { role: role ?? undefined, description: description ?? undefined, enrolment, source_id };
      const key = await this.add(tx, account, user, order);
      // One key for enrolment is one source: while none is bound, two keys would be two.
      const overlapMs = enrolment && source_id === null ? 0 : overlap_s * 1000;
      const expires_at = Math.min(old.expires_at ?? Number.MAX_SAFE_INTEGER, now + overlapMs);
      await updateKey(tx, access_key, { expires_at });
      const data = { access_key, by: key.access_key, expires_at };
      await record(tx, { ...principal, account_seq: account.seq }, now, { type: "key.rotated", data });
      return key;
    });
  }

  /** The source an enrolment key is bound to, as the transaction sees it; null: none yet. */
  async boundTo(tx: Transaction, { credential }: Principal): Promise<string | null> {
    return (await selectKey(tx, credential.id))?.source_id ?? null;
  }

  /**
   * Binds the caller's enrolment key to a source, within the caller's transaction. Call `bound` after the commit.
   */
  async bind(tx: Transaction, principal: Principal, source_id: string): Promise<void> {
    const access_key = principal.credential.id;
    await updateKey(tx, access_key, { source_id });
    await record(tx, principal, this.#platform.now(), { type: "key.bound", source_id, data: { access_key } });
  }

  bound({ credential }: Pick<Principal, "credential">): void {
    this.#credentials.forgetKey(credential.id);
  }

  /** Deletes at most `limit` temporary keys whose time is over; answers how many. */
  deleteExpired(limit: number): Promise<number> {
    this.#credentials.forgetExpired();
    return this.#database.writer.transaction((tx) => deleteExpiredKeys(tx, this.#platform.now(), limit));
  }

  /** Adds a key within the caller's transaction; `choice` is for the first one of all. */
  async add(
    tx: Transaction,
    account: AccountRow,
    user: UserRow,
    { role, description, expires_in_s, enrolment = false, source_id = null }: KeyOrder,
    choice: BootstrapChoice = {},
  ): Promise<NewKey> {
    const access_key = choice.access_key ?? randomText(this.#platform, 20, ACCESS_KEY);
    const secret_key = choice.secret_key ?? randomText(this.#platform, 40, SECRET);
    const security_token = expires_in_s === undefined ? undefined : randomText(this.#platform, 64, SECRET);
    const created_at = this.#platform.now();
    const expires_at = expires_in_s === undefined ? null : created_at + expires_in_s * 1000;
    await insertKey(tx, {
      access_key,
      account_seq: account.seq,
      user_seq: user.seq,
      project_id: account.project_id,
      role: role ?? null,
      sealed_secret: this.#sealer.seal(secret_key, secretPurpose(access_key)),
      security_token_hash: security_token === undefined ? null : sha256Hex(security_token),
      description: description ?? null,
      created_at,
      expires_at,
      is_enrolment: enrolment,
      source_id,
    });
    return {
      access_key,
      secret_key,
      ...(security_token !== undefined && { security_token }),
      account_id: account.id,
      project_id: account.project_id,
      user_name: user.name,
      role: role ?? user.role,
      expires_at,
    };
  }

  /**
   * Throws if the stored secrets were sealed under another master key; leaves a check value for later starts, so that
   * even one on a database without secrets tells.
   */
  async requireMasterKey(tx: Transaction): Promise<void> {
    const check = await selectMasterKeyCheck(tx);
    const secret = check === undefined ? await selectAnySealedSecret(tx) : undefined;
    try {
      if (check !== undefined) this.#sealer.open(check, MASTER_KEY_CHECK);
      if (secret) this.#sealer.open(secret.sealed_secret, secretPurpose(secret.access_key));
    } catch (cause) {
      throw new Error(
        "this database was made with another master key: give ferry that one, in FERRY_MASTER_KEY or as master.key in the data folder",
        { cause },
      );
    }
    if (check === undefined) await insertMasterKeyCheck(tx, this.#sealer.seal("ferry", MASTER_KEY_CHECK));
  }

  #change<Result>(access_key: string, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.#database.writer.transaction(work, () => this.#credentials.forgetKey(access_key));
  }
}

/** The user a new key is for: the one of that name, the caller or, in another account, its first admin. */
async function ownerOf(
  tx: Transaction,
  principal: Principal,
  account: AccountRow,
  name: string | undefined,
): Promise<UserRow> {
  const user =
    name !== undefined
      ? await selectUserByName(tx, account.seq, name)
      : account.seq === principal.account_seq
        ? await selectUser(tx, { seq: principal.user_seq })
        : await selectFirstAdmin(tx, account.seq);
  if (!user) throw new Failure("notFound", name === undefined ? "the account has no admin" : `user ${name} is unknown`);
  return user;
}

async function own(db: Executor, principal: Principal, access_key: string): Promise<KeyRow> {
  const key = await selectKey(db, access_key);
  if (!key || !reaches(principal, key.account_seq)) {
    throw new Failure("notFound", `access key ${access_key} is unknown`);
  }
  return key;
}

function toAccessKey(row: KeyRow): AccessKey {
  const { access_key, project_id, user_name, description, source_id, created_at, expires_at, disabled_at } = row;
  return {
    access_key,
    project_id,
    user_name,
    role: row.role ?? row.user_role,
    user_role: row.user_role,
    description,
    temporary: row.security_token_hash !== null,
    enrolment: row.is_enrolment,
    source_id,
    created_at,
    expires_at,
    disabled_at,
  };
}
