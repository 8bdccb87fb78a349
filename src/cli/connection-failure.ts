import { type ChosenConnection, signInAgain } from "./connection.ts";
import { CliFailure } from "./failure.ts";

/** A failed call, with where it went and what may be done about it. */
export function withConnection(error: unknown, { endpoint, source, profile }: ChosenConnection): unknown {
  if (!(error instanceof CliFailure)) return error;
  if (error.reason === "unreachable") {
    const hint = hintFor(endpoint, error.message);
    return new CliFailure(error.reason, `no answer from ${endpoint} (${source}): ${error.message}${hint}`);
  }
  if (error.reason !== "notSignedIn" || profile === undefined) return error;
  return new CliFailure(error.reason, `${error.message}; ${signInAgain(profile)}`);
}

function hintFor(endpoint: string, message: string): string {
  if (/certificate/i.test(message)) return "; --cacert FILE names certificates to trust";
  if (/ECONNREFUSED/.test(message)) return "; is ferry running there?";
  return endpoint.startsWith("http:") && /ECONNRESET/.test(message) ? "; does it speak https?" : "";
}
