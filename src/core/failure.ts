/**
 * The closed list of ways a request can fail. `http/failure-reply.ts` turns a kind into status, code and body;
 * anything thrown that is not a Failure counts as `internal`.
 */
export type FailureKind =
  | "invalid" // the request is malformed or breaks a bound
  | "unauthenticated" // no credentials, or wrong ones
  | "signInRefused" // wrong user, password or token where one signs in
  | "forbidden" // known caller, not allowed
  | "notFound" // the object does not exist for this caller
  | "noRoute" // no such operation
  | "tooLarge" // body over the limit
  | "conflict" // the object's state does not allow it
  | "unavailable" // cannot store now; worth trying again
  | "internal";

export interface FailureOptions {
  /** Replaces the kind's usual error code. */
  code?: string;
  cause?: unknown;
}

/** A refusal whose message may be shown to the caller: never put secrets, SQL or paths into it. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly code: string | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.kind = kind;
    this.code = options.code;
  }
}
