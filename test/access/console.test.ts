import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Role } from "../../src/core/words.ts";
import { declaredRoutes } from "../../src/http/openapi.ts";
import {
  type Ferry,
  poll,
  queue,
  type Reply,
  register,
  report,
  type Sent,
  settle,
  signIn,
  startFerry,
} from "../harness.ts";
import { bodies, makeObjects, pathTo } from "../objects.ts";

const PASSWORD = "correct horse battery";
const HOUR_MS = 60 * 60 * 1000;
const asked = { "x-ferry-console": "1" };

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const admin = (method: string, path: string, body?: object) =>
  ferry.call("admin", method, path, body === undefined ? {} : { body });
const makeUser = async (role: Role = "operator", name = "maria"): Promise<string> =>
  (await admin("POST", "/operate/v1/users", { name, role, password: PASSWORD })).json.id;
const makeKey = async (more: object) => (await admin("POST", "/operate/v1/keys", more)).json;
const shown = ({ access_key, secret_key, security_token }: Record<string, string>) => ({
  access_key,
  secret_key,
  ...(security_token && { security_token }),
});

const tryToSignIn = (body: object, sent: Sent = {}) =>
  ferry.call(null, "POST", "/console/session", { body, ...sent, headers: { ...asked, ...sent.headers } });

/** The cookie as a browser sends it back. */
async function enter(body: object = { user: "maria", password: PASSWORD }, sent: Sent = {}): Promise<string> {
  const { status, headers } = await tryToSignIn(body, sent);
  expect(status).toBe(201);
  return headers.get("set-cookie")?.split(";")[0] ?? "";
}

const atConsole = (cookie: string, method: string, path: string, sent: Sent = {}) =>
  ferry.call(null, method, `/console/api${path}`, { ...sent, headers: { cookie, ...asked, ...sent.headers } });
const isIn = async (cookie: string) => {
  const { status } = await atConsole(cookie, "GET", "/v3/sources");
  expect([200, 401]).toContain(status);
  return status === 200;
};
const signOut = (cookie: string) => ferry.call(null, "DELETE", "/console/session", { headers: { cookie, ...asked } });

const said = ({ status, json }: Reply) => [status, json.error_msg];
const WRONG_USER = [401, "the user or the password is wrong"];
const WRONG_KEY = [401, "the access key or its secret key is wrong"];

describe("createSession", () => {
  test("as a user: a cookie that only the console is sent, and who that is", async () => {
    await makeUser();
    const { status, headers, json, text } = await tryToSignIn({ user: "maria", password: PASSWORD });
    expect(status).toBe(201);
    expect(headers.get("set-cookie")).toMatch(
      /^ferry-console=[\w-]{43}; Path=\/console; Max-Age=86400; HttpOnly; SameSite=Strict$/,
    );
    expect(headers.get("cache-control")).toBe("no-store");
    expect(json).toEqual({
      account_id: ferry.keys.admin.account_id,
      account_name: "default",
      actor: "user:maria",
      roles: ["operator"],
      bound_to: null,
      expires_at: ferry.clock.now() + 24 * HOUR_MS,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(text).not.toContain(cookie.split("=")[1] ?? "");
    expect((await atConsole(cookie, "GET", "/operate/v1/me")).json).toEqual(json);
  });

  test("with a key: its roles, its end, and no longer than a day", async () => {
    const { access_key, ...secrets } = await makeKey({ role: "viewer" });
    const lasting = await tryToSignIn(shown({ access_key, ...secrets }));
    expect([lasting.json.actor, lasting.json.roles]).toEqual([access_key, ["admin", "viewer"]]);
    expect(lasting.json.expires_at).toBe(ferry.clock.now() + 24 * HOUR_MS);
    const temporary = await tryToSignIn(shown(await makeKey({ expires_in_s: 600 })));
    expect(temporary.json.expires_at).toBe(ferry.clock.now() + 600_000);
    expect(temporary.headers.get("set-cookie")).toContain("Max-Age=600;");
    const { json } = await tryToSignIn(shown(await makeKey({ expires_in_s: 48 * 3600 })));
    expect(json.expires_at).toBe(ferry.clock.now() + 24 * HOUR_MS);
  });

  test("a temporary key takes its security token, a lasting one none", async () => {
    const { security_token, ...key } = await makeKey({ expires_in_s: 600 });
    const without = [401, "this access key takes the security_token it was issued with"];
    expect(said(await tryToSignIn(shown(key)))).toEqual(without);
    expect(said(await tryToSignIn(shown({ ...key, security_token: "another" })))).toEqual(without);
    expect((await tryToSignIn(shown({ ...key, security_token }))).status).toBe(201);
    expect(said(await tryToSignIn({ ...shown({ ...ferry.keys.viewer }), security_token }))).toEqual([
      401,
      "this access key comes without security_token",
    ]);
  });

  test("wrong names and secrets are refused in the same words, make nothing and are logged without them", async () => {
    await makeUser();
    await makeUser("operator", "shut");
    await admin("PATCH", `/operate/v1/users/${(await admin("GET", "/operate/v1/users?name=shut")).json.items[0].id}`, {
      disabled: true,
    });
    const disabled = await makeKey({ role: "viewer" });
    await admin("POST", `/operate/v1/keys/${disabled.access_key}/disable`);
    const { access_key, secret_key } = ferry.keys.viewer;
    const count = () => ferry.rows("SELECT (SELECT count(*) FROM tokens) AS t, (SELECT count(*) FROM events) AS e");
    const before = await count();
    for (const body of [
      { user: "maria", password: `${PASSWORD}!` },
      { user: "maria", password: "" },
      { user: "nobody", password: PASSWORD },
      { user: "shut", password: PASSWORD },
      { user: "maria", password: PASSWORD, account: "other" },
      { user: "maria", password: PASSWORD, account: "nobody" },
      // The admin an account begins with has no password.
      { user: "admin", password: PASSWORD },
    ]) {
      expect(said(await tryToSignIn(body))).toEqual(WRONG_USER);
    }
    for (const body of [
      { access_key, secret_key: `${secret_key}x` },
      { access_key, secret_key: secret_key.slice(1) },
      { access_key: "NOBODY", secret_key },
      { access_key: "NOBODY", secret_key: "no key has this secret, as it is not of the form of one" },
      { access_key, secret_key: ferry.keys.admin.secret_key },
      shown(disabled),
    ]) {
      const refused = await tryToSignIn(body);
      expect(said(refused)).toEqual(WRONG_KEY);
      expect(refused.headers.get("set-cookie")).toBe(null);
    }
    expect(await count()).toEqual(before);
    const lines = ferry.logged.filter(({ message }) => message === "a sign-in was refused");
    expect(lines.length).toBe(13);
    expect(lines.at(-1)?.fields).toEqual({ address: "192.0.2.7" });
    expect(JSON.stringify(ferry.logged)).not.toContain(PASSWORD);
  });

  test("a user of another account names it, and sees that account alone", async () => {
    const source_id = await register(ferry);
    await admin("POST", "/operate/v1/users", { name: "eve", role: "admin", password: PASSWORD, account: "other" });
    expect(said(await tryToSignIn({ user: "eve", password: PASSWORD }))).toEqual(WRONG_USER);
    const cookie = await enter({ user: "eve", password: PASSWORD, account: "other" });
    expect((await atConsole(cookie, "GET", "/operate/v1/me")).json.account_name).toBe("other");
    expect((await atConsole(cookie, "GET", "/v3/sources")).json).toEqual({ count: 0, source_servers: [] });
    const foreign = await atConsole(cookie, "GET", `/v3/sources/${source_id}`);
    const missing = await atConsole(cookie, "GET", "/v3/sources/nobody");
    expect([foreign.status, foreign.json.error_msg.replace(source_id, "nobody")]).toEqual([
      404,
      missing.json.error_msg,
    ]);
    const { text } = await atConsole(cookie, "GET", "/operate/v1/events");
    expect(text).not.toContain(source_id);
  });

  test("who may not look is told what would do, once the secret is right", async () => {
    await makeUser("agent", "runner");
    const enrolment = await makeKey({ enrolment: true });
    const words =
      "role agent sees nothing at the console: sign in as a user, or with a key, whose role is viewer, operator or admin";
    expect(said(await tryToSignIn({ user: "runner", password: PASSWORD }))).toEqual([403, words]);
    for (const key of [ferry.keys.agent, enrolment]) {
      expect(said(await tryToSignIn(shown({ ...key })))).toEqual([403, words]);
    }
    expect(said(await tryToSignIn({ user: "runner", password: "wrong" }))).toEqual(WRONG_USER);
    expect(said(await tryToSignIn({ ...shown({ ...ferry.keys.agent }), secret_key: "wrong" }))).toEqual(WRONG_KEY);
    expect(await ferry.rows("SELECT * FROM tokens")).toEqual([]);
  });

  test.each([
    {},
    { user: "maria" },
    { password: PASSWORD },
    { access_key: "A" },
    { access_key: "A", secret_key: "b", account: "default" },
    { user: "maria", password: PASSWORD, access_key: "A" },
    { user: "maria", password: PASSWORD, security_token: "A" },
    { user: "maria", password: PASSWORD, access_key: "A", secret_key: "b" },
    { user: "maria", password: PASSWORD, remember: true },
    { user: ["maria"], password: PASSWORD },
  ])("takes one way to sign in, whole: %j is 400", async (body) => {
    const { status, json } = await tryToSignIn(body);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
  });

  test("a body over 64 KiB is refused before it is parsed", async () => {
    expect((await tryToSignIn({ user: "maria", password: "x".repeat(65_536) })).status).toBe(413);
  });

  test("only the hash is kept; beginning and end are in the record of the account, with who, how and from where", async () => {
    await makeUser();
    const cookie = await enter();
    const key = ferry.keys.foreign;
    await signOut(await enter(shown({ ...key })));
    const dump = JSON.stringify([await ferry.rows("SELECT * FROM tokens"), await ferry.rows("SELECT * FROM events")]);
    expect(dump).not.toContain(cookie.split("=")[1] ?? "");
    const [newest] = (await ferry.call("admin", "GET", "/operate/v1/events?limit=1")).json.items;
    const expires_at = ferry.clock.now() + 24 * HOUR_MS;
    expect(newest).toMatchObject({
      type: "session.begun",
      actor: "user:maria",
      address: "192.0.2.7",
      data: { user: "maria", method: "password", expires_at },
    });
    const [ended, begun] = (await ferry.call("foreign", "GET", "/operate/v1/events?limit=2")).json.items;
    expect([ended.type, ended.actor]).toEqual(["session.ended", key.access_key]);
    expect([begun.type, begun.actor, begun.data]).toEqual([
      "session.begun",
      key.access_key,
      { user: "admin", method: "key", expires_at },
    ]);
  });

  test("signing in once more ends the session that the browser had, whoever's it was", async () => {
    await makeUser();
    const first = await enter();
    const other = await enter();
    const second = await enter(shown({ ...ferry.keys.viewer }), { headers: { cookie: first } });
    expect([await isIn(first), await isIn(other), await isIn(second)]).toEqual([false, true, true]);
    // One that fails ends nothing.
    expect((await tryToSignIn({ user: "maria", password: "wrong" }, { headers: { cookie: second } })).status).toBe(401);
    expect(await isIn(second)).toBe(true);
  });

  test("a key disabled, or a password changed, while it was being checked gives no session", async () => {
    const id = await makeUser();
    const pending = tryToSignIn({ user: "maria", password: PASSWORD });
    const { updateUser } = await import("../../src/access/user-store.ts");
    await ferry.database.writer.transaction(async (tx) => {
      const [row] = await ferry.rows("SELECT seq FROM users WHERE id = ?", id);
      await updateUser(tx, Number(row?.seq), { password_hash: "$scrypt$ln=1,r=1,p=1$AAAA$AAAA" });
    });
    expect(said(await pending)).toEqual(WRONG_USER);
    const key = await makeKey({ role: "viewer" });
    const { credentials } = ferry.services.access;
    const { readKey } = credentials;
    Object.assign(credentials, {
      readKey: async (access_key: string) => {
        Object.assign(credentials, { readKey });
        const found = await readKey(access_key);
        await admin("POST", `/operate/v1/keys/${access_key}/disable`);
        return found;
      },
    });
    expect(said(await tryToSignIn(shown(key)))).toEqual(WRONG_KEY);
    expect(await ferry.rows("SELECT * FROM tokens")).toEqual([]);
  });

  test("five wrong passwords lock a pair of user and address, together with those of createToken", async () => {
    await makeUser();
    const at = (address: string, password = PASSWORD) => tryToSignIn({ user: "maria", password }, { address });
    for (let tries = 0; tries < 3; tries += 1) expect(said(await at("198.51.100.1", "wrong"))).toEqual(WRONG_USER);
    const user = { name: "maria", domain: { name: "default" }, password: "wrong" };
    const body = { auth: { identity: { methods: ["password"], password: { user } } } };
    for (let tries = 0; tries < 2; tries += 1) {
      await ferry.call(null, "POST", "/v3/auth/tokens", { body, address: "198.51.100.1" });
    }
    expect(said(await at("198.51.100.1"))).toEqual([
      401,
      "too many failed attempts from this address: try again in 300 s",
    ]);
    expect((await at("198.51.100.2")).status).toBe(201);
  });
});

describe("the cookie", () => {
  test("is Secure where the browser speaks https, to the service or to a proxy before it", async () => {
    const { access_key, secret_key } = ferry.keys.viewer;
    const cookieOf = async (url: string, headers: Record<string, string>) => {
      const request = new Request(`${url}/console/session`, {
        method: "POST",
        headers: { ...asked, ...headers },
        body: JSON.stringify({ access_key, secret_key }),
      });
      return (await ferry.app.fetch(request)).headers.get("set-cookie") ?? "";
    };
    expect(await cookieOf("http://ferry.test", {})).not.toContain("Secure");
    expect(await cookieOf("http://ferry.test", { "x-forwarded-proto": "http" })).not.toContain("Secure");
    expect(await cookieOf("https://ferry.test", {})).toMatch(/^ferry-console=.*; Secure$/);
    expect(await cookieOf("http://ferry.test", { "x-forwarded-proto": "https" })).toMatch(/; Secure$/);
    expect(await cookieOf("http://[::1]:8900", { "x-forwarded-proto": "https, http" })).toMatch(
      /^ferry-console-8900=.*; Secure$/,
    );
    expect(await cookieOf("http://[2001:db8::1]", {})).toStartWith("ferry-console=");
  });

  test("is another one for each port: two services on a machine sign nobody out of the other", async () => {
    const other = await startFerry();
    // A test's randomness is the same everywhere: the two must not come to the same session.
    await other.call("admin", "POST", "/operate/v1/keys", { body: { role: "viewer" } });
    const enterAt = async ({ app, keys }: Ferry, port: number, cookie: string) => {
      const request = new Request(`http://127.0.0.1:${port}/console/session`, {
        method: "POST",
        headers: { ...asked, cookie },
        body: JSON.stringify(shown({ ...keys.viewer })),
      });
      return (await app.fetch(request)).headers.get("set-cookie")?.split(";")[0] ?? "";
    };
    const first = await enterAt(ferry, 9120, "");
    const second = await enterAt(other, 9121, first);
    const status = async ({ app }: Ferry, port: number, cookie: string) =>
      (
        await app.fetch(
          new Request(`http://127.0.0.1:${port}/console/api/v3/sources`, { headers: { ...asked, cookie } }),
        )
      ).status;
    for (const cookie of [`${first}; ${second}`, `other=1; ${second};${first}`]) {
      expect([await status(ferry, 9120, cookie), await status(other, 9121, cookie)]).toEqual([200, 200]);
    }
    // What one service gave is worth nothing at the other, under any name.
    expect(await status(other, 9121, first.replace("9120", "9121"))).toBe(401);
    expect(await status(ferry, 9121, first)).toBe(401);
    await other.stop();
  });

  test("is refused where it is there twice, changed, or a token's", async () => {
    await makeUser();
    const cookie = await enter();
    const [name, value = ""] = cookie.split("=");
    const token = await signIn(ferry, "maria", PASSWORD);
    const wrong = [
      "",
      `${name}=`,
      `${name}=${value}x`,
      `${name}=${value.slice(1)}`,
      `${name}="${value}"`,
      `other${cookie}`,
      `${cookie}; ${cookie}`,
      `${name}=planted; ${cookie}`,
      `${name}=${token}`,
      `${name}=session:${value}`,
    ];
    for (const other of wrong) expect([other, await isIn(other)]).toEqual([other, false]);
    expect(await isIn(`a=b; ${cookie}; c=d`)).toBe(true);
  });

  test("signing out ends every session that the browser shows, planted ones beside it or not", async () => {
    await makeUser();
    const [mine, older] = [await enter(), await enter()];
    const [name = ""] = mine.split("=");
    const out = await ferry.call(null, "DELETE", "/console/session", {
      headers: { cookie: `${name}=planted; ${mine}; ${older}`, ...asked },
    });
    expect(out.status).toBe(200);
    expect([await isIn(mine), await isIn(older)]).toEqual([false, false]);
  });

  test("many sessions by one key end the oldest of that key, and nobody else's", async () => {
    await makeUser();
    const token = await signIn(ferry, "maria", PASSWORD);
    const byPassword = await enter();
    const key = await makeKey({ role: "viewer", user: "maria" });
    const byKey = () => enter(shown(key));
    const first = await byKey();
    const second = await byKey();
    for (let more = 0; more < 99; more += 1) await byKey();
    expect([await isIn(first), await isIn(second), await isIn(byPassword)]).toEqual([false, true, true]);
    expect((await ferry.call({ token }, "GET", "/operate/v1/me")).status).toBe(200);
  });

  test("is worth nothing outside /console/api, as a token or beside a signature", async () => {
    await makeUser("admin");
    const cookie = await enter();
    const value = cookie.split("=")[1] ?? "";
    const routes = declaredRoutes(ferry.app).filter(({ declaration }) => declaration.roles.length > 0);
    for (const { id, method, path } of routes) {
      const { status } = await ferry.call(null, method, path.replace("{version}", "v3").replace(/\{\w+\}/g, "x"), {
        headers: { cookie, ...asked },
      });
      expect([id, status]).toEqual([id, 401]);
    }
    const [{ hash }] = (await ferry.rows("SELECT hash FROM tokens")) as [{ hash: string }];
    for (const token of [value, cookie, `session:${value}`, hash, hash.replace("session:", "")]) {
      expect((await ferry.call({ token }, "GET", "/v3/sources")).status).toBe(401);
      const identity = { methods: ["token"], token: { id: token } };
      expect((await ferry.call(null, "POST", "/v3/auth/tokens", { body: { auth: { identity } } })).status).toBe(401);
      const asSubject = { headers: { "x-subject-token": token } };
      expect((await ferry.call("admin", "GET", "/v3/auth/tokens", asSubject)).status).toBe(404);
    }
    expect(await isIn(cookie)).toBe(true);
  });
});

describe("/console/api", () => {
  test("serves every operation to the session, and nothing without one", async () => {
    const routes = declaredRoutes(ferry.app).filter(({ path }) => !path.startsWith("/console"));
    expect(routes.length).toBeGreaterThan(70);
    const objects = await makeObjects(ferry);
    for (const { id, method, path } of routes) {
      const body = bodies[id]?.(objects);
      const refused = await atConsole("", method, pathTo(path, objects), body ? { body } : {});
      expect([id, refused.status, refused.json.error_code]).toEqual([id, 401, "APIGW.0301"]);
    }
    for (const path of ["", "/", "/nothing", "//v3/sources", "/console/session", "/docs"]) {
      expect([path, (await atConsole("", "GET", path)).status]).toEqual([path, 401]);
    }
  });

  test("lets a role do there what it may do anywhere, and refuses it the rest, as it does a key", async () => {
    const callers: [cookie: string, roles: Role[]][] = [];
    for (const role of ["viewer", "operator", "admin"] as const) {
      await makeUser(role, `${role}-user`);
      callers.push([await enter({ user: `${role}-user`, password: PASSWORD }), [role]]);
      callers.push([await enter(shown(await makeKey({ user: `${role}-user` }))), [role]]);
    }
    callers.push([await enter(shown(await makeKey({ role: "viewer", expires_in_s: 600 }))), ["admin", "viewer"]]);
    callers.push([
      await enter(shown(await makeKey({ user: "operator-user", role: "viewer" }))),
      ["operator", "viewer"],
    ]);
    const gated = declaredRoutes(ferry.app).filter(({ declaration }) => declaration.roles.length > 0);
    for (const { id, method, path, declaration } of gated) {
      const plain = path
        .replace("{version}", "v3")
        .replace("{project_id}", ferry.keys.admin.project_id)
        .replace(/\{\w+\}/g, "nobody");
      for (const [cookie, roles] of callers) {
        const sent = ["POST", "PUT", "PATCH"].includes(method) ? { text: "broken" } : {};
        const response = await ferry.send(null, method, `/console/api${plain}`, {
          ...sent,
          headers: { cookie, ...asked },
        });
        const isRefused = roles.some((role) => !declaration.roles.includes(role));
        expect([id, roles, response.status === 403, response.status === 401]).toEqual([id, roles, isRefused, false]);
      }
    }
  });

  test("changes what a signed call would, and the record names who it was", async () => {
    await makeUser();
    const cookie = await enter();
    const source_id = await register(ferry);
    const body = { command_name: "START" };
    const queued = await atConsole(cookie, "POST", `/operate/v1/sources/${source_id}/commands`, { body });
    expect(queued.status).toBe(201);
    const [event] = (await admin("GET", "/operate/v1/events?limit=1")).json.items;
    expect([event.type, event.actor, event.address]).toEqual(["command.queued", "user:maria", "192.0.2.7"]);
    // Polls and reports, which have a lane of their own.
    const polled = await atConsole(cookie, "GET", `/v3/sources/${source_id}/command`);
    expect([polled.json, polled.headers.get("x-command-id")]).toEqual([body, queued.json.id]);
    const taken = await atConsole(cookie, "POST", `/v3/sources/${source_id}/command_result`, {
      body: { ...body, result: "success", result_detail: {} },
      headers: { "x-command-id": queued.json.id },
    });
    expect(taken.status).toBe(200);
    const [result] = (await admin("GET", `/operate/v1/results?source_id=${source_id}`)).json.items;
    expect([result.kind, result.command_id]).toEqual(["matched", queued.json.id]);
    const query = await atConsole(cookie, "GET", "/operate/v1/events?type=source.registered&limit=1");
    expect(query.json.items.map(({ type }: { type: string }) => type)).toEqual(["source.registered"]);
  });

  test("its replies are kept by no browser and taken for nothing else", async () => {
    const cookie = await enter(shown({ ...ferry.keys.viewer }));
    for (const path of ["/v3/sources", "/v3/nothing"]) {
      const { headers } = await atConsole(cookie, "GET", path);
      expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual(["no-store", "nosniff"]);
    }
  });

  test("every call takes the header, reading and signing in and out too; what is missing is said", async () => {
    await makeUser();
    const cookie = await enter();
    const source_id = await register(ferry);
    const before = await ferry.rows("SELECT count(*) AS n FROM events");
    const words =
      "the header X-Ferry-Console is missing: every call at the console takes it, with any value, as no other site's page can send it";
    for (const [method, path, body] of [
      ["GET", "/console/api/v3/sources", undefined],
      ["GET", `/console/api/v3/sources/${source_id}/command`, undefined],
      ["POST", `/console/api/operate/v1/sources/${source_id}/commands`, { command_name: "START" }],
      ["PUT", `/console/api/v3/sources/${source_id}`, { name: "renamed" }],
      ["DELETE", `/console/api/v3/sources/${source_id}`, undefined],
      ["POST", "/console/session", { user: "maria", password: PASSWORD }],
      ["DELETE", "/console/session", undefined],
    ] as const) {
      for (const headers of [{ cookie }, { cookie, "x-ferry-console": "" }]) {
        const refused = await ferry.call(null, method, path, { headers, ...(body && { body }) });
        expect([path, refused.json.error_code, ...said(refused)]).toEqual([path, "SMS.9004", 403, words]);
      }
    }
    expect(await ferry.rows("SELECT count(*) AS n FROM events")).toEqual(before);
    expect(await isIn(cookie)).toBe(true);
  });

  test("a page of another site, or of another port, reads nothing and changes nothing, whatever it sends", async () => {
    const cookie = await enter(shown({ ...ferry.keys.admin }));
    const source_id = await register(ferry);
    await queue(ferry, source_id, "START");
    for (const site of ["cross-site", "same-site"]) {
      const headers = { "sec-fetch-site": site };
      for (const path of [`/v3/sources/${source_id}/command`, "/v3/projects?name=region-7"]) {
        expect((await atConsole(cookie, "GET", path, { headers })).status).toBe(403);
      }
      expect((await tryToSignIn(shown({ ...ferry.keys.admin }), { headers })).status).toBe(403);
      const out = await ferry.call(null, "DELETE", "/console/session", { headers: { cookie, ...asked, ...headers } });
      expect(out.status).toBe(403);
    }
    const commands = await admin("GET", `/operate/v1/commands?source_id=${source_id}`);
    expect(commands.json.items[0].state).toBe("queued");
    expect((await ferry.rows("SELECT name FROM projects WHERE name = 'region-7'")).length).toBe(0);
    for (const site of ["same-origin", "none"]) {
      const { status } = await atConsole(cookie, "GET", "/v3/sources", { headers: { "sec-fetch-site": site } });
      expect(status).toBe(200);
    }
    const asking = await ferry.send(null, "OPTIONS", "/console/api/v3/sources", {
      headers: { cookie, origin: "http://elsewhere.test", "access-control-request-headers": "x-ferry-console" },
    });
    expect([asking.status, asking.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });

  test("other credentials beside the session are refused, right or wrong", async () => {
    await makeUser();
    const cookie = await enter();
    const token = await signIn(ferry, "maria", PASSWORD);
    const words = "under /console/api the session is the one credential: send no signature and no token with it";
    for (const as of ["admin", { token }, { token: "nobody" }] as const) {
      for (const headers of [{ cookie }, {}]) {
        const reply = await ferry.call(as, "GET", "/console/api/v3/sources", { headers });
        expect(said(reply)).toEqual([401, words]);
      }
    }
    const foreign = { "x-project-id": ferry.keys.foreign.project_id };
    expect((await atConsole(cookie, "GET", "/v3/sources", { headers: foreign })).status).toBe(403);
  });

  test("HEAD, unknown methods and odd paths find nothing", async () => {
    const cookie = await enter(shown({ ...ferry.keys.admin }));
    for (const [method, path] of [
      ["HEAD", "/console/api/v3/sources"],
      ["OPTIONS", "/console/api/v3/sources"],
      ["PATCH", "/console/api/v3/sources"],
      ["GET", "/console/api"],
      ["GET", "/console/api/console"],
      ["GET", "/console/api//v3/sources"],
      ["GET", "/console/api/v3/sources/"],
      ["GET", "/console/api/console/api/v3/sources"],
      ["POST", "/console/api/console/session"],
      ["DELETE", "/console/api/console/session"],
      ["GET", "/console/api/docs"],
      ["GET", "/console/api/%76%33/sources"],
      ["GET", "//console/api/v3/sources"],
      ["GET", "/%63onsole/api/v3/sources"],
      ["GET", "/CONSOLE/api/v3/sources"],
      ["GET", "/console/session"],
      ["PUT", "/console/session"],
      ["OPTIONS", "/console/session"],
      // Neither of the API nor, without files, a page.
      ["GET", "/console/%61pi/v3/sources"],
      ["GET", "/console/api%2fv3/sources"],
      ["GET", "/console/apis/v3/sources"],
      ["GET", "/console/api/../v3/sources"],
      ["GET", "/console/api/%2e%2e/session"],
    ] as const) {
      const response = await ferry.send(null, method, path, { headers: { cookie, ...asked } });
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect(response.headers.get("set-cookie")).toBe(null);
    }
    // Out of the mount, the cookie says nothing.
    const { status } = await ferry.send(null, "GET", "/console/api/../../v3/sources", {
      headers: { cookie, ...asked },
    });
    expect(status).toBe(401);
    expect(await isIn(cookie)).toBe(true);
  });
});

describe("a session", () => {
  test("is good for 24 hours, across a restart, and not a moment longer; then its row goes", async () => {
    await makeUser();
    const cookies = [await enter(), await enter(shown({ ...ferry.keys.viewer }))];
    const both = () => Promise.all(cookies.map(isIn));
    const at = ferry.clock.now();
    ferry.clock.set(at + 24 * HOUR_MS - 1);
    expect(await both()).toEqual([true, true]);
    await ferry.restart();
    expect(await both()).toEqual([true, true]);
    await ferry.runJobs();
    ferry.clock.set(at + 24 * HOUR_MS);
    expect(await both()).toEqual([false, false]);
    await ferry.restart();
    expect(await both()).toEqual([false, false]);
    await ferry.runJobs();
    expect(await ferry.rows("SELECT * FROM tokens")).toEqual([]);
  });

  test("ends with signing out, which ends that one only, and is repeated without harm", async () => {
    await makeUser();
    const cookie = await enter();
    const other = await enter();
    expect([await isIn(cookie), await isIn(other)]).toEqual([true, true]);
    const out = await signOut(cookie);
    expect([out.status, out.json]).toEqual([200, {}]);
    expect(out.headers.get("set-cookie")).toBe("ferry-console=; Path=/console; Max-Age=0; HttpOnly; SameSite=Strict");
    expect([await isIn(cookie), await isIn(other)]).toEqual([false, true]);
    const events = await ferry.rows("SELECT count(*) AS n FROM events WHERE type = 'session.ended'");
    for (const again of [cookie, "", "ferry-console=nobody"]) expect((await signOut(again)).status).toBe(200);
    expect(await ferry.rows("SELECT count(*) AS n FROM events WHERE type = 'session.ended'")).toEqual(events);
    await ferry.restart();
    expect([await isIn(cookie), await isIn(other)]).toEqual([false, true]);
  });

  test.each([{ disabled: true }, { role: "viewer" }, { password: "another password" }])(
    "ends at once with its user's change: %j, whether by password or by key, and does not come back",
    async (change) => {
      const id = await makeUser();
      const cookies = [await enter(), await enter(shown(await makeKey({ user: "maria" })))];
      const bystander = await enter(shown({ ...ferry.keys.viewer }));
      const all = () => Promise.all([...cookies, bystander].map(isIn));
      expect(await all()).toEqual([true, true, true]);
      expect((await admin("PATCH", `/operate/v1/users/${id}`, change)).status).toBe(200);
      expect(await all()).toEqual([false, false, true]);
      await admin("PATCH", `/operate/v1/users/${id}`, { disabled: false });
      expect(await all()).toEqual([false, false, true]);
    },
  );

  test("ends at once with its user", async () => {
    const id = await makeUser();
    const cookies = [await enter(), await enter(shown(await makeKey({ user: "maria" })))];
    const both = () => Promise.all(cookies.map(isIn));
    expect(await both()).toEqual([true, true]);
    expect((await admin("DELETE", `/operate/v1/users/${id}`)).status).toBe(200);
    expect(await both()).toEqual([false, false]);
    await ferry.restart();
    expect(await both()).toEqual([false, false]);
  });

  test("by a key ends when the key is disabled, and no other one does", async () => {
    const key = await makeKey({ role: "operator" });
    const cookies = [await enter(shown(key)), await enter(shown({ ...ferry.keys.operator }))];
    const both = () => Promise.all(cookies.map(isIn));
    expect(await both()).toEqual([true, true]);
    await admin("POST", `/operate/v1/keys/${key.access_key}/disable`);
    expect(await both()).toEqual([false, true]);
    await ferry.restart();
    expect(await both()).toEqual([false, true]);
  });

  test("by a key that was rotated ends when the key does", async () => {
    const { access_key, ...secrets } = await makeKey({ role: "operator" });
    const cookie = await enter(shown({ access_key, ...secrets }));
    expect(await isIn(cookie)).toBe(true);
    await admin("POST", `/operate/v1/keys/${access_key}/rotate`, { overlap_s: 60 });
    expect((await atConsole(cookie, "GET", "/operate/v1/me")).json.expires_at).toBe(ferry.clock.now() + 60_000);
    ferry.clock.set(ferry.clock.now() + 59_999);
    expect(await isIn(cookie)).toBe(true);
    ferry.clock.set(ferry.clock.now() + 1);
    expect(await isIn(cookie)).toBe(false);
    const next = await makeKey({ role: "operator" });
    const atOnce = await enter(shown(next));
    await admin("POST", `/operate/v1/keys/${next.access_key}/rotate`, { overlap_s: 0 });
    expect(await isIn(atOnce)).toBe(false);
  });

  test("by a temporary key ends with it, and its row does not keep the key's from going", async () => {
    const cookie = await enter(shown(await makeKey({ expires_in_s: 60 })));
    ferry.clock.set(ferry.clock.now() + 59_999);
    expect(await isIn(cookie)).toBe(true);
    ferry.clock.set(ferry.clock.now() + 1);
    expect(await isIn(cookie)).toBe(false);
    await ferry.runJobs();
    expect(await ferry.rows("SELECT * FROM access_keys WHERE security_token_hash IS NOT NULL")).toEqual([]);
    expect(await isIn(cookie)).toBe(false);
  });

  test("is one of the ten thousand that a user has: one more ends the oldest", async () => {
    await makeUser();
    const oldest = await enter();
    await ferry.rows(
      `INSERT INTO tokens (hash, user_seq, method, issued_at, expires_at)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
        SELECT 'h' || i, (SELECT seq FROM users WHERE name = 'maria'), 'password', 0, ? FROM n`,
      ferry.clock.now() + HOUR_MS,
    );
    expect(await isIn(oldest)).toBe(true);
    const newest = await enter();
    expect([await isIn(oldest), await isIn(newest)]).toEqual([false, true]);
  });

  test("that ends in the middle of a call that lasts ends the call", async () => {
    await makeUser();
    const source_id = await register(ferry);
    const ways: [cookie: string, end: (cookie: string) => Promise<unknown>][] = [];
    const key = await makeKey({ role: "operator" });
    ways.push([await enter(), signOut]);
    ways.push([await enter(shown(key)), () => admin("POST", `/operate/v1/keys/${key.access_key}/disable`)]);
    for (const [cookie, end] of ways) {
      const waiting = atConsole(cookie, "GET", `/v3/sources/${source_id}/command?wait=30`);
      await settle();
      await end(cookie);
      await queue(ferry, source_id, "START");
      await ferry.pollsLook();
      expect(said(await waiting)).toEqual([401, "these credentials have been changed, revoked or have expired"]);
      await poll(ferry, source_id);
      await report(ferry, source_id, "START");
    }
    const holding = await enter();
    const waiting = atConsole(holding, "GET", `/v3/sources/${source_id}/command?wait=30`);
    await settle();
    await queue(ferry, source_id, "START");
    await ferry.pollsLook();
    expect((await waiting).json).toEqual({ command_name: "START" });
  });

  test("reads a reply that comes in pieces, to its end", async () => {
    const cookie = await enter(shown({ ...ferry.keys.viewer }));
    const source_id = await register(ferry);
    await report(ferry, source_id, "START");
    const { status, headers, text } = await atConsole(cookie, "GET", "/operate/v1/results", {
      headers: { accept: "application/x-ndjson" },
    });
    expect([status, headers.get("content-type"), text.trim().split("\n").length]).toEqual([
      200,
      "application/x-ndjson",
      1,
    ]);
  });
});

describe("showCaller", () => {
  test("tells a key, a narrowed and a bound one, and a token who they are", async () => {
    const me = async (as: Parameters<Ferry["call"]>[0]) => (await ferry.call(as, "GET", "/operate/v1/me")).json;
    const { access_key, account_id } = ferry.keys.viewer;
    const account = { account_id, account_name: "default", version: expect.any(String) };
    expect(await me("viewer")).toEqual({
      ...account,
      actor: access_key,
      roles: ["admin", "viewer"],
      bound_to: null,
      expires_at: null,
    });
    const enrolment = await makeKey({ enrolment: true });
    expect(await me(enrolment)).toMatchObject({ roles: ["admin", "agent"], bound_to: null });
    const source_id = await register(ferry, "own", {}, enrolment);
    expect(await me(enrolment)).toMatchObject({ roles: ["admin", "agent"], bound_to: source_id });
    const temporary = await makeKey({ expires_in_s: 60 });
    expect((await me(temporary)).expires_at).toBe(ferry.clock.now() + 60_000);
    await makeUser();
    const token = await signIn(ferry, "maria", PASSWORD);
    expect(await me({ token })).toEqual({
      ...account,
      actor: "user:maria",
      roles: ["operator"],
      bound_to: null,
      expires_at: ferry.clock.now() + 24 * HOUR_MS,
    });
    expect((await me("foreign")).account_name).toBe("other");
  });
});
