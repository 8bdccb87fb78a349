import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Client, Transaction } from "@libsql/client";
import { createClient as createFileClient } from "@libsql/client/sqlite3";
import { CliFailure, messageOf } from "../cli/failure.ts";
import { libsqlServer, type Settings } from "../config.ts";
import { fileUrl, mayBeAnothers } from "../db/open-file.ts";
import { connect, type LibsqlServer } from "../db/open-remote.ts";

/** Where a database is. `shown` names it without what may be secret in its URL. */
export type Place = { kind: "file"; path: string; shown: string } | ({ kind: "server"; shown: string } & LibsqlServer);

export type Reader = Pick<Transaction, "execute">;

/** How long a file's reader waits for a lock; in WAL mode there is hardly one. */
const LOCK_MS = 5_000;
/** A whole index or a check of everything is one call. */
export const CALL_TIMEOUT_MS = 600_000;

/** The database that the service with these settings has. */
export function placeOfService(settings: Settings): Place {
  return placeOf(libsqlServer(settings, settings.database_url ?? `file:${join(settings.data, "ferry.db")}`));
}

/** Throws a usage failure if the URL is none of a database. */
export function placeOf({ url, auth_token, namespace }: LibsqlServer): Place {
  if (url.startsWith("file:")) {
    const path = resolve(url.slice("file:".length));
    return { kind: "file", path, shown: path };
  }
  if (!/^(https?|libsql|wss?):\/\/./.test(url) || !URL.canParse(url))
    throw new CliFailure("usage", "a database is file:PATH, or http://, https:// or libsql:// for a libSQL server");
  const shown = namespace === undefined ? withoutSecrets(url) : `${withoutSecrets(url)} (namespace ${namespace})`;
  return { kind: "server", url, auth_token, namespace, shown };
}

/** Whether both are databases of one libSQL server. */
export function isSameServer(one: Place, other: Place): boolean {
  return one.kind === "server" && other.kind === "server" && withoutSecrets(one.url) === withoutSecrets(other.url);
}

function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}

/**
 * A client that gives integers as bigint, so that none is rounded. Makes no file and takes no lock: whoever writes sees
 * to that first. Throws if there is no such file.
 */
export function open(place: Place, timeoutMs = CALL_TIMEOUT_MS): Client {
  if (place.kind === "file") {
    if (!existsSync(place.path)) throw new CliFailure("notFound", `there is no database ${place.path}`);
    try {
      return createFileClient({ url: fileUrl(place.path), intMode: "bigint", timeout: LOCK_MS });
    } catch (error) {
      throw notUsable(place, error);
    }
  }
  const send = (request: Request) => fetch(request, { signal: AbortSignal.timeout(timeoutMs) });
  return connect(place, send, { intMode: "bigint" });
}

/** Opens, works, closes. What the driver complains of is told with the name of the place. */
export async function using<Result>(place: Place, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = open(place);
  try {
    return await work(client);
  } catch (error) {
    throw notUsable(place, error);
  } finally {
    client.close();
  }
}

/** The same within one transaction that reads: everything is of one moment. */
export function reading<Result>(place: Place, work: (reader: Reader) => Promise<Result>): Promise<Result> {
  return using(place, async (client) => {
    const transaction = await client.transaction("read");
    // Named here: where two places are at work, the other one would take the error for its own.
    const execute: Reader["execute"] = (statement) =>
      transaction.execute(statement).catch((error) => Promise.reject(notUsable(place, error)));
    try {
      return await work({ execute });
    } finally {
      transaction.close();
    }
  });
}

/** Our own failures say everything by themselves; those of driver, system and network get the name of the place. */
function notUsable(place: Place, error: unknown): Error {
  if (error instanceof CliFailure || !(error instanceof Error)) return error as Error;
  const isAbsent =
    place.kind === "server" &&
    /ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ConnectionRefused|Unable to connect|fetch failed|Timeout/.test(
      `${error.name} ${"code" in error ? error.code : ""} ${error.message}`,
    );
  if (isAbsent)
    return new CliFailure("unreachable", `the libSQL server ${place.shown} cannot be reached: ${messageOf(error)}`);
  if (!("code" in error)) return error;
  if (/\b401\b/.test(error.message))
    return new CliFailure("notSignedIn", `the libSQL server ${place.shown} refuses the token, or wants one`);
  if (place.kind === "server" && /\b404\b/.test(error.message))
    return new CliFailure(
      "notFound",
      `the libSQL server ${place.shown} has no such database: make the namespace at its admin address, or name another one`,
    );
  if (/STREAM_EXPIRED/.test(String(error.code)))
    return new CliFailure("failed", `${place.shown} was asked nothing for 10 s and let go: run the same again`);
  const hint = place.kind === "file" ? mayBeAnothers(error.message) : "";
  return new CliFailure("failed", `the database ${place.shown} cannot be used: ${messageOf(error)}${hint}`);
}
