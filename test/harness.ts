import { expect } from "bun:test";
import { createHash } from "node:crypto";
import type { InValue, Value } from "@libsql/client";
import * as v from "valibot";
import { Passwords } from "../src/access/passwords.ts";
import { createApp, createServices } from "../src/app.ts";
import { toPrincipal } from "../src/auth/authenticate.ts";
import { background } from "../src/background.ts";
import { type Connection, signedRequest } from "../src/client/client.ts";
import type { Platform } from "../src/core/platform.ts";
import type { Role } from "../src/core/words.ts";
import { migrate } from "../src/db/migrate.ts";
import { type DeclaredRoute, declaredRoutes } from "../src/http/openapi.ts";
import { newPlace, type Place, settle } from "./place.ts";

export { settle };

/** 2030-01-02T03:04:05Z: where every test's clock starts. */
export const START = Date.UTC(2030, 0, 2, 3, 4, 5);
export const ENDPOINT = "http://ferry.test";
const MASTER_KEY = new Uint8Array(32).fill(7);

export interface Key {
  access_key: string;
  secret_key: string;
  account_id: string;
  project_id: string;
}

/** As whom a call is made: one of the keys each test begins with, other credentials, or nobody. */
export type Caller = Role | "foreign" | Omit<Connection, "endpoint" | "ca"> | null;

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every kind, which `call` has checked
  json: any;
}

export interface Sent {
  body?: unknown;
  headers?: Record<string, string>;
  /** Sends the text as it is instead of a body made from `body`. */
  text?: string;
  signal?: AbortSignal;
  /** Where the call comes from. */
  address?: string;
}

/** A clock that stands until it is turned, and the timers that hang on it. */
function handClock() {
  let now = START;
  let timers: { at: number; work: () => void }[] = [];
  return {
    now: () => now,
    set: (ms: number) => {
      now = ms;
    },
    after: (ms: number, work: () => void) => {
      const timer = { at: now + ms, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    waiting: () => timers.length,
    /** Turns the clock on, running what falls due on the way. */
    advance: async (ms: number) => {
      const until = now + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers = timers.filter((other) => other !== next);
        now = Math.max(now, next.at);
        next.work();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

/**
 * The service as it runs, on a database of its own, with a clock to turn and ids in sequence. Every reply
 * that passes through `call` is checked against its declaration or the error shapes.
 */
export async function startFerry(chosen?: Place) {
  const place = chosen ?? (await newPlace());
  const clock = handClock();
  const logged: { level: string; message: string; fields: Record<string, unknown> | undefined }[] = [];
  let ids = 0;
  let randoms = 0;
  const platform: Platform = {
    now: clock.now,
    newId: () => {
      ids += 1;
      return `00000000-0000-7000-8000-${String(ids).padStart(12, "0")}`;
    },
    randomBytes: (count) => {
      randoms += 1;
      const bytes = createHash("sha512").update(`${randoms}`).digest();
      if (count > bytes.length) throw new Error(`${count} bytes are more than a test's randomness has`);
      return Uint8Array.from(bytes.subarray(0, count));
    },
    nextTurn: setImmediate,
    after: clock.after,
    log: (level, message, fields) => void logged.push({ level, message, fields }),
  };
  const open = async () => {
    const database = await place.open();
    await migrate(database.client, "0.0.0-test", platform.now());
    const services = await createServices({
      platform,
      database,
      master_key: MASTER_KEY,
      passwords: new Passwords(platform),
      settings: {
        region: "region-1",
        availability_zones: {},
        service_domain: "ferry.internal",
        agent_config: {},
        connected_within_s: 60,
        deliver_within_s: 86_400,
        finish_within_s: 86_400,
      },
    });
    return { database, services, app: createApp({ platform, services: () => services }) };
  };
  let running = await open();
  const first = await running.services.access.accounts.bootstrap({});
  if (!first) throw new Error("the database was not empty");
  const keys = await makeKeys(first);

  async function makeKeys(admin: Key): Promise<Record<Role | "foreign", Key>> {
    const { accounts, keys } = running.services.access;
    const caller = await principalOf(admin);
    const make = (role: Role) => keys.createKey(caller, { role });
    await accounts.createAccount(caller, "other");
    return {
      admin,
      operator: await make("operator"),
      agent: await make("agent"),
      viewer: await make("viewer"),
      foreign: await keys.createKey(caller, { role: "admin", account: "other" }),
    };
  }

  async function principalOf(key: Key) {
    const found = await running.services.access.credentials.findKey(key.access_key);
    if (!found) throw new Error(`no key ${key.access_key}`);
    return toPrincipal(found, { kind: "key", id: key.access_key }, { address: "192.0.2.99" });
  }

  /** Sends a request signed as `as` (null: unsigned), without checking the reply. */
  async function send(as: Caller, method: string, path: string, sent: Sent = {}): Promise<Response> {
    const key = as === null ? {} : typeof as === "string" ? keys[as] : as;
    const body = sent.text ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
    const headers = { ...(body !== undefined && { "content-type": "application/json" }), ...sent.headers };
    const init = { method, headers, ...(body !== undefined && { body }), ...(sent.signal && { signal: sent.signal }) };
    const request = await signedRequest({ endpoint: ENDPOINT, ...key }, clock.now(), `${ENDPOINT}${path}`, init);
    return running.app.fetch(request, { address: sent.address ?? "192.0.2.7" });
  }

  async function call(as: Caller, method: string, path: string, sent: Sent = {}): Promise<Reply> {
    const response = await send(as, method, path, sent);
    const text = await response.text();
    const isJson = response.headers.get("content-type") === "application/json";
    const reply = {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    };
    checkReply(routeOf(declaredRoutes(running.app), method, path), reply);
    return reply;
  }

  return {
    clock,
    keys,
    logged,
    platform,
    call,
    send,
    principalOf,
    get app() {
      return running.app;
    },
    get services() {
      return running.services;
    },
    get database() {
      return running.database;
    },
    /** Rows of the database as they are. */
    rows: async (sql: string, ...args: InValue[]) => {
      const { rows } = await running.database.client.execute({ sql, args });
      return rows.map((row): Record<string, Value> => ({ ...row }));
    },
    /** Lets polls that wait see what has happened: processes that share a database look for it once a second. */
    pollsLook: () => (running.database.exclusive ? settle() : clock.advance(1_000)),
    /** Runs every background job once. */
    runJobs: () =>
      background(platform, running.database, running.services, {
        results_retention_days: 0,
        events_retention_days: 0,
      }).runAll(),
    /** What kill -9 and a new start leave: memory is lost, the database stays. */
    restart: async () => {
      running.database.close();
      running = await open();
    },
    stop: async () => {
      running.database.close();
      await place.remove();
    },
  };
}
export type Ferry = Awaited<ReturnType<typeof startFerry>>;

/** The declared route a request goes to, if any. */
function routeOf(routes: readonly DeclaredRoute[], method: string, path: string): DeclaredRoute | undefined {
  const [plain = ""] = path.split("?");
  return routes.find((route) => {
    const pattern = route.path.replace(/\{\w+\}/g, "[^/]+");
    return route.method === method && new RegExp(`^${pattern}$`).test(plain);
  });
}

/** Success is what the route declares, to the member; failure has one of the two documented shapes. */
export function checkReply(route: DeclaredRoute | undefined, { status, headers, json, text }: Reply): void {
  expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  if (status >= 400) {
    if (json.error !== undefined) {
      expect(json).toEqual({ error: { code: status, message: expect.any(String), title: expect.any(String) } });
      expect([400, 401, 404]).toContain(status);
      expect(route?.declaration.dialect).toBe("iam");
      return;
    }
    const members =
      status === 401 || status === 413 || (status === 404 && json.error_code === "APIGW.0101")
        ? ["error_code", "error_msg", "request_id"]
        : ["error_code", "error_msg"];
    expect(Object.keys(json)).toEqual(members);
    expect(json.error_code).toMatch(/^(SMS\.\d{4}|APIGW\.\d{4})$/);
    expect(json.error_msg.length).toBeLessThanOrEqual(status === 403 ? 255 : 1024);
    expect(json.error_msg).not.toMatch(/SQLITE|SELECT|INSERT|node_modules| at .*:\d+:\d+/);
    return;
  }
  if (!route || json === undefined) return;
  const { status: usual = 200, otherStatus = {} } = route.declaration;
  expect([usual, ...Object.keys(otherStatus).map(Number)]).toContain(status);
  const checked = v.safeParse(route.declaration.reply, json);
  expect(checked.success ? [] : checked.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`)).toEqual([]);
  // Free objects aside, a reply holds nothing its declaration does not name.
  expect(checked.output, text.slice(0, 500)).toEqual(json);
}

/** A source registered by the admin; its id. */
export async function register(
  ferry: Ferry,
  name = "web-1",
  more: Record<string, unknown> = {},
  as: Caller = "admin",
): Promise<string> {
  const { status, json } = await ferry.call(as, "POST", "/v3/sources", { body: { ...registration(name), ...more } });
  expect(status).toBe(200);
  return json.id;
}

/** A body that registers a source and passes the environment check. */
export function registration(name = "web-1") {
  return {
    name,
    ip: "192.0.2.10",
    os_type: "LINUX",
    os_version: "DEBIAN_12_64BIT",
    agent_version: "5.0.1",
    networks: [{ name: "eth0", ip: "192.0.2.10", mac: "02:00:00:00:00:01" }],
    has_rsync: true,
    has_tc: true,
    boot_loader: "GRUB",
  };
}

/** A body that makes a source's task. */
export function taskOf(source_id: string) {
  return {
    name: "MigrationTask",
    type: "MIGRATE_FILE",
    source_server: { id: source_id },
    target_server: {},
    region_name: "region-1",
    region_id: "region-1",
    project_name: "region-1",
    project_id: "project-1",
  };
}

/** A task made by the operator; its id. */
export async function makeTask(ferry: Ferry, source_id: string, more: Record<string, unknown> = {}): Promise<string> {
  const { status, json } = await ferry.call("operator", "POST", "/v3/tasks", {
    body: { ...taskOf(source_id), ...more },
  });
  expect(status).toBe(200);
  return json.id;
}

/** A command queued by the operator. */
export async function queue(
  ferry: Ferry,
  source_id: string,
  command_name: string,
  more: Record<string, unknown> = {},
): Promise<string> {
  const { status, json } = await ferry.call("operator", "POST", `/operate/v1/sources/${source_id}/commands`, {
    body: { command_name, ...more },
  });
  expect([200, 201]).toContain(status);
  return json.id;
}

export const poll = (ferry: Ferry, source_id: string, sent: Sent = {}) =>
  ferry.call("agent", "GET", `/v3/sources/${source_id}/command`, sent);

export const report = (
  ferry: Ferry,
  source_id: string,
  command_name: string,
  result = "success",
  result_detail: unknown = {},
  headers = {},
) =>
  ferry.call("agent", "POST", `/v3/sources/${source_id}/command_result`, {
    body: { command_name, result, result_detail },
    headers,
  });

/** A token for a user's password. */
export async function signIn(
  ferry: Ferry,
  name: string,
  password: string,
  { scope, domain = "default" }: { scope?: object; domain?: string } = {},
): Promise<string> {
  const user = { name, password, domain: { name: domain } };
  const identity = { methods: ["password"], password: { user } };
  const { status, headers } = await ferry.call(null, "POST", "/v3/auth/tokens", {
    body: { auth: { identity, ...(scope && { scope }) } },
  });
  expect(status).toBe(201);
  return headers.get("x-subject-token") ?? "";
}
