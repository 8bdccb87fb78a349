import type { CredentialStore, KeyRecord } from "../auth/authenticate.ts";
import { hasExpired } from "../auth/authenticate.ts";
import type { CredentialRef, Holder, Principal } from "../auth/principal.ts";
import { after } from "../core/after.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Sealer } from "../core/sealed.ts";
import type { Role } from "../core/words.ts";
import type { Database } from "../db/database.ts";
import { selectKeyInUse } from "./key-store.ts";
import { selectToken, type TokenRow } from "./token-store.ts";

/** A session as it is stored: of the key that signed in, or of a user. */
interface Session extends Holder {
  access_key: string | null;
  expires_at: number;
}

/** Finds whose credentials these are, and remembers it where no other process can change that behind our back. */
export class Credentials implements CredentialStore {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #keys = new Map<string, KeyRecord>();
  readonly #tokens = new Map<string, Holder>();
  readonly #sessions = new Map<string, Session>();
  /** Counts what was forgotten: a look-up that began before must not fill the memory again. */
  #changes = 0;

  constructor(platform: Platform, database: Database, sealer: Sealer) {
    this.#platform = platform;
    this.#database = database;
    this.#sealer = sealer;
  }

  /** The key of that name, its secret open; undefined if it is unknown or disabled, or its user is. */
  readonly findKey = (access_key: string): KeyRecord | Promise<KeyRecord | undefined> =>
    this.#keys.get(access_key) ?? this.#lookUp(this.#keys, access_key, () => this.readKey(access_key));

  /** The same, from the database in any case. */
  readonly readKey = async (access_key: string): Promise<KeyRecord | undefined> => {
    const row = await selectKeyInUse(this.#database.reader, access_key);
    if (!row) return undefined;
    const { key, user_role, account_id, project_ids } = row;
    return {
      account_seq: key.account_seq,
      account_id,
      user_seq: key.user_seq,
      actor: access_key,
      roles: rolesOf(user_role, key.role),
      ...(key.is_enrolment && { bound_to: key.source_id }),
      project_ids,
      expires_at: key.expires_at,
      secret_key: this.#sealer.open(key.sealed_secret, secretPurpose(access_key)),
      security_token_hash: key.security_token_hash,
    };
  };

  /** The holder of the token with that hash; undefined if it is unknown or its user disabled. */
  readonly findToken = (hash: string): Holder | Promise<Holder | undefined> =>
    this.#tokens.get(hash) ??
    this.#lookUp(this.#tokens, hash, async () => {
      const row = await selectToken(this.#database.reader, hash);
      return row && toHolder(row);
    });

  /** The holder of the console's session with that hash. One by a key may what its key may, and ends with it. */
  readonly findSession = (hash: string): Holder | undefined | Promise<Holder | undefined> =>
    after(
      this.#sessions.get(hash) ??
        this.#lookUp(this.#sessions, hash, async () => {
          const row = await selectToken(this.#database.reader, hash);
          return row && { ...toHolder(row), access_key: row.token.access_key };
        }),
      (session) => {
        if (session === undefined || session.access_key === null) return session;
        return after(this.findKey(session.access_key), (key) => key && ofKey(session, key));
      },
    );

  /** Whose the credentials are now; undefined if they are no longer good. */
  async holderOf({ kind, id }: CredentialRef): Promise<Holder | undefined> {
    const find = { key: this.findKey, token: this.findToken, session: this.findSession }[kind];
    const holder = await find(id);
    return holder && !hasExpired(holder, this.#platform.now()) ? holder : undefined;
  }

  /**
   * Throws `unauthenticated` if the caller's credentials are no longer what they were when they were checked: for calls
   * that last.
   */
  async requireActive({ credential, roles }: Principal): Promise<void> {
    const holder = await this.holderOf(credential);
    if (holder?.roles.join() !== roles.join())
      throw new Failure("unauthenticated", "these credentials have been changed, revoked or have expired");
  }

  /** To be called after the commit that changed the key. */
  forgetKey(access_key: string): void {
    this.#changes += 1;
    this.#keys.delete(access_key);
  }

  /** To be called after the commit that ended them: tokens, and sessions too. */
  forgetTokens(hashes: readonly string[]): void {
    if (hashes.length > 0) this.#changes += 1;
    for (const hash of hashes) {
      this.#tokens.delete(hash);
      this.#sessions.delete(hash);
    }
  }

  /** To be called after a commit that changed a user or an account's projects. */
  forgetAll(): void {
    this.#changes += 1;
    this.#keys.clear();
    this.#tokens.clear();
    this.#sessions.clear();
  }

  /** Tokens, sessions and temporary keys whose time is over take no memory. */
  forgetExpired(): void {
    const now = this.#platform.now();
    for (const remembered of [this.#keys, this.#tokens, this.#sessions]) {
      for (const [id, holder] of remembered) if (hasExpired(holder, now)) remembered.delete(id);
    }
  }

  async #lookUp<Found>(
    memory: Map<string, Found>,
    id: string,
    look: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    const changes = this.#changes;
    const found = await look();
    if (found && this.#database.exclusive && changes === this.#changes) memory.set(id, found);
    return found;
  }
}

export function secretPurpose(access_key: string): string {
  return `access-key:${access_key}`;
}

function rolesOf(user: Role, key: Role | null): Role[] {
  return key === null || key === user ? [user] : [user, key];
}

function toHolder({ token, user, account, project_ids }: TokenRow): Holder & { expires_at: number } {
  return {
    account_seq: account.seq,
    account_id: account.id,
    user_seq: user.seq,
    actor: `user:${user.name}`,
    roles: [user.role],
    project_ids,
    expires_at: token.expires_at,
  };
}

/** Whatever the key is now, but not longer than the session. */
function ofKey({ expires_at: ends_at }: Session, key: KeyRecord): Holder {
  const { secret_key: _, security_token_hash: __, expires_at, ...holder } = key;
  return { ...holder, expires_at: Math.min(ends_at, expires_at ?? ends_at) };
}
