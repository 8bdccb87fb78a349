import { hasExpired } from "../auth/authenticate.ts";
import type { Principal } from "../auth/principal.ts";
import { sha256Hex } from "../core/digest.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import { record } from "../events/service.ts";
import type { Credentials } from "./credentials.ts";
import type { CreateTokenBody, Token } from "./iam-schema.ts";
import type { Passwords } from "./passwords.ts";
import type { Projects } from "./projects.ts";
import { isAsChecked, logRefusals, newToken, type SignedIn, userByPassword } from "./sign-in.ts";
import type { ProjectRow } from "./store.ts";
import { deleteExpiredTokens, deleteOldestTokens, insertToken, selectToken, type TokenRow } from "./token-store.ts";

export const TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1000;
/** At once, sessions among them; beyond, the oldest ends. */
export const MAX_TOKENS_OF_USER = 10_000;

type Identity = CreateTokenBody["auth"]["identity"];
type Scope = CreateTokenBody["auth"]["scope"];

/** Sign-in: tokens for a password or for another token. */
export class Tokens {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #projects: Projects;
  readonly #passwords: Passwords;

  constructor(
    platform: Platform,
    database: Database,
    credentials: Credentials,
    projects: Projects,
    passwords: Passwords,
  ) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#projects = projects;
    this.#passwords = passwords;
  }

  /**
   * A new token for 24 h; one made by a token ends with that. Throws `signInRefused`, in the same words, for a wrong user,
   * password or token, and `notFound` for a scope that is not the user's account's.
   */
  async createToken(
    { auth: { identity, scope } }: CreateTokenBody,
    address: string | null,
  ): Promise<{ token: string; body: Token }> {
    const signIn = this.#signIn(identity, address);
    const { signedIn, method, parent } = await logRefusals(this.#platform, "signInRefused", address, signIn);
    const { user, account } = signedIn;
    const actor = `user:${user.name}`;
    const project = await this.#projectOf(scope, signedIn, { account_seq: account.seq, actor, address });
    const token = newToken(this.#platform);
    const issued_at = this.#platform.now();
    const expires_at = parent?.expires_at ?? issued_at + TOKEN_LIFETIME_MS;
    const row = { user_seq: user.seq, project_id: project?.id ?? null, method, issued_at, expires_at };
    const issue = async (tx: Transaction): Promise<string[]> => {
      // What the sign-in was checked against may have changed meanwhile, and its tokens were ended then.
      if (!(await isAsChecked(tx, user)) || (parent && !(await selectToken(tx, parent.hash)))) throw refused();
      await insertToken(tx, { hash: sha256Hex(token), ...row });
      const by = { account_seq: account.seq, actor, address };
      await record(tx, by, issued_at, { type: "token.issued", data: { user: user.name, method, expires_at } });
      return deleteOldestTokens(tx, user.seq, null, MAX_TOKENS_OF_USER);
    };
    await this.#database.writer.transaction(issue, (ended) => this.#credentials.forgetTokens(ended));
    return { token, body: toToken({ ...signedIn, project: project ?? null, token: row }) };
  }

  /** What a token of the caller's account is. Throws `notFound` for any other. */
  async showToken(principal: Principal, token: string): Promise<Token> {
    const row = await selectToken(this.#database.reader, sha256Hex(token));
    if (row?.account.seq !== principal.account_seq || hasExpired(row.token, this.#platform.now())) {
      throw new Failure("notFound", "X-Subject-Token is no token of this account, or has expired");
    }
    return toToken(row);
  }

  /** Deletes at most `limit` tokens whose time is over; answers how many. */
  deleteExpired(limit: number): Promise<number> {
    this.#credentials.forgetExpired();
    return this.#database.writer.transaction((tx) => deleteExpiredTokens(tx, this.#platform.now(), limit));
  }

  async #signIn(identity: Identity, address: string | null) {
    const [method] = identity.methods;
    if (method === "token") {
      const signedIn = await this.#byToken(identity);
      return { signedIn, method, parent: signedIn.token } as const;
    }
    return { signedIn: await this.#byPassword(identity, address), method: "password", parent: undefined } as const;
  }

  async #byPassword({ password: given }: Identity, address: string | null): Promise<SignedIn> {
    if (!given) throw new Failure("invalid", "auth.identity.password is missing: the method is password");
    const { id, name, domain, password } = given.user;
    const wanted = { id, name, domain_id: domain?.id, domain_name: domain?.name };
    if (!id && !(name && (domain?.id || domain?.name))) {
      throw new Failure("invalid", "auth.identity.password.user takes id, or name with its domain");
    }
    const found = await userByPassword(this.#database.reader, this.#passwords, wanted, password, address);
    if (!found) throw refused();
    return found;
  }

  async #byToken({ token }: Identity): Promise<TokenRow> {
    if (!token) throw new Failure("invalid", "auth.identity.token is missing: the method is token");
    const parent = await selectToken(this.#database.reader, sha256Hex(token.id));
    if (!parent || hasExpired(parent.token, this.#platform.now())) throw refused();
    return parent;
  }

  /** The project a token is asked for, or undefined for the account. */
  async #projectOf(
    scope: Scope,
    { account }: SignedIn,
    caller: Parameters<Projects["projectNamed"]>[0],
  ): Promise<ProjectRow | undefined> {
    if (scope?.project && scope.domain) throw new Failure("invalid", "auth.scope takes project or domain, not both");
    const isOwn = (domain: { id?: string | undefined; name?: string | undefined }) =>
      (domain.id ?? account.id) === account.id && (domain.name ?? account.name) === account.name;
    const unknown = new Failure("notFound", "auth.scope names no project and no domain of the user's account");
    const wanted = scope?.project ?? scope?.domain;
    if (wanted && !wanted.id && !wanted.name) {
      throw new Failure("invalid", "auth.scope names the project or domain by id or name");
    }
    if (scope?.domain && !isOwn(scope.domain)) throw unknown;
    if (!scope?.project) return undefined;
    const { id, name = "", domain } = scope.project;
    if (domain && !isOwn(domain)) throw unknown;
    const project = id
      ? await this.#projects.projectWithId(caller, id)
      : await this.#projects.projectNamed(caller, name);
    if (!project || (name !== "" && name !== project.name)) throw unknown;
    return project;
  }
}

function refused(): Failure {
  return new Failure("signInRefused", "the user, its password or the token is wrong");
}

interface Shown extends SignedIn {
  project: Pick<ProjectRow, "id" | "name"> | null;
  token: Pick<TokenRow["token"], "method" | "issued_at" | "expires_at">;
}

function toToken({ user, account, project, token }: Shown): Token {
  const domain = { id: account.id, name: account.name };
  return {
    token: {
      methods: [token.method],
      issued_at: sixDecimals(token.issued_at),
      expires_at: sixDecimals(token.expires_at),
      user: { id: user.id, name: user.name, domain },
      roles: [{ id: user.role, name: user.role }],
      catalog: [],
      ...(project ? { project: { id: project.id, name: project.name, domain } } : { domain }),
    },
  };
}

/** Clients parse the fraction of Keystone's times. */
function sixDecimals(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
