import { type ChosenConnection, signInAgain } from "./connection.ts";
import { CliFailure } from "./failure.ts";

/** A failed call, with where it went and what may be done about it. */
export function withConnection(error: unknown, { endpoint, source, profile }: ChosenConnection): unknown {
  if (!(error instanceof CliFailure)) return error;
  if (error.reason === "unreachable") {
    const hint = /certificate/i.test(error.message) ? "; --cacert FILE names certificates to trust" : "";
    return new CliFailure(error.reason, `no answer from ${endpoint} (${source}): ${error.message}${hint}`);
  }
  if (error.reason !== "notSignedIn" || profile === undefined) return error;
  return new CliFailure(error.reason, `${error.message}; ${signInAgain(profile)}`);
}
