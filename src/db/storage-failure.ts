import { DrizzleQueryError } from "drizzle-orm";
import { Failure } from "../core/failure.ts";

/** Others are at it, or nobody answered the call: soon it may go. Nothing was changed. */
const BUSY =
  /SERVER_SILENT|statements in progress|SQLITE_(BUSY|LOCKED)|database is locked|ConnectionFailed|ConnectionRefused|ECONNREFUSED|Unable to connect|TRANSACTION_CLOSED|HTTP status 429/;
/** The database takes nothing for now: full, unreadable, or it does not know us. Nothing was changed. */
const UNABLE =
  /NO_THREAD|SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM)|disk I\/O error|database or disk is full|HTTP status 4(0[134]|13)/;
/** The connection to a libSQL server was lost on the way, so whether a change was made is not known. */
const LOST =
  /NO_ANSWER|PROXY_ERROR|TRANSACTION_TIMEOUT|STREAM_EXPIRED|[Bb]aton|cannot (commit|rollback) - no transaction is active|ECONN|ETIMEDOUT|ConnectionClosed|TimeoutError|fetch failed|socket connection|Network connection lost|HTTP status 50[0-4]/;
/** A libSQL server has a bound of its own on the size of a value, of about 5 MB. */
const TOO_BIG = /string or blob too big/;

/** The same call has come before, or was given up on: whoever asks for its mark learns which. */
const TAKEN_MARK = "UNIQUE constraint failed: ferry_writes.id";

/** What came back tells nothing of what was asked: it may have been done. */
export class NoAnswer extends Error {
  readonly code = "NO_ANSWER";

  constructor(cause: unknown) {
    super("what answers is no libSQL server, or its answer was cut off", { cause });
    this.name = "NoAnswer";
  }
}

/** Not sent at all, as the server has not answered others. */
export class ServerSilent extends Error {
  readonly code = "SERVER_SILENT";

  constructor() {
    super("the database server is silent");
    this.name = "ServerSilent";
  }
}

/** What an error of the database means for the change it was to make; undefined for any other error. */
export type StorageTrouble = "busy" | "unable" | "lost" | "tooBig";

export function troubleOf(error: unknown): StorageTrouble | undefined {
  // A refusal of ours repeats words of its caller.
  if (error instanceof Failure) return undefined;
  const text = wholeText(error);
  // Of a rule of the database, whatever a replica wraps it in; a mark that is taken is a call that came twice.
  if (text.includes("constraint failed") && !text.includes(TAKEN_MARK)) return undefined;
  if (TOO_BIG.test(text)) return "tooBig";
  if (UNABLE.test(text)) return "unable";
  if (BUSY.test(text)) return "busy";
  return LOST.test(text) || text.includes(TAKEN_MARK) ? "lost" : undefined;
}

/** What an error of the database means to a caller; undefined for any other error. */
export function storageFailure(error: unknown): Failure | undefined {
  const trouble = troubleOf(error);
  return trouble && failureOf(trouble, error);
}

export function failureOf(trouble: StorageTrouble, cause: unknown): Failure {
  switch (trouble) {
    case "tooBig":
      return new Failure("tooLarge", "the database does not take a value of this size", { cause });
    case "busy":
    case "unable":
      return new Failure("unavailable", "this cannot be done now, and nothing was changed: try again", { cause });
    case "lost":
      return new Failure(
        "unavailable",
        "the database could not be reached: a change may or may not have been made, look before you try again",
        { cause },
      );
  }
}

/**
 * Whether the connection may refuse later writes too: a refused BEGIN or COMMIT leaves a statement behind. A full disk
 * does not, and a closed connection keeps its file descriptors for a while, so only those are worth a new one.
 */
export function mayLockOut(error: unknown): boolean {
  return /SQLITE_BUSY|SQLITE_LOCKED|database is locked|statements in progress/.test(wholeText(error));
}

/**
 * Name, code and message of the error and of what caused it, but for what repeats the values of a statement: those are
 * others' words.
 */
function wholeText(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof DrizzleQueryError) continue;
    parts.push(cause.name, "code" in cause ? String(cause.code) : "", cause.message);
  }
  return parts.join(" ");
}
