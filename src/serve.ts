import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { v7 } from "uuid";
import { createApp, createServices } from "./app.ts";
import { background } from "./background.ts";
import type { Settings } from "./config.ts";
import { errorFields, jsonLog } from "./core/log.ts";
import type { Platform } from "./core/platform.ts";
import { MASTER_KEY_BYTES, parseMasterKey } from "./core/sealed.ts";
import type { Database } from "./db/database.ts";
import { migrate } from "./db/migrate.ts";
import { openFile } from "./db/open-file.ts";
import { openRemote } from "./db/open-remote.ts";
import { docsFiles } from "./meta/docs-files.ts";
import { VERSION } from "./version.ts";

/** Above our own limit, so that the refusal is ours and has its documented body. */
const RUNTIME_BODY_BYTES = 64 * 1024 * 1024;
/** A connection on which nothing happens is cut after this; a waiting poll asks for more. */
const IDLE_TIMEOUT_S = 30;
/** Requests under way at a stop get this long. */
const STOP_MS = 5_000;

export interface RunningServer {
  url: string;
  /** Lets requests under way finish, writes what is only in memory and closes the database. */
  stop(): Promise<void>;
}

export const bunPlatform: Platform = {
  now: Date.now,
  newId: () => v7(),
  randomBytes,
  nextTurn: setImmediate,
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  log: jsonLog(Date.now, (line) => process.stderr.write(`${line}\n`)),
};

/** Opens the database, makes the first account if there is none, and serves. */
export async function serve(settings: Settings, say: (text: string) => void, platform = bunPlatform): Promise<RunningServer> {
  const folder = resolve(settings.data);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = await openDatabase(settings, folder, platform);
  try {
    await migrate(database.client, VERSION, platform.now());
    const services = await createServices({ platform, database, master_key: readMasterKey(settings, folder), settings });
    const firstKey = await services.access.bootstrap({
      access_key: settings.bootstrap_access_key,
      secret_key: settings.bootstrap_secret_key,
      project_id: settings.bootstrap_project_id,
    });
    const jobs = background(platform, services, settings);
    await jobs.startUp();
    const app = createApp({ platform, services: () => services, docs_files: docsFiles });
    const server = Bun.serve({
      ...settings.listen,
      maxRequestBodySize: RUNTIME_BODY_BYTES,
      idleTimeout: IDLE_TIMEOUT_S,
      fetch: (request, server) =>
        app.fetch(request, {
          address: server.requestIP(request)?.address ?? null,
          keepOpen: (seconds: number) => server.timeout(request, seconds + IDLE_TIMEOUT_S),
        }),
      error: (error) => {
        platform.log("error", "a request failed outside the app", errorFields(error));
        return Response.json({ error_code: "SMS.2007", error_msg: "an unforeseen error; the log has it" }, { status: 500 });
      },
    });
    jobs.start();
    const url = `http://${server.hostname?.includes(":") ? `[${server.hostname}]` : server.hostname}:${server.port}`;
    const bootstrapFile = writeBootstrapFile(folder, url, firstKey);
    say(`ferry ${VERSION} is ready on ${url} (data in ${folder}; documentation at ${url}/docs)`);
    if (firstKey) say(firstSteps(settings, folder, bootstrapFile ?? ""));
    const stop = async () => {
      services.mailbox.close();
      const finished = server.stop();
      await Promise.race([finished, new Promise((done) => platform.after(STOP_MS, () => done(undefined)))]);
      await server.stop(true);
      await jobs.stop();
      await database.writer.drain();
      database.close();
    };
    return { url, stop };
  } catch (error) {
    database.close();
    throw error;
  }
}

async function openDatabase(settings: Settings, folder: string, platform: Platform): Promise<Database> {
  const url = settings.database_url ?? `file:${join(folder, "ferry.db")}`;
  if (!url.startsWith("file:")) return openRemote(url, settings.database_auth_token, platform.nextTurn);
  const path = resolve(url.slice("file:".length));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openFile(path, platform.nextTurn);
}

/** The configured master key, else the one in the data folder, made there at the first start. */
function readMasterKey(settings: Settings, folder: string): Uint8Array {
  const configured = settings.master_key === undefined ? undefined : parseMasterKey(settings.master_key);
  if (configured) return configured;
  const path = join(folder, "master.key");
  if (!existsSync(path)) writeFile(path, `${randomBytes(MASTER_KEY_BYTES).toString("hex")}\n`);
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    throw new Error(`${path} can be read by others: run chmod 600 ${path} (and think about who has read it)`);
  }
  const key = parseMasterKey(readFileSync(path, "utf8"));
  if (!key) throw new Error(`${path} does not hold a master key: 64 hex digits`);
  return key;
}

/**
 * bootstrap.env holds the first key, for the command line on the same machine. A later start writes the address anew,
 * as it may have changed. Returns its path, if it is there.
 */
function writeBootstrapFile(folder: string, url: string, key: { access_key: string; secret_key: string; project_id: string } | undefined): string | undefined {
  const path = join(folder, "bootstrap.env");
  const endpoint = `FERRY_ENDPOINT=${url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")}`;
  if (key) {
    writeFile(path, `${endpoint}\nFERRY_ACCESS_KEY=${key.access_key}\nFERRY_SECRET_KEY=${key.secret_key}\nFERRY_PROJECT_ID=${key.project_id}\n`);
    return path;
  }
  if (!existsSync(path)) return undefined;
  const before = readFileSync(path, "utf8");
  const after = before.replace(/^FERRY_ENDPOINT=.*$/m, endpoint);
  if (after !== before) writeFile(path, after);
  return path;
}

/** Whole or not at all, readable by the owner only, on disk before it counts. */
function writeFile(path: string, text: string): void {
  const partial = `${path}.new`;
  const file = openSync(partial, "w", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  chmodSync(partial, 0o600);
  renameSync(partial, path);
}

function firstSteps(settings: Settings, folder: string, bootstrapFile: string): string {
  const isCompiled = !process.argv[1]?.endsWith(".ts");
  const ferry = isCompiled ? process.execPath : resolve(dirname(process.argv[1] ?? ""), "..", "bin", "ferry");
  const where = resolve("./ferry-data") === folder ? `cd ${process.cwd()}` : `export FERRY_DATA=${folder}`;
  return `
The first account's admin key is in ${bootstrapFile}; the commands below use it by themselves.
In another shell:

  ${where}
  ${ferry} source register web-1 --ip 192.0.2.10
  ${ferry} command send web-1 START
  ${ferry} poll web-1 && ${ferry} report web-1 START success --detail '{"pid":4117}'

Then: ${ferry} command list
`;
}
