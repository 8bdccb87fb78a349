import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Credentials } from "../../src/access/credentials.ts";
import { Keys } from "../../src/access/keys.ts";
import { signedRequest } from "../../src/client/client.ts";
import { Sealer } from "../../src/core/sealed.ts";
import { type Caller, ENDPOINT, type Ferry, type Key, register, registration, START, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const createKey = (body: object, as: "admin" | "operator" | "foreign" = "admin") =>
  ferry.call(as, "POST", "/operate/v1/keys", { body });
const disable = (key: string, as: "admin" | "foreign" = "admin") =>
  ferry.call(as, "POST", `/operate/v1/keys/${key}/disable`);
const events = (type: string) =>
  ferry.rows("SELECT actor, address, data FROM events WHERE type = ? ORDER BY seq DESC LIMIT 1", type);

describe("keys", () => {
  test("createKey answers the secret once, and the key works with its role", async () => {
    const { status, json } = await createKey({ role: "viewer", description: "for the wall" });
    expect([status, Object.keys(json)]).toEqual([
      201,
      ["access_key", "secret_key", "account_id", "project_id", "user_name", "role", "expires_at"],
    ]);
    expect(json.access_key).toMatch(/^[A-Z2-7]{20}$/);
    expect(json.secret_key).toMatch(/^[A-Za-z0-9_-]{40}$/);
    expect((await ferry.call(json, "GET", "/v3/sources")).status).toBe(200);
    expect((await ferry.call(json, "GET", "/operate/v1/keys")).status).toBe(403);
    const { text } = await ferry.call("admin", "GET", "/operate/v1/keys");
    expect(text).toContain(json.access_key);
    expect(text).not.toContain(json.secret_key);
    const [event] = await events("key.created");
    expect(event).toMatchObject({ actor: ferry.keys.admin.access_key, address: "192.0.2.7" });
    expect(String(event?.data)).not.toContain(json.secret_key);
  });

  test("a secret is sealed at rest", async () => {
    const { json } = await createKey({ role: "agent" });
    const dump = JSON.stringify([
      await ferry.rows("SELECT * FROM access_keys"),
      await ferry.rows("SELECT * FROM events"),
    ]);
    expect(dump).toContain(json.access_key);
    expect(dump).not.toContain(json.secret_key);
  });

  test("listKeys pages through the account's keys only", async () => {
    const first = (await ferry.call("admin", "GET", "/operate/v1/keys?limit=3&order=oldest")).json;
    expect(first.items.map(({ role }: { role: string }) => role)).toEqual(["admin", "operator", "agent"]);
    const second = (
      await ferry.call("admin", "GET", `/operate/v1/keys?limit=3&order=oldest&cursor=${first.next_cursor}`)
    ).json;
    expect([second.items.map(({ role }: { role: string }) => role), second.next_cursor]).toEqual([["viewer"], null]);
  });

  test("disableKey makes a key worthless at once and may be repeated", async () => {
    const { json: key } = await createKey({ role: "operator" });
    expect((await ferry.call(key, "GET", "/v3/sources")).status).toBe(200);
    expect((await disable(key.access_key)).json.disabled_at).toBe(START);
    expect((await ferry.call(key, "GET", "/v3/sources")).status).toBe(401);
    expect((await disable(key.access_key)).json.disabled_at).toBe(START);
    await ferry.restart();
    expect((await ferry.call(key, "GET", "/v3/sources")).status).toBe(401);
    expect(await events("key.disabled")).toMatchObject([{ data: `{"access_key":"${key.access_key}"}` }]);
  });

  test("the last active admin key of an account stays", async () => {
    const { admin } = ferry.keys;
    const refused = await disable(admin.access_key);
    expect([refused.status, refused.json.error_code]).toEqual([400, "SMS.8009"]);
    const { json: second } = await createKey({ role: "admin" });
    expect((await disable(admin.access_key)).status).toBe(200);
    expect((await ferry.call(second, "POST", `/operate/v1/keys/${second.access_key}/disable`)).status).toBe(400);
  });

  test("another account's key is unknown", async () => {
    expect((await disable(ferry.keys.viewer.access_key, "foreign")).status).toBe(404);
    expect((await disable("nobody")).status).toBe(404);
  });

  test.each([
    { role: "root" },
    { role: "viewer", secret_key: "mine" },
    { role: "viewer", account: "not a name" },
    { role: "operator", enrolment: true },
    { expires_in_s: 59 },
    { expires_in_s: 604_801 },
    { user: "not a name" },
  ])("refuses %p", async (body) => {
    expect((await createKey(body)).status).toBe(400);
  });

  test("without a role a key has its user's, also after that changed; with one it keeps what both may", async () => {
    const { json: user } = await ferry.call("admin", "POST", "/operate/v1/users", {
      body: { name: "maria", role: "operator" },
    });
    const { json: whole } = await createKey({ user: "maria" });
    const { json: narrow } = await createKey({ user: "maria", role: "viewer" });
    expect([whole.role, whole.user_name, narrow.role]).toEqual(["operator", "maria", "viewer"]);
    const may = async (key: Key) => [
      (await ferry.call(key, "GET", "/v3/sources")).status,
      (await ferry.call(key, "PUT", "/v3/sources/nobody", { body: {} })).status,
      (await ferry.call(key, "GET", "/operate/v1/keys")).status,
    ];
    expect([await may(whole), await may(narrow)]).toEqual([
      [200, 404, 403],
      [200, 403, 403],
    ]);
    await ferry.call("admin", "PATCH", `/operate/v1/users/${user.id}`, { body: { role: "admin" } });
    expect([await may(whole), await may(narrow)]).toEqual([
      [200, 404, 200],
      [200, 403, 403],
    ]);
    await ferry.call("admin", "PATCH", `/operate/v1/users/${user.id}`, { body: { role: "agent" } });
    expect([await may(whole), await may(narrow)]).toEqual([
      [403, 403, 403],
      [403, 403, 403],
    ]);
  });

  test("a key is never wider than its user, and takes a user that is there and enabled", async () => {
    const { json: user } = await ferry.call("admin", "POST", "/operate/v1/users", {
      body: { name: "maria", role: "viewer" },
    });
    const refused = async (body: object) => {
      const { status, json } = await createKey(body);
      return [status, json.error_msg];
    };
    expect(await refused({ user: "maria", role: "agent" })).toEqual([
      400,
      "user maria is viewer: a key of it cannot be agent",
    ]);
    expect((await refused({ user: "maria", enrolment: true }))[0]).toBe(400);
    expect((await refused({ user: "nobody" }))[0]).toBe(404);
    await ferry.call("admin", "PATCH", `/operate/v1/users/${user.id}`, { body: { disabled: true } });
    expect(await refused({ user: "maria" })).toEqual([400, "user maria is disabled"]);
  });
});

describe("temporary keys", () => {
  test("take the security token they were issued with, signed or not, and end by themselves", async () => {
    const { status, json: key } = await createKey({ role: "viewer", expires_in_s: 60 });
    expect([status, key.expires_at, key.security_token.length]).toEqual([201, START + 60_000, 64]);
    const answered = async (as: object, headers = {}) =>
      (await ferry.call(as, "GET", "/v3/sources", { headers })).status;
    expect(await answered(key)).toBe(200);
    const { security_token, ...bare } = key;
    expect(await answered(bare)).toBe(401);
    expect(await answered(bare, { "x-security-token": security_token })).toBe(200);
    expect(await answered({ ...key, security_token: `${security_token}x` })).toBe(401);
    expect(await answered({ ...bare, security_token: key.secret_key })).toBe(401);
    await ferry.clock.advance(59_999);
    expect(await answered(key)).toBe(200);
    await ferry.clock.advance(1);
    const { status: after, json } = await ferry.call(key, "GET", "/v3/sources");
    expect([after, json.error_msg]).toEqual([401, "the access key has expired"]);
  });

  test("an unsigned X-Security-Token is good as well, as Terraform sends it", async () => {
    const { json: key } = await createKey({ role: "viewer", expires_in_s: 60 });
    const { security_token, ...bare } = key;
    const request = await signedRequest({ endpoint: ENDPOINT, ...bare }, START, `${ENDPOINT}/v3/sources`);
    expect(request.headers.get("authorization")).not.toContain("x-security-token");
    request.headers.set("x-security-token", security_token);
    expect((await ferry.app.fetch(request, {})).status).toBe(200);
  });

  test("are gone from the list once they have ended, and their tokens are nowhere at rest", async () => {
    const { json: key } = await createKey({ role: "viewer", expires_in_s: 60 });
    const listed = async () =>
      (await ferry.call("admin", "GET", "/operate/v1/keys")).json.items.filter(
        ({ access_key }: Key) => access_key === key.access_key,
      );
    expect(await listed()).toMatchObject([{ temporary: true, expires_at: START + 60_000 }]);
    const dump = JSON.stringify([
      await ferry.rows("SELECT * FROM access_keys"),
      await ferry.rows("SELECT * FROM events"),
    ]);
    expect(dump).not.toContain(key.security_token);
    await ferry.clock.advance(60_000);
    await ferry.runJobs();
    expect(await listed()).toEqual([]);
  });
});

describe("enrolment keys", () => {
  const enrolment = async () => (await createKey({ enrolment: true, description: "rack 7" })).json;

  test("are good for the one source they register first", async () => {
    const key = await enrolment();
    expect(key.role).toBe("agent");
    const source_id = await register(ferry, "web-1", {}, key);
    expect((await ferry.call(key, "GET", `/v3/sources/${source_id}/command`)).status).toBe(200);
    const other = await register(ferry, "web-2");
    const refused = await ferry.call(key, "GET", `/v3/sources/${other}/command`);
    expect([refused.status, refused.json.error_code]).toEqual([403, "SMS.9004"]);
    const item = (await ferry.call("admin", "GET", "/operate/v1/keys")).json.items[0];
    expect(item).toMatchObject({ access_key: key.access_key, enrolment: true, source_id });
    expect(await events("key.bound")).toMatchObject([{ data: `{"access_key":"${key.access_key}"}` }]);
  });

  test("registering again without id means the own source; with another one's id it is refused", async () => {
    const key = await enrolment();
    const foreign = await register(ferry, "web-2");
    const register_ = (body: object) =>
      ferry.call(key, "POST", "/v3/sources", { body: { ...registration("web-1"), ...body } });
    expect((await register_({ id: foreign })).status).toBe(403);
    expect((await register_({ id: "nobody" })).status).toBe(404);
    const { json: first } = await register_({});
    expect((await register_({ name: "renamed" })).json).toEqual(first);
    expect((await register_({ id: first.id })).json).toEqual(first);
    expect((await register_({ id: foreign })).status).toBe(403);
    expect((await ferry.call("admin", "GET", "/v3/sources")).json.count).toBe(2);
  });

  test("two registrations at once make one source", async () => {
    const key = await enrolment();
    const both = await Promise.all([register(ferry, "web-1", {}, key), register(ferry, "web-1", {}, key)]);
    expect(both[0]).toBe(both[1]);
    expect((await ferry.call("admin", "GET", "/v3/sources")).json.count).toBe(1);
  });

  test("once the source is deleted, a new one is registered and bound", async () => {
    const key = await enrolment();
    const first = await register(ferry, "web-1", {}, key);
    await ferry.call("admin", "DELETE", `/v3/sources/${first}`);
    expect((await ferry.call(key, "GET", `/v3/sources/${first}/command`)).status).toBe(404);
    const second = await register(ferry, "web-1", {}, key);
    expect(second).not.toBe(first);
    expect((await ferry.call(key, "GET", `/v3/sources/${second}/command`)).status).toBe(200);
  });

  test("a refused registration binds nothing", async () => {
    const key = await enrolment();
    expect((await ferry.call(key, "POST", "/v3/sources", { body: { name: "half" } })).status).toBe(400);
    expect(await ferry.rows("SELECT source_id FROM access_keys WHERE is_enrolment")).toEqual([{ source_id: null }]);
  });
});

describe("rotateKey", () => {
  const rotate = (key: Key, body: object, as: Caller = "admin") =>
    ferry.call(as, "POST", `/operate/v1/keys/${key.access_key}/rotate`, { body });
  const works = async (key: Key) => (await ferry.call(key, "GET", "/v3/sources")).status === 200;

  test("makes a key of the same user and role; the old one is good for the overlap", async () => {
    const { json: old } = await createKey({ role: "viewer", description: "for the wall" });
    const { status, json: fresh } = await rotate(old, { overlap_s: 3600 });
    expect([status, fresh.role, fresh.user_name]).toEqual([201, "viewer", "admin"]);
    expect([await works(old), await works(fresh)]).toEqual([true, true]);
    await ferry.clock.advance(3_599_999);
    expect(await works(old)).toBe(true);
    await ferry.clock.advance(1);
    expect([await works(old), await works(fresh)]).toEqual([false, true]);
    const { items } = (await ferry.call("admin", "GET", "/operate/v1/keys?limit=2")).json;
    expect(items).toMatchObject([
      { access_key: fresh.access_key, description: "for the wall", expires_at: null },
      { access_key: old.access_key, expires_at: START + 3_600_000, temporary: false },
    ]);
  });

  test("a key that was disabled or has expired has a successor all the same: its source is not lost", async () => {
    const { json: old } = await createKey({ enrolment: true });
    const source_id = await register(ferry, "web-1", {}, old);
    await disable(old.access_key);
    const { status, json: fresh } = await rotate(old, {});
    expect(status).toBe(201);
    expect((await ferry.call(fresh, "GET", `/v3/sources/${source_id}/command`)).status).toBe(200);
    expect((await ferry.call(old, "GET", `/v3/sources/${source_id}/command`)).status).toBe(401);
  });

  test("one key for enrolment stays one source: while it has none, the old one ends at once", async () => {
    const { json: old } = await createKey({ enrolment: true });
    const { json: fresh } = await rotate(old, { overlap_s: 3600 });
    expect((await ferry.call(old, "POST", "/v3/sources", { body: registration() })).status).toBe(401);
    await register(ferry, "web-1", {}, fresh);
  });

  test("without overlap the old key ends at once; a bound key's new one is bound to the same source", async () => {
    const { json: old } = await createKey({ enrolment: true });
    const source_id = await register(ferry, "web-1", {}, old);
    const { json: fresh } = await rotate(old, { overlap_s: 0 });
    const poll = async (key: Key) => (await ferry.call(key, "GET", `/v3/sources/${source_id}/command`)).status;
    expect([await poll(old), await poll(fresh)]).toEqual([401, 200]);
    const other = await register(ferry, "web-2");
    expect((await ferry.call(fresh, "GET", `/v3/sources/${other}/command`)).status).toBe(403);
  });

  test("lasts a day unless told otherwise, never prolongs, and is refused for temporary and foreign keys", async () => {
    const { admin } = ferry.keys;
    const { json: fresh } = await rotate(admin, {});
    const [row] = await ferry.rows("SELECT expires_at FROM access_keys WHERE access_key = ?", admin.access_key);
    expect(row).toEqual({ expires_at: START + 86_400_000 });
    await rotate(admin, { overlap_s: 2_592_000 }, fresh);
    const [again] = await ferry.rows("SELECT expires_at FROM access_keys WHERE access_key = ?", admin.access_key);
    expect(again).toEqual({ expires_at: START + 86_400_000 });
    const { json: temporary } = await createKey({ expires_in_s: 60 });
    expect((await rotate(temporary, {})).status).toBe(400);
    expect((await rotate(ferry.keys.viewer, {}, "foreign")).status).toBe(404);
    expect((await rotate(ferry.keys.viewer, { overlap_s: -1 })).status).toBe(400);
  });
});

describe("accounts", () => {
  test("admins of the first account make accounts and keys for them; what those see is their own", async () => {
    const { status, json: account } = await ferry.call("admin", "POST", "/operate/v1/accounts", {
      body: { name: "tenant-1" },
    });
    expect(status).toBe(201);
    const { json: key } = await createKey({ role: "admin", account: "tenant-1" });
    expect([key.account_id, key.project_id]).toEqual([account.id, account.project_id]);
    expect((await ferry.call(key, "GET", "/v3/sources")).json).toEqual({ count: 0, source_servers: [] });
    const listed = (await ferry.call("admin", "GET", "/operate/v1/accounts?order=oldest")).json.items;
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(["default", "other", "tenant-1"]);
    expect(listed[2]).toEqual(account);
  });

  test("they see and disable other accounts' keys, and the trail is in those accounts", async () => {
    const { json: key } = await createKey({ role: "admin", account: "other" });
    const listed = (await ferry.call("admin", "GET", "/operate/v1/keys?account=other")).json.items;
    expect(listed.map(({ access_key }: { access_key: string }) => access_key)).toContain(key.access_key);
    expect((await disable(key.access_key)).status).toBe(200);
    const trail = (await ferry.call("foreign", "GET", "/operate/v1/events?limit=2")).json.items;
    expect(trail).toMatchObject([
      { type: "key.disabled", actor: ferry.keys.admin.access_key, data: { access_key: key.access_key } },
      { type: "key.created", actor: ferry.keys.admin.access_key, data: { access_key: key.access_key, role: "admin" } },
    ]);
    expect((await ferry.call("foreign", "GET", "/operate/v1/keys?account=default")).status).toBe(403);
  });

  test("other admins may neither make nor list accounts, nor keys for another one", async () => {
    expect((await ferry.call("foreign", "POST", "/operate/v1/accounts", { body: { name: "mine" } })).status).toBe(403);
    expect((await ferry.call("foreign", "GET", "/operate/v1/accounts")).status).toBe(403);
    expect((await createKey({ role: "admin", account: "default" }, "foreign")).status).toBe(403);
    expect((await createKey({ role: "admin", account: "nobody" }, "foreign")).status).toBe(403);
    expect((await createKey({ role: "admin", account: "other" }, "foreign")).status).toBe(201);
  });

  test("refuses a taken name, an unknown account and a name that is none", async () => {
    const taken = await ferry.call("admin", "POST", "/operate/v1/accounts", { body: { name: "other" } });
    expect([taken.status, taken.json.error_code]).toEqual([400, "SMS.8009"]);
    expect((await createKey({ role: "viewer", account: "nobody" })).status).toBe(404);
    for (const name of ["", "a b", "x".repeat(65), 5]) {
      expect((await ferry.call("admin", "POST", "/operate/v1/accounts", { body: { name } })).status).toBe(400);
    }
  });
});

describe("bootstrap", () => {
  test("makes nothing once there is an account", async () => {
    expect(await ferry.services.access.accounts.bootstrap({ access_key: "MINE" })).toBeUndefined();
    expect(await ferry.rows("SELECT count(*) AS n FROM accounts WHERE name = 'default'")).toEqual([{ n: 1 }]);
  });

  test("refuses a database that was sealed under another master key", async () => {
    const sealer = new Sealer(new Uint8Array(32).fill(8), ferry.platform.randomBytes);
    const credentials = new Credentials(ferry.platform, ferry.database, sealer);
    const other = new Keys(ferry.platform, ferry.database, sealer, credentials);
    const start = () => ferry.database.writer.transaction((tx) => other.requireMasterKey(tx));
    await expect(start()).rejects.toThrow("another master key");
    // The check value tells it without any secret, a secret in a database from before there was one.
    await ferry.rows("UPDATE access_keys SET sealed_secret = ''");
    await expect(start()).rejects.toThrow("another master key");
  });

  test("a database from before there was a check value gets one, if its secrets open", async () => {
    const old = await startFerry();
    await old.rows("DELETE FROM master_key_check");
    const sealer = new Sealer(new Uint8Array(32).fill(8), old.platform.randomBytes);
    const other = new Keys(old.platform, old.database, sealer, new Credentials(old.platform, old.database, sealer));
    await expect(old.database.writer.transaction((tx) => other.requireMasterKey(tx))).rejects.toThrow(
      "another master key",
    );
    expect(await old.rows("SELECT id FROM master_key_check")).toEqual([]);
    await old.services.access.accounts.bootstrap({});
    expect(await old.rows("SELECT id FROM master_key_check")).toEqual([{ id: 1 }]);
    await old.stop();
  });
});
