import { v7 } from "uuid";
import { Passwords } from "./access/passwords.ts";
import { createApp, createServices, type Services } from "./app.ts";
import { background } from "./background.ts";
import {
  bootstrapChoice,
  libsqlServer,
  readSettings,
  SettingError,
  type Settings,
  type SettingValues,
} from "./config.ts";
import { consoleFiles } from "./console-files.ts";
import { errorFields, jsonLog } from "./core/log.ts";
import type { Platform } from "./core/platform.ts";
import { parseMasterKey } from "./core/sealed.ts";
import type { Database } from "./db/database.ts";
import { requireFlushedCommits, UNKNOWN_DURABILITY } from "./db/durability.ts";
import { migrate } from "./db/migrate.ts";
import { openRemote } from "./db/open-remote.ts";
import { plainAddress } from "./http/plain-address.ts";
import { VERSION } from "./version.ts";

/*
 * The same app for workerd (compatibility flag nodejs_compat) and Deno, over a libSQL server. Settings are bindings
 * named as the variables of `ferry serve`. Nothing that does I/O outlives its request: in workerd, another request
 * waiting for it hangs. So each request has a database client of its own, and none waits for what another one began.
 */

const platform: Platform = {
  now: Date.now,
  newId: () => v7(),
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  // A request stores its own rows only: there is nothing to wait for that could join them.
  nextTurn: (work) => queueMicrotask(work),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  log: jsonLog(Date.now, (line) => console.error(line)),
};

/** A poll is answered at once: one that waited would hold a connection and ask the database every second. */
const MAX_WAIT_S = 0;

/**
 * A stream of events asks the database every second, and calls of one request are counted where such runtimes are let:
 * it ends after this long, and its reader goes on where it was.
 */
const MAX_STREAM_S = 20;

/** Of this isolate: it bounds what runs at once. */
const passwords = new Passwords(platform);

/** Databases this isolate has found to be up to date, by URL. */
const prepared = new Set<string>();

interface Bindings {
  address: string | null;
  env: SettingValues;
  services?: Services;
}

const app = createApp({
  platform,
  services: async (given) => {
    const bindings = given as Bindings;
    bindings.services = (await open(bindings.env)).services;
    return bindings.services;
  },
  max_wait_s: MAX_WAIT_S,
  console_files: consoleFiles,
  max_stream_s: MAX_STREAM_S,
});

/** The header in which the platform tells who called: a setting of this entry alone. */
const ADDRESS_HEADER = "FERRY_CLIENT_ADDRESS_HEADER";
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;

/** What a runtime gives beside the request. */
interface Context {
  /** Who called, where the runtime tells it; workerd does not. */
  address?: string;
  /** Keeps the request alive behind its reply. */
  waitUntil?(work: Promise<unknown>): void;
}

export default {
  async fetch(request: Request, env: SettingValues, context?: Context): Promise<Response> {
    const address = addressOf(request, env[ADDRESS_HEADER] ?? "", context?.address ?? "");
    const bindings: Bindings = { address, env };
    const response = await app.fetch(request, bindings);
    // No memory outlasts the request. What the reply says is stored already, so it does not depend on this.
    const flushed = bindings.services?.sources.presence.flush().catch((error) => {
      platform.log("warn", "when a source was last seen could not be written", errorFields(error));
    });
    if (flushed && context?.waitUntil) context.waitUntil(flushed);
    else await flushed;
    return response;
  },

  /** The background jobs, once; a cron trigger calls this every minute. */
  async scheduled(_event: unknown, env: SettingValues): Promise<void> {
    try {
      const { database, services, settings } = await open(env);
      await background(platform, database, services, settings).runAll();
    } catch (error) {
      platform.log("error", "the background jobs could not run", errorFields(error));
      throw error;
    }
  },
};

/**
 * Who called: as the platform's header says, or else the runtime. Null where neither tells one address. A list, which a
 * caller may have begun, is none.
 */
function addressOf(request: Request, header: string, peer: string): string | null {
  const told = HEADER_NAME.test(header) ? request.headers.get(header) : null;
  const address = plainAddress((told ?? peer).trim());
  return /^[0-9a-f:.]{2,45}$/i.test(address) ? address : null;
}

/** Services of one request's own. The first ones in an isolate bring the database up to date. */
async function open(env: SettingValues): Promise<{ database: Database; services: Services; settings: Settings }> {
  const url = env.FERRY_DATABASE_URL ?? "";
  if (!/^(https?|libsql):\/\/./.test(url)) {
    throw new SettingError(
      "FERRY_DATABASE_URL must be set to http://, https:// or libsql:// here: the database is on a libSQL server",
    );
  }
  const header = env[ADDRESS_HEADER] ?? "";
  if (header !== "" && !HEADER_NAME.test(header)) {
    throw new SettingError(
      `${ADDRESS_HEADER}: ${JSON.stringify(header)} is not allowed; it takes the name of a header, for example CF-Connecting-IP`,
    );
  }
  const settings = readSettings({}, env);
  const master_key = parseMasterKey(settings.master_key ?? "");
  if (!master_key) throw new SettingError("FERRY_MASTER_KEY must be set here: there is no data folder to keep one in");
  const database = openRemote(libsqlServer(settings, url), platform);
  const { database_admin_url, database_namespace } = settings;
  const warnings = database_admin_url === undefined ? [UNKNOWN_DURABILITY] : [];
  const services = await createServices({ platform, database, master_key, passwords, settings, warnings });
  if (!prepared.has(url)) {
    if (database_admin_url !== undefined) await requireFlushedCommits(database_admin_url, database_namespace);
    await migrate(database.client, VERSION, platform.now());
    await services.access.accounts.bootstrap(bootstrapChoice(settings), () => refuseUnknownKey(settings));
    prepared.add(url);
  }
  return { database, services, settings };
}

/** Called when the first account is being made: a random key would be known to nobody. */
function refuseUnknownKey({ bootstrap_access_key, bootstrap_secret_key }: Settings): void {
  if (bootstrap_access_key === undefined || bootstrap_secret_key === undefined) {
    throw new SettingError(
      "FERRY_BOOTSTRAP_ACCESS_KEY and FERRY_BOOTSTRAP_SECRET_KEY must be set here while the database is empty: the first account's key",
    );
  }
}
