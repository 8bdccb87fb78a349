import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor } from "../db/executor.ts";
import { toPage } from "../db/page.ts";
import { record } from "../events/service.ts";
import type { Credentials } from "./credentials.ts";
import { keepingAnAdmin } from "./last-admin.ts";
import type { Passwords } from "./passwords.ts";
import { randomHexId } from "./random.ts";
import { reachAccount, reaches } from "./reach.ts";
import type { CreateUserBody, ListUsersQuery, UpdateUserBody, User, UserPage } from "./schema.ts";
import { deleteTokensOf } from "./token-store.ts";
import {
  deleteUser,
  insertUser,
  selectUser,
  selectUserByName,
  selectUserPage,
  selectUsers,
  type UserRow,
  updateUser,
} from "./user-store.ts";

/** Users: who works with an account. Which accounts a caller reaches: as for access keys. */
export class Users {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #passwords: Passwords;

  constructor(platform: Platform, database: Database, credentials: Credentials, passwords: Passwords) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#passwords = passwords;
  }

  /** Throws `conflict` if the name is taken. */
  async createUser(principal: Principal, { account: of, name, role, password }: CreateUserBody): Promise<User> {
    const account = await reachAccount(this.#database.reader, principal, of);
    const refuseTaken = async (db: Executor) => {
      if (await selectUserByName(db, account.seq, name)) {
        throw new Failure("conflict", `there is a user named ${name} already`);
      }
    };
    await refuseTaken(this.#database.reader);
    const password_hash = password === undefined ? null : await this.#passwords.hash(password);
    return this.#database.writer.transaction(async (tx) => {
      // Hashing takes its time: who asked for it may have been shut out meanwhile.
      await this.#credentials.requireActive(principal);
      await refuseTaken(tx);
      const created_at = this.#platform.now();
      const row = { id: randomHexId(this.#platform), account_seq: account.seq, name, role, password_hash, created_at };
      const user = await insertUser(tx, { ...row, disabled_at: null });
      const by = { ...principal, account_seq: account.seq };
      await record(tx, by, created_at, { type: "user.created", data: { user: name, role } });
      return toUser(user);
    });
  }

  async listUsers(principal: Principal, { account: of, name, ...page }: ListUsersQuery): Promise<UserPage> {
    const account = await reachAccount(this.#database.reader, principal, of);
    return toPage(await selectUserPage(this.#database.reader, account.seq, name, page), page, toUser);
  }

  /** All of the caller's account, or the one of that name. */
  usersNamed({ account_seq }: Principal, name: string | undefined): Promise<UserRow[]> {
    return selectUsers(this.#database.reader, account_seq, name);
  }

  /**
   * Changes role, password or whether the user is disabled; any of these ends its tokens. Throws `conflict` if no admin
   * of the account could come in any more.
   */
  async updateUser(principal: Principal, id: string, { role, password, disabled }: UpdateUserBody): Promise<User> {
    await own(this.#database.reader, principal, id);
    const password_hash = password === undefined ? undefined : await this.#passwords.hash(password);
    return this.#database.writer.transaction(
      async (tx) => {
        await this.#credentials.requireActive(principal);
        const user = await own(tx, principal, id);
        const now = this.#platform.now();
        const change = {
          ...(role !== undefined && { role }),
          ...(password_hash !== undefined && { password_hash }),
          ...(disabled !== undefined && { disabled_at: disabled ? (user.disabled_at ?? now) : null }),
        };
        if (Object.keys(change).length === 0) return toUser(user);
        await keepingAnAdmin(tx, principal, user.account_seq, () => updateUser(tx, user.seq, change));
        await deleteTokensOf(tx, user.seq);
        await record(tx, { ...principal, account_seq: user.account_seq }, now, {
          type: "user.updated",
          data: { user: user.name, role, disabled, ...(password !== undefined && { password: "changed" }) },
        });
        return toUser({ ...user, ...change });
      },
      () => this.#credentials.forgetAll(),
    );
  }

  /** With its keys and tokens. Throws `conflict` if no admin of the account could come in any more. */
  async deleteUser(principal: Principal, id: string): Promise<void> {
    await this.#database.writer.transaction(
      async (tx) => {
        const user = await own(tx, principal, id);
        await keepingAnAdmin(tx, principal, user.account_seq, () => deleteUser(tx, user.seq));
        const by = { ...principal, account_seq: user.account_seq };
        await record(tx, by, this.#platform.now(), { type: "user.deleted", data: { user: user.name } });
      },
      () => this.#credentials.forgetAll(),
    );
  }
}

async function own(db: Executor, principal: Principal, id: string): Promise<UserRow> {
  const user = await selectUser(db, { id });
  if (!user || !reaches(principal, user.account_seq)) throw new Failure("notFound", `user ${id} is unknown`);
  return user;
}

function toUser({ id, name, role, password_hash, created_at, disabled_at }: UserRow): User {
  return { id, name, role, has_password: password_hash !== null, created_at, disabled_at };
}
