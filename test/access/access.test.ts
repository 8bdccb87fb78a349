import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Access } from "../../src/access/service.ts";
import { Sealer } from "../../src/core/sealed.ts";
import { type Ferry, START, startFerry } from "../harness.ts";

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
      ["access_key", "secret_key", "account_id", "project_id", "role"],
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

  test.each([{}, { role: "root" }, { role: "viewer", secret_key: "mine" }, { role: "viewer", account: "not a name" }])(
    "refuses %p",
    async (body) => {
      expect((await createKey(body)).status).toBe(400);
    },
  );
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
    expect(await ferry.services.access.bootstrap({ access_key: "MINE" })).toBeUndefined();
    expect(await ferry.rows("SELECT count(*) AS n FROM accounts WHERE name = 'default'")).toEqual([{ n: 1 }]);
  });

  test("refuses a database that was sealed under another master key", async () => {
    const sealer = new Sealer(new Uint8Array(32).fill(8), ferry.platform.randomBytes);
    const other = new Access(ferry.platform, ferry.database, sealer, "region-1");
    await expect(other.bootstrap({})).rejects.toThrow("another master key");
  });
});
