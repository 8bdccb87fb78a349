import { Failure } from "../core/failure.ts";

/** The database takes nothing just now: full, locked, unreadable, too busy. */
const REFUSED =
  /statements in progress|SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM)|disk I\/O error|database or disk is full|database is locked|ConnectionFailed|HTTP status (429|503)/;
/** The connection to a libSQL server was lost on the way, so whether a change was made is not known. */
const LOST =
  /PROXY_ERROR|TRANSACTION_TIMEOUT|cannot (commit|rollback) - no transaction is active|ECONN|ETIMEDOUT|TimeoutError|ConnectionRefused|fetch failed|Unable to connect|Network connection lost|HTTP status 50[24]/;
/** A libSQL server has a bound of its own on the size of a value, of about 5 MB. */
const TOO_BIG = /string or blob too big/;

/** What an error of the database means to a caller; undefined for any other error. */
export function storageFailure(error: unknown): Failure | undefined {
  const text = wholeText(error);
  if (TOO_BIG.test(text))
    return new Failure("tooLarge", "the database does not take a value of this size", { cause: error });
  if (LOST.test(text)) {
    const message =
      "the database could not be reached: a change may or may not have been made, look before you try again";
    return new Failure("unavailable", message, { cause: error });
  }
  if (!REFUSED.test(text)) return undefined;
  return new Failure("unavailable", "this cannot be done now, and nothing was changed: try again", { cause: error });
}

/**
 * Whether the connection may refuse later writes too: a refused BEGIN or COMMIT leaves a statement behind. A full disk
 * does not, and a closed connection keeps its file descriptors for a while, so only those are worth a new one.
 */
export function mayLockOut(error: unknown): boolean {
  return /SQLITE_BUSY|SQLITE_LOCKED|database is locked|statements in progress/.test(wholeText(error));
}

/** Name, code and message of the error and of what caused it. */
function wholeText(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    parts.push(cause.name, "code" in cause ? String(cause.code) : "", cause.message);
  }
  return parts.join(" ");
}
