import { keyBySecret, wrongKey } from "../auth/authenticate.ts";
import { covers, type Principal } from "../auth/principal.ts";
import { hashOfSession } from "../auth/session.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Role } from "../core/words.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import { type Doer, record } from "../events/service.ts";
import { FIRST_ACCOUNT_NAME } from "./accounts.ts";
import type { Credentials } from "./credentials.ts";
import { selectKeyInUse } from "./key-store.ts";
import type { Passwords } from "./passwords.ts";
import type { CreateSessionBody, ShownCaller } from "./schema.ts";
import { isAsChecked, logRefusals, newToken, userByPassword } from "./sign-in.ts";
import { selectAccountBySeq } from "./store.ts";
import { deleteOldestTokens, deleteToken, insertToken } from "./token-store.ts";
import { MAX_TOKENS_OF_USER, TOKEN_LIFETIME_MS } from "./tokens.ts";
import { selectUser } from "./user-store.ts";

/** At once; beyond, the oldest ends. Those of a key displace nobody else's: it may be one of many of a user. */
const MAX_SESSIONS_OF_KEY = 100;

/** Who has shown a password or a key's secret. */
interface Proven {
  method: "password" | "key";
  account_seq: number;
  actor: string;
  user_seq: number;
  roles: readonly Role[];
  access_key: string | null;
  expires_at: number | null;
  /** The user's name. Throws as for wrong ones where what was shown is no longer good. */
  nameNow(tx: Transaction): Promise<string>;
}

/** Sign-ins at the console. A session lies among its user's tokens, so that whatever ends those ends it too. */
export class Sessions {
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

  /**
   * A new session for 24 h, in place of the one that the browser had; one by a key ends with the key. Throws
   * `unauthenticated`, in the same words, for a wrong name and a wrong secret, and `forbidden` for who may not look.
   */
  async createSession(
    body: CreateSessionBody,
    address: string | null,
    before: readonly string[],
  ): Promise<{ session: string; lasts_s: number; caller: ShownCaller }> {
    const proven = await logRefusals(this.#platform, "unauthenticated", address, this.#prove(body, address));
    refuseWhoMayNotLook(proven.roles);
    const { account_seq, actor, user_seq, access_key, method } = proven;
    const replaced = await this.#known(before, address);
    const session = newToken(this.#platform);
    const hash = hashOfSession(session);
    const issued_at = this.#platform.now();
    const longest = issued_at + TOKEN_LIFETIME_MS;
    const expires_at = Math.min(longest, proven.expires_at ?? longest);
    const begin = async (tx: Transaction): Promise<string[]> => {
      const user = await proven.nameNow(tx);
      await insertToken(tx, { hash, user_seq, project_id: null, method, issued_at, expires_at, access_key });
      const data = { user, method, expires_at };
      await record(tx, { account_seq, actor, address }, issued_at, { type: "session.begun", data });
      await this.#end(tx, replaced);
      const keep = access_key === null ? MAX_TOKENS_OF_USER : MAX_SESSIONS_OF_KEY;
      const ended = await deleteOldestTokens(tx, user_seq, access_key, keep);
      return [...ended, ...replaced.map(({ hash }) => hash)];
    };
    await this.#database.writer.transaction(begin, (ended) => this.#credentials.forgetTokens(ended));
    const caller = await this.showCaller({ credential: { kind: "session", id: hash } });
    return { session, lasts_s: Math.floor((expires_at - issued_at) / 1000), caller };
  }

  /** From the commit on they are worth nothing. One that has ended already stays so. */
  async deleteSession(sessions: readonly string[], address: string | null): Promise<void> {
    const known = await this.#known(sessions, address);
    if (known.length === 0) return;
    await this.#database.writer.transaction(
      (tx) => this.#end(tx, known),
      () => this.#credentials.forgetTokens(known.map(({ hash }) => hash)),
    );
  }

  async showCaller({ credential }: Pick<Principal, "credential">): Promise<ShownCaller> {
    const holder = await this.#credentials.holderOf(credential);
    if (!holder) throw new Failure("unauthenticated", "these credentials have just ended");
    const { account_seq, account_id, actor, roles, bound_to, expires_at } = holder;
    const account = await selectAccountBySeq(this.#database.reader, account_seq);
    if (!account) throw new Error("the account of credentials is always there");
    return { account_id, account_name: account.name, actor, roles: [...roles], bound_to: bound_to ?? null, expires_at };
  }

  #prove(body: CreateSessionBody, address: string | null): Promise<Proven> {
    return "user" in body ? this.#byPassword(body, address) : this.#byKey(body);
  }

  async #byPassword(
    { user: name, password, account = FIRST_ACCOUNT_NAME }: Extract<CreateSessionBody, { user: string }>,
    address: string | null,
  ): Promise<Proven> {
    const named = { name, domain_name: account };
    const found = await userByPassword(this.#database.reader, this.#passwords, named, password, address).catch(
      (error) => {
        // As it is told here, where nobody speaks IAM.
        if (error instanceof Failure && error.kind === "signInRefused")
          throw new Failure("unauthenticated", error.message);
        throw error;
      },
    );
    if (!found) throw refused();
    const { user } = found;
    return {
      method: "password",
      account_seq: user.account_seq,
      actor: `user:${user.name}`,
      user_seq: user.seq,
      roles: [user.role],
      access_key: null,
      expires_at: null,
      nameNow: async (tx) => {
        if (!(await isAsChecked(tx, user))) throw refused();
        return user.name;
      },
    };
  }

  async #byKey(shown: Extract<CreateSessionBody, { access_key: string }>): Promise<Proven> {
    const { access_key } = shown;
    const { account_seq, actor, user_seq, roles, expires_at } = await keyBySecret(
      shown,
      this.#platform.now(),
      this.#credentials,
    );
    const nameNow = async (tx: Transaction) => {
      const user = (await selectKeyInUse(tx, access_key)) && (await selectUser(tx, { seq: user_seq }));
      if (!user) throw wrongKey();
      return user.name;
    };
    return { method: "key", account_seq, actor, user_seq, roles, access_key, expires_at, nameNow };
  }

  /** The sessions that hold, and who ends them. */
  async #known(sessions: readonly string[], address: string | null): Promise<Known[]> {
    const known: Known[] = [];
    for (const hash of sessions.map(hashOfSession)) {
      const holder = await this.#credentials.holderOf({ kind: "session", id: hash });
      if (holder) known.push({ hash, by: { account_seq: holder.account_seq, actor: holder.actor, address } });
    }
    return known;
  }

  async #end(tx: Transaction, known: readonly Known[]): Promise<void> {
    for (const { hash, by } of known) {
      if (await deleteToken(tx, hash)) await record(tx, by, this.#platform.now(), { type: "session.ended" });
    }
  }
}

interface Known {
  hash: string;
  by: Doer;
}

/** Nothing that the console shows is for who may not read. */
function refuseWhoMayNotLook(roles: readonly Role[]): void {
  const blind = roles.find((role) => !covers(role, "viewer"));
  if (blind === undefined) return;
  throw new Failure(
    "forbidden",
    `role ${blind} sees nothing at the console: sign in as a user, or with a key, whose role is viewer, operator or admin`,
  );
}

function refused(): Failure {
  return new Failure("unauthenticated", "the user or the password is wrong");
}
