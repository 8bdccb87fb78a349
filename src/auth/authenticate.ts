import { after } from "../core/after.ts";
import { sha256Hex } from "../core/digest.ts";
import { Failure } from "../core/failure.ts";
import type { CredentialRef, Holder, Principal } from "./principal.ts";
import { equalText, parseAuthorization, refuseSignature, type SignedRequest } from "./signature.ts";

/** Longest X-Auth-Token. Source: docs/decisions.md, "Accounts and signatures". */
const MAX_TOKEN_LENGTH = 16_384;

const CONTEXT_HEADERS = ["X-Project-Id", "X-Domain-Id"];

/** An access key as the check needs it. */
export interface KeyRecord extends Holder {
  secret_key: string;
  /** Hex SHA-256 of the X-Security-Token that goes with a temporary key; null: the key comes without. */
  security_token_hash: string | null;
}

/** Where credentials are looked up: those in use, undefined for any other. At once where they are remembered. */
export interface CredentialStore {
  findKey(access_key: string): KeyRecord | Promise<KeyRecord | undefined>;
  /** As findKey, but never from memory. */
  readKey(access_key: string): Promise<KeyRecord | undefined>;
  findToken(hash: string): Holder | Promise<Holder | undefined>;
  /** By the hash of what the console's cookie holds. */
  findSession(hash: string): Holder | undefined | Promise<Holder | undefined>;
}

export interface Caller {
  principal: Principal;
  /**
   * Whether the caller vouches for a header: by the signature, or by sending it beside a token. What a request says in
   * other headers must not widen what it may do.
   */
  vouchesFor(header: string): boolean;
}

/** Unknown keys are checked against this one, so that they take as long and fail alike. */
const NOBODYS_SECRET = "no key has this secret, as it is not of the form of one";

/** Where a request comes from. */
export interface Origin {
  /** Client address, where the runtime tells it. Asked for when it is needed: nearly every poll needs none. */
  readonly address?: string | null;
}

/**
 * Finds out who calls, at once where the credentials are remembered. Throws `unauthenticated` without valid credentials
 * and `forbidden` where X-Project-Id or X-Domain-Id names something that is not the account's.
 */
export function authenticate(
  request: SignedRequest,
  origin: Origin,
  now: number,
  credentials: CredentialStore,
): Caller | Promise<Caller> {
  const authorization = request.headers.get("authorization");
  const token = request.headers.get("x-auth-token");
  if (token !== null) {
    if (authorization !== null) throw refusal("send a signature or a token, not both");
    return byToken(token, request.headers, origin, now, credentials);
  }
  if (authorization === null) {
    throw refusal("the Authorization header is missing: sign the request with SDK-HMAC-SHA256, or send X-Auth-Token");
  }
  return bySignature(authorization, request, origin, now, credentials);
}

function bySignature(
  authorization: string,
  request: SignedRequest,
  origin: Origin,
  now: number,
  { findKey, readKey }: CredentialStore,
): Caller | Promise<Caller> {
  const claim = parseAuthorization(authorization);
  if (!claim) {
    throw refusal("the Authorization header must be: SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...");
  }
  const judge = (key: KeyRecord | undefined) => {
    const refused = refuseSignature(claim, request, key?.secret_key ?? NOBODYS_SECRET, now);
    if (refused !== undefined) {
      // An unknown key costs a look into the database: a known one must not be told by being refused sooner.
      return Promise.resolve(key && readKey(claim.access_key)).then(() => Promise.reject(refusal(refused)));
    }
    if (key === undefined) throw refusal("the access key or its signature is wrong");
    if (hasExpired(key, now)) throw refusal("the access key has expired");
    refuseSecurityToken(request.headers.get("x-security-token"), key.security_token_hash);
    refuseForeignContext(request.headers, key);
    return {
      principal: toPrincipal(key, { kind: "key", id: claim.access_key }, origin),
      vouchesFor: (header: string) => claim.signed_headers.includes(header),
    };
  };
  return after(findKey(claim.access_key), judge);
}

function byToken(
  token: string,
  headers: Headers,
  origin: Origin,
  now: number,
  { findToken }: CredentialStore,
): Caller | Promise<Caller> {
  if (token.length > MAX_TOKEN_LENGTH) throw refusal(`X-Auth-Token has more than ${MAX_TOKEN_LENGTH} characters`);
  const hash = sha256Hex(token);
  const judge = (holder: Holder | undefined) => {
    if (!holder || hasExpired(holder, now)) throw refusal("the token is unknown, has expired or was revoked");
    refuseForeignContext(headers, holder);
    return { principal: toPrincipal(holder, { kind: "token", id: hash }, origin), vouchesFor: () => true };
  };
  return after(findToken(hash), judge);
}

/** How somebody who signs in shows that a key is his. */
export interface ShownKey {
  access_key: string;
  secret_key: string;
  security_token?: string | undefined;
}

/**
 * The key whose secret is shown. Throws `unauthenticated`, for an unknown key and a wrong secret in the same words and
 * after the same time.
 */
export async function keyBySecret(
  shown: ShownKey,
  now: number,
  { readKey }: Pick<CredentialStore, "readKey">,
): Promise<KeyRecord> {
  const key = await readKey(shown.access_key);
  // Of hashes, which are of one length: how long a secret is must not be told either.
  const isRight = equalText(sha256Hex(shown.secret_key), sha256Hex(key?.secret_key ?? NOBODYS_SECRET));
  if (!isRight || key === undefined) throw wrongKey();
  if (hasExpired(key, now)) throw refusal("the access key has expired");
  refuseSecurityToken(shown.security_token ?? null, key.security_token_hash, "security_token");
  return key;
}

export function wrongKey(): Failure {
  return refusal("the access key or its secret key is wrong");
}

/** The principal of valid credentials. */
export function toPrincipal(holder: Holder, credential: CredentialRef, origin: Origin): Principal {
  const { account_seq, account_id, user_seq, actor, roles, bound_to, project_ids } = holder;
  return {
    account_seq,
    account_id,
    user_seq,
    actor,
    roles,
    bound_to,
    project_ids,
    credential,
    get address() {
      return origin.address ?? null;
    },
  };
}

export function hasExpired({ expires_at }: Pick<Holder, "expires_at">, now: number): boolean {
  return expires_at !== null && expires_at <= now;
}

/** A temporary key is worth nothing without its token, and a permanent one comes without. */
function refuseSecurityToken(token: string | null, expectedHash: string | null, name = "X-Security-Token"): void {
  if (expectedHash === null) {
    if (token !== null) throw refusal(`this access key comes without ${name}`);
  } else if (token === null || !equalText(sha256Hex(token), expectedHash)) {
    throw refusal(`this access key takes the ${name} it was issued with`);
  }
}

/** X-Project-Id and X-Domain-Id have no authority: they can turn a request into a refusal and do nothing else. */
export function refuseForeignContext(headers: Headers, holder: Holder): void {
  for (const name of CONTEXT_HEADERS) {
    const value = headers.get(name) ?? "";
    if (value !== "" && !isOwnContext(value, holder)) {
      throw new Failure("forbidden", `${name} names neither a project nor the domain of the caller's account`);
    }
  }
}

/** Whether an id names the account itself or one of its projects. */
export function isOwnContext(id: string, { account_id, project_ids }: Pick<Holder, "account_id" | "project_ids">) {
  return id === account_id || project_ids.includes(id);
}

export function refusal(message: string): Failure {
  return new Failure("unauthenticated", message);
}
