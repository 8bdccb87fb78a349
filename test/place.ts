import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bunPlatform } from "../src/bun-platform.ts";
import type { Database } from "../src/db/database.ts";
import { openFile } from "../src/db/open-file.ts";
import { openRemote } from "../src/db/open-remote.ts";

/*
 * Where a test's database lies: in a file of its own, or, where scripts/with-sqld.mjs has started a libSQL server for
 * the run, in a namespace of its own there.
 */

export interface Place {
  /** Opens what is there: nothing at first. */
  open(): Promise<Database>;
  remove(): Promise<void>;
}

/** Where the server takes statements, and where it is told of namespaces. */
const { FERRY_TEST_SQLD: server, FERRY_TEST_SQLD_ADMIN: admin } = process.env;

/** Calls to the server that are on their way. */
const calls = new Set<Promise<unknown>>();
if (server) watchCalls(server);

export async function newPlace(): Promise<Place> {
  return server ? newNamespace(server) : newFile();
}

/** Lets everything that is ready run, and what waits for the database as well. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (calls.size === 0) continue;
    await Promise.allSettled(calls);
    quiet = 0;
  }
}

/** In a folder of its own. */
export function newFile(): Place & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "ferry-test-"));
  return {
    folder,
    open: () => openFile(join(folder, "ferry.db"), bunPlatform),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function newNamespace(url: string): Promise<Place> {
  const name = `test-${crypto.randomUUID()}`;
  await administer("POST", `${name}/create`, "{}");
  // The server takes the first label of the host for the namespace; to Bun all of localhost is this machine.
  const own = `http://${name}.localhost:${new URL(url).port}`;
  return {
    open: async () => openRemote({ url: own }, bunPlatform),
    remove: () => administer("DELETE", name),
  };
}

async function administer(method: string, path: string, body?: string): Promise<void> {
  const init = { method, headers: { "content-type": "application/json" }, ...(body !== undefined && { body }) };
  const response = await fetch(`${admin}/v1/namespaces/${path}`, init);
  if (!response.ok) throw new Error(`sqld: ${method} ${path}: ${response.status} ${await response.text()}`);
}

/** Keeps count of calls to the server, each from its start until its reply has come in whole. */
function watchCalls(url: string): void {
  const { port } = new URL(url);
  const bare = globalThis.fetch;
  const watched = (...args: Parameters<typeof fetch>): Promise<Response> => {
    const target = args[0] instanceof Request ? args[0].url : String(args[0]);
    if (new URL(target).port !== port) return bare(...args);
    const whole = bare(...args).then(async (response) => new Response(await response.arrayBuffer(), response));
    calls.add(whole);
    const done = () => void calls.delete(whole);
    whole.then(done, done);
    return whole;
  };
  globalThis.fetch = Object.assign(watched, { preconnect: bare.preconnect });
}
