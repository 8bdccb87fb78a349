import { after } from "../core/after.ts";
import { sha256Hex } from "../core/digest.ts";
import { Failure } from "../core/failure.ts";
import {
  type Caller,
  type CredentialStore,
  hasExpired,
  type Origin,
  refusal,
  refuseForeignContext,
  toPrincipal,
} from "./authenticate.ts";
import type { Holder } from "./principal.ts";

/** What a page of another site cannot send along, unless it is asked first whether that site may. */
export const CONSOLE_HEADER = "X-Ferry-Console";

type BrowserRequest = Pick<Request, "url" | "headers">;

/**
 * The cookie of the console that is called. Browsers do not tell cookies apart by port: in the name, it keeps two services
 * on one machine from signing each other out.
 */
export function cookieNameOf({ url }: Pick<Request, "url">): string {
  const port = /^https?:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/.exec(url)?.[1];
  return port === undefined ? "ferry-console" : `ferry-console-${port}`;
}

/** What the console's cookies hold: more than one where a page on another port of this host has set its own. */
export function sessionsIn(request: BrowserRequest): string[] {
  const begin = `${cookieNameOf(request)}=`;
  const pairs = (request.headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(begin)).map((pair) => pair.slice(begin.length));
}

/** As a session is stored: never what the hash of any token is, whatever text that token has. */
export function hashOfSession(session: string): string {
  return `session:${sha256Hex(session)}`;
}

/** Throws `forbidden` for what a page of another site may have made a browser send. */
export function refuseOtherSites({ headers }: Pick<Request, "headers">): void {
  const from = headers.get("sec-fetch-site") ?? "none";
  // A site on another port of this host is sent the cookie too.
  if (from !== "same-origin" && from !== "none") {
    throw new Failure(
      "forbidden",
      "only the console's own pages may call this: the browser says that another site's does",
    );
  }
  // Reading counts too: a poll is a GET, and what it fetches counts as delivered.
  if (!headers.get(CONSOLE_HEADER)) {
    throw new Failure(
      "forbidden",
      `the header ${CONSOLE_HEADER} is missing: every call at the console takes it, with any value, as no other site's page can send it`,
    );
  }
}

/**
 * Who is signed in at the console. Throws `unauthenticated` without a session that holds, or with other credentials beside
 * it, and `forbidden` for what another site's page may have sent.
 */
export function authenticateSession(
  request: BrowserRequest,
  origin: Origin,
  now: number,
  { findSession }: Pick<CredentialStore, "findSession">,
): Caller | Promise<Caller> {
  const { headers } = request;
  if (headers.has("authorization") || headers.has("x-auth-token")) {
    throw refusal("under /console/api the session is the one credential: send no signature and no token with it");
  }
  const [session, ...more] = sessionsIn(request);
  if (session === undefined) {
    throw refusal(
      "there is no session: sign in at the console, or leave /console/api out of the path and sign the request",
    );
  }
  // One may be somebody else's.
  if (more.length > 0) {
    throw refusal(`there are two cookies ${cookieNameOf(request)}: clear the browser's cookies for this host`);
  }
  const hash = hashOfSession(session);
  const judge = (holder: Holder | undefined) => {
    if (!holder || hasExpired(holder, now)) throw refusal("the session has expired or was ended: sign in again");
    refuseOtherSites(request);
    refuseForeignContext(headers, holder);
    return { principal: toPrincipal(holder, { kind: "session", id: hash }, origin), vouchesFor: () => true };
  };
  return after(findSession(hash), judge);
}
