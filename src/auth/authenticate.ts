import { Failure } from "../core/failure.ts";
import type { Principal, Role } from "./principal.ts";
import { parseAuthorization, refuseSignature, type SignedRequest } from "./signature.ts";

/** An access key as the check needs it. */
export interface KeyRecord {
  access_key: string;
  secret_key: string;
  role: Role;
  account_seq: number;
  account_id: string;
  project_ids: readonly string[];
}

export interface Caller {
  principal: Principal;
  /** Headers the signature covers: what a request says in others must not widen what it may do. */
  signed_headers: readonly string[];
}

/** Unknown keys are checked against this one, so that they take as long and fail alike. */
const NOBODY: KeyRecord = {
  access_key: "",
  secret_key: "no key has this secret, as it is not of the form of one",
  role: "viewer",
  account_seq: 0,
  account_id: "",
  project_ids: [],
};

/**
 * Finds out who calls. Throws `unauthenticated` without valid credentials and `forbidden` where X-Project-Id or
 * X-Domain-Id names something that is not the account's.
 */
export async function authenticate(
  request: SignedRequest,
  address: string | null,
  now: number,
  findKey: (access_key: string) => Promise<KeyRecord | undefined>,
): Promise<Caller> {
  const header = request.headers.get("authorization");
  if (request.headers.has("x-auth-token")) {
    throw refusal(header === null ? "the token is unknown" : "send a signature or a token, not both");
  }
  if (header === null) throw refusal("the Authorization header is missing: sign the request with SDK-HMAC-SHA256");
  const claim = parseAuthorization(header);
  if (!claim) {
    throw refusal("the Authorization header must be: SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...");
  }
  const known = await findKey(claim.access_key);
  const refused = refuseSignature(claim, request, (known ?? NOBODY).secret_key, now);
  if (refused !== undefined) throw refusal(refused);
  if (known === undefined) throw refusal("the access key or its signature is wrong");
  // Keys that are not temporary come without a security token.
  if (request.headers.has("x-security-token")) throw refusal("this access key comes without X-Security-Token");
  refuseForeignContext(request.headers, known);
  const { account_seq, account_id, access_key, role, project_ids } = known;
  return {
    principal: { account_seq, account_id, access_key, role, project_ids, address },
    signed_headers: claim.signed_headers,
  };
}

/** X-Project-Id and X-Domain-Id have no authority: they can turn a request into a refusal and do nothing else. */
function refuseForeignContext(headers: Headers, key: KeyRecord): void {
  for (const name of ["X-Project-Id", "X-Domain-Id"]) {
    const value = headers.get(name) ?? "";
    if (value !== "" && value !== key.account_id && !key.project_ids.includes(value)) {
      throw new Failure("forbidden", `${name} names neither a project nor the domain of the caller's account`);
    }
  }
}

function refusal(message: string): Failure {
  return new Failure("unauthenticated", message);
}
