import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DrizzleQueryError, sql } from "drizzle-orm";
import { Passwords } from "./access/passwords.ts";
import { createApp, createServices } from "./app.ts";
import { background } from "./background.ts";
import { bunPlatform as platform } from "./bun-platform.ts";
import { bootstrapChoice, libsqlServer, SettingError, type Settings } from "./config.ts";
import { consoleFiles } from "./console-files.ts";
import { errorFields } from "./core/log.ts";
import { parseMasterKey } from "./core/sealed.ts";
import {
  bootstrapPath,
  openDataFolder,
  readMasterKey,
  refuseLostDatabase,
  writeBootstrapEndpoint,
  writeBootstrapFile,
  writeMasterKey,
} from "./data-folder.ts";
import type { Database } from "./db/database.ts";
import { requireFlushedCommits, UNKNOWN_DURABILITY } from "./db/durability.ts";
import { migrate } from "./db/migrate.ts";
import { openFile } from "./db/open-file.ts";
import { openRemote } from "./db/open-remote.ts";
import { troubleOf } from "./db/storage-failure.ts";
import { type Listener, prepareDoor } from "./listen.ts";
import { docsFiles } from "./meta/docs-files.ts";
import { ownProgram } from "./own-program.ts";
import { VERSION } from "./version.ts";

/** Requests under way at a stop get this long, and what is only in memory then gets this long to be written. */
const STOP_MS = 4_000;
const FLUSH_MS = 800;
/** A database server that starts beside this process gets this long. */
const SERVER_START_MS = 20_000;
const SERVER_LOOK_MS = 500;
const MASTER_KEY_NEEDED =
  "FERRY_MASTER_KEY must be set where the database is on a libSQL server: the same one for all that share it, made once by openssl rand -hex 32";
/** So many looks in a row that find nothing under way make a service idle. */
const IDLE_LOOKS = 3;
const IDLE_LOOK_MS = 50;
const CHECKPOINT_TRIES = 5;
const CHECKPOINT_PAUSE_MS = 200;

export interface RunningServer {
  url: string;
  /** Reads certificate and key again. */
  reloadTls(): void;
  /** Lets requests under way finish, writes what is only in memory and closes the database. */
  stop(): Promise<void>;
}

/** Opens the database, makes the first account if there is none, and serves. */
export async function serve(settings: Settings, say: (text: string) => void): Promise<RunningServer> {
  // First of all: nothing is made or migrated for a start that will be refused.
  const door = prepareDoor(settings, platform.log);
  const folder = openDataFolder(settings.data);
  const { database, warnings } = await openDatabase(settings, folder);
  try {
    const configured = settings.master_key === undefined ? undefined : parseMasterKey(settings.master_key);
    const { key: master_key, isNew } = configured ? { key: configured, isNew: false } : readMasterKey(folder);
    if (isNew && !database.exclusive) throw new SettingError(MASTER_KEY_NEEDED);
    const services = await createServices({
      platform,
      database,
      master_key,
      passwords: new Passwords(platform),
      settings,
      warnings,
    });
    if (!(await services.access.accounts.isInUse())) refuseLostDatabase(folder);
    else if (isNew) throw new Error(lostMasterKey(folder));
    const firstKey = await services.access.accounts.bootstrap(bootstrapChoice(settings), (key) => {
      // A database that has secrets already was refused by now: a new master key opens none of them.
      if (isNew) writeMasterKey(folder, master_key);
      writeBootstrapFile(folder, key);
    });
    const jobs = background(platform, database, services, settings);
    await jobs.startUp();
    const app = createApp({ platform, services: () => services, docs_files: docsFiles, console_files: consoleFiles });
    const listener = door.open(app);
    const { url } = listener;
    noteEndpoint(folder, listener);
    jobs.start();
    say(`ferry ${VERSION} is ready on ${url} (data in ${folder}; console at ${url}/console/)`);
    if (firstKey) say(firstSteps(folder));
    const stop = async () => {
      services.mailbox.close();
      services.feed.close();
      await Promise.race([listener.stop(), untilIdle(listener), Bun.sleep(STOP_MS)]);
      await listener.stop(true);
      const flushed = jobs.stop().then(async () => {
        await database.writer.drain();
        return true;
      });
      if (!(await Promise.race([flushed, Bun.sleep(FLUSH_MS)]))) {
        platform.log("warn", "the database does not answer: when sources were last seen is not written");
      } else if (!(await checkpoint(database))) {
        platform.log("warn", "another program reads the database: the newest changes are in its -wal file, copy both");
      }
      database.close();
    };
    return { url, reloadTls: listener.reloadTls, stop };
  } catch (error) {
    database.close();
    throw error;
  }
}

function lostMasterKey(folder: string): string {
  return `there is no master.key in ${folder}, and FERRY_MASTER_KEY is not set: this database has secrets that were sealed under one, give ferry that one`;
}

/** The runtime waits for idle connections too where they speak TLS: nothing is lost by cutting those. */
async function untilIdle(listener: Listener): Promise<void> {
  for (let idleLooks = 0; idleLooks < IDLE_LOOKS; ) {
    await Bun.sleep(IDLE_LOOK_MS);
    idleLooks = listener.isIdle() ? idleLooks + 1 : 0;
  }
}

/** Puts everything into the file itself; gives another program's reading a moment to end. */
async function checkpoint(database: Database): Promise<boolean> {
  for (let tries = 0; tries < CHECKPOINT_TRIES; tries += 1) {
    if (await database.checkpoint().catch(() => false)) return true;
    await Bun.sleep(CHECKPOINT_PAUSE_MS);
  }
  return false;
}

/** For the command line on this machine only: no reason not to serve. */
function noteEndpoint(folder: string, { url, cacert }: Listener): void {
  try {
    writeBootstrapEndpoint(folder, url, cacert);
  } catch (error) {
    platform.log("warn", `the address could not be noted in ${bootstrapPath(folder)}`, errorFields(error));
  }
}

/** Opened and brought up to date. Errors name the database, but not its URL: that may hold a token. */
async function openDatabase(settings: Settings, folder: string): Promise<{ database: Database; warnings: string[] }> {
  const url = settings.database_url ?? `file:${join(folder, "ferry.db")}`;
  const isFile = url.startsWith("file:");
  const path = resolve(url.slice("file:".length));
  try {
    if (isFile) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const database = isFile ? await openFile(path, platform) : openRemote(libsqlServer(settings, url), platform);
    try {
      const warnings = isFile ? [] : await prepareServer(database, settings);
      await migrate(database.client, VERSION, platform.now());
      return { database, warnings };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    // Errors of the driver and of the system have a code; ours say all by themselves.
    if (!(error instanceof Error) || !("code" in error)) throw error;
    const where = isFile ? path : "of --database-url";
    throw new Error(`the database ${where} cannot be used: ${error.message}${hintOf(error.message)}`, { cause: error });
  }
}

/** What an operator can do about it. */
function hintOf(message: string): string {
  if (/HTTP status 40[13]/.test(message)) return "; it wants another token: set FERRY_DATABASE_AUTH_TOKEN";
  if (message.includes("HTTP status 404"))
    return "; it takes the first label of the host for a database's name: set FERRY_DATABASE_NAMESPACE, to default unless you made others";
  if (message.includes("no libSQL server")) return "; is it https:// or http://?";
  return "";
}

/** Waits for a libSQL server that starts beside this process; what an operator should know of it. */
async function prepareServer(
  database: Database,
  { database_admin_url, database_namespace }: Settings,
): Promise<string[]> {
  const until = Date.now() + SERVER_START_MS;
  for (let looks = 0; ; looks += 1) {
    try {
      await database.reader.run(sql`SELECT 1`);
      break;
    } catch (error) {
      const cause = error instanceof DrizzleQueryError ? error.cause : error;
      const trouble = troubleOf(error);
      if ((trouble !== "busy" && trouble !== "lost") || Date.now() > until) throw cause;
      if (looks === 0) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        platform.log("warn", "the database server does not answer yet", { error: reason });
      }
    }
    await Bun.sleep(SERVER_LOOK_MS);
  }
  if (database_admin_url !== undefined) {
    await requireFlushedCommits(database_admin_url, database_namespace);
    return [];
  }
  platform.log("warn", UNKNOWN_DURABILITY);
  return [UNKNOWN_DURABILITY];
}

function firstSteps(folder: string): string {
  const ferry = shellWord(ownProgram());
  const where =
    resolve("./ferry-data") === folder ? `cd ${shellWord(process.cwd())}` : `export FERRY_DATA=${shellWord(folder)}`;
  return `
The first account's admin key is in ${bootstrapPath(folder)}; the commands below use it by themselves.
At the console's sign-in its lines can be pasted as they are. In another shell:

  ${where}
  ${ferry} source register web-1 --ip 192.0.2.10
  ${ferry} command send web-1 START
  ${ferry} poll web-1 && ${ferry} report web-1 START success --detail '{"pid":4117}'

Then: ${ferry} command show last
`;
}

/** As it is pasted into a shell. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
