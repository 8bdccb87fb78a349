import { parseAuthorization, refuseSignature } from "../../src/auth/signature.ts";
import { KEY } from "../requests.ts";

/** Whether a request carries the signature of the measurement's key: ferry's own check. */
export function isSigned(request: Request, path: string, query: string, body: Uint8Array): boolean {
  const claim = parseAuthorization(request.headers.get("authorization") ?? "");
  const { method, headers } = request;
  return (
    claim?.access_key === KEY.access_key &&
    refuseSignature(claim, { method, path, query, headers, body }, KEY.secret_key, Date.now()) === undefined
  );
}
