import type { Role } from "../core/words.ts";

/** Whether everything the role `narrow` may do, `wide` may do too. Source: docs/decisions.md, "Roles". */
export function covers(wide: Role, narrow: Role): boolean {
  return wide === narrow || wide === "admin" || (wide === "operator" && narrow !== "admin");
}

/** What stands behind valid credentials. */
export interface Holder {
  account_seq: number;
  account_id: string;
  user_seq: number;
  /** As the record of changes names the caller: an access key, or `user:NAME` behind a password. */
  actor: string;
  /** The user's role and, where the key has one of its own, that: the caller may do what each of them may. */
  roles: readonly Role[];
  /** The one source these credentials are good for, null while an enrolment key has none; undefined: any of the account. */
  bound_to?: string | null | undefined;
  /** Project ids of the account: what X-Project-Id may name. */
  project_ids: readonly string[];
  /** Milliseconds since 1970; null: no end. */
  expires_at: number | null;
}

/** Which credentials were shown: to find them again later. Of a token or session its hash. */
export interface CredentialRef {
  kind: "key" | "token" | "session";
  id: string;
}

/** Who calls. Everything a caller can see or change belongs to the account. */
export interface Principal extends Omit<Holder, "expires_at"> {
  credential: CredentialRef;
  /** Client address, where the runtime tells it. */
  address: string | null;
}
