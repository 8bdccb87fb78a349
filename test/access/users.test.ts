import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Caller, type Ferry, type Key, settle, signIn, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const PASSWORD = "correct horse battery";
const create = (body: object, as: Caller = "admin") => ferry.call(as, "POST", "/operate/v1/users", { body });
const change = (id: string, body: object, as: Caller = "admin") =>
  ferry.call(as, "PATCH", `/operate/v1/users/${id}`, { body });
const remove = (id: string, as: Caller = "admin") => ferry.call(as, "DELETE", `/operate/v1/users/${id}`);
const list = async (query = "", as: Caller = "admin") =>
  (await ferry.call(as, "GET", `/operate/v1/users${query}`)).json.items;
const keyOf = async (user: string, more = {}): Promise<Key> =>
  (await ferry.call("admin", "POST", "/operate/v1/keys", { body: { user, ...more } })).json;
const works = async (as: Caller) => (await ferry.call(as, "GET", "/v3")).status === 200;
/** The admin every account is made with. */
const admin = async () => (await list("?name=admin"))[0];

describe("users", () => {
  test("createUser, listUsers: the password is nowhere, at rest or in a reply", async () => {
    const { status, json, text } = await create({ name: "maria@example.org", role: "operator", password: PASSWORD });
    expect([status, json.role, json.has_password, json.disabled_at]).toEqual([201, "operator", true, null]);
    expect(text).not.toContain(PASSWORD);
    expect(await list("?name=maria@example.org")).toEqual([json]);
    expect((await list()).map(({ name }: { name: string }) => name)).toEqual(["maria@example.org", "admin"]);
    const dump = JSON.stringify([await ferry.rows("SELECT * FROM users"), await ferry.rows("SELECT * FROM events")]);
    expect(dump).toContain("$scrypt$ln=15,r=8,p=3$");
    expect(dump).not.toContain(PASSWORD);
    expect(JSON.stringify(ferry.logged)).not.toContain(PASSWORD);
  });

  test.each([
    { name: "x", role: "root" },
    { name: "a b", role: "viewer" },
    { name: "", role: "viewer" },
    { name: "x" },
    { name: "x", role: "viewer", password: "short" },
    { name: "x", role: "viewer", password: "x".repeat(129) },
    { name: "x", role: "viewer", id: "mine" },
  ])("createUser refuses %p", async (body) => {
    expect((await create(body)).status).toBe(400);
  });

  test("a name is there once in an account", async () => {
    expect((await create({ name: "admin", role: "viewer" })).json.error_code).toBe("SMS.8009");
    expect((await create({ name: "maria", role: "viewer" })).status).toBe(201);
    expect((await create({ name: "maria", role: "viewer", account: "other" })).status).toBe(201);
  });

  test("updateUser: a disabled user's keys and tokens are worth nothing until it is enabled; then the keys are again", async () => {
    const { json: maria } = await create({ name: "maria", role: "operator", password: PASSWORD });
    const key = await keyOf("maria");
    const token = { token: await signIn(ferry, "maria", PASSWORD) };
    expect([await works(key), await works(token)]).toEqual([true, true]);
    expect((await change(maria.id, { disabled: true })).json.disabled_at).toBe(ferry.clock.now());
    expect([await works(key), await works(token)]).toEqual([false, false]);
    await ferry.restart();
    expect([await works(key), await works(token)]).toEqual([false, false]);
    expect((await change(maria.id, { disabled: false })).json.disabled_at).toBe(null);
    expect([await works(key), await works(token)]).toEqual([true, false]);
  });

  test.each([{ password: "another password" }, { role: "viewer" }])(
    "updateUser %p ends the tokens at once",
    async (body) => {
      const { json: maria } = await create({ name: "maria", role: "operator", password: PASSWORD });
      const token = { token: await signIn(ferry, "maria", PASSWORD) };
      const other = { token: await signIn(ferry, "maria", PASSWORD, { scope: { domain: { name: "default" } } }) };
      expect(await works(token)).toBe(true);
      expect((await change(maria.id, body)).status).toBe(200);
      expect([await works(token), await works(other)]).toEqual([false, false]);
      expect(await ferry.rows("SELECT * FROM tokens")).toEqual([]);
    },
  );

  test("updateUser without a change changes nothing", async () => {
    const { json: maria } = await create({ name: "maria", role: "operator", password: PASSWORD });
    const token = { token: await signIn(ferry, "maria", PASSWORD) };
    expect((await change(maria.id, {})).json).toEqual(maria);
    expect(await works(token)).toBe(true);
  });

  test("deleteUser takes its keys and tokens along, and frees its name", async () => {
    const { json: maria } = await create({ name: "maria", role: "operator", password: PASSWORD });
    const key = await keyOf("maria");
    const token = { token: await signIn(ferry, "maria", PASSWORD) };
    expect([await works(key), await works(token)]).toEqual([true, true]);
    expect((await remove(maria.id)).status).toBe(200);
    expect([await works(key), await works(token)]).toEqual([false, false]);
    expect((await remove(maria.id)).status).toBe(404);
    expect((await create({ name: "maria", role: "viewer" })).status).toBe(201);
    const types = (await ferry.call("admin", "GET", "/operate/v1/events?limit=3")).json.items.map(
      ({ type, data }: { type: string; data: { user: string } }) => [type, data.user],
    );
    expect(types).toEqual([
      ["user.created", "maria"],
      ["user.deleted", "maria"],
      ["token.issued", "maria"],
    ]);
  });

  test("the last way in for an admin of the account stays, whatever it is", async () => {
    const { id } = await admin();
    for (const refused of [
      await change(id, { disabled: true }),
      await change(id, { role: "operator" }),
      await remove(id),
    ]) {
      expect([refused.status, refused.json.error_code]).toEqual([400, "SMS.8009"]);
    }
    expect(await works("admin")).toBe(true);
    // A temporary or narrowed key, or one of a disabled admin, is no way in that lasts.
    await keyOf("admin", { expires_in_s: 60 });
    await keyOf("admin", { role: "operator" });
    const { json: second } = await create({ name: "second", role: "admin", password: PASSWORD });
    await change(second.id, { disabled: true });
    expect((await ferry.call("admin", "POST", `/operate/v1/keys/${ferry.keys.admin.access_key}/disable`)).status).toBe(
      400,
    );
    // A password is one.
    await change(second.id, { disabled: false });
    expect((await change(id, { disabled: true })).status).toBe(200);
    expect(await works("admin")).toBe(false);
    const token = { token: await signIn(ferry, "second", PASSWORD) };
    expect((await remove(second.id, token)).status).toBe(400);
  });

  test("who is shut out while a password is being hashed changes nothing any more", async () => {
    const { json: rogue } = await create({ name: "rogue", role: "admin" });
    const key = await keyOf("rogue");
    const body = { role: "admin", password: PASSWORD };
    const { id } = await admin();
    const pending = [create({ name: "evil", ...body }, key), change(id, { password: "taken over by rogue" }, key)];
    await settle();
    expect((await change(rogue.id, { disabled: true })).status).toBe(200);
    for (const answered of await Promise.all(pending)) expect(answered.status).toBe(401);
    expect((await list()).map(({ name }: { name: string }) => name)).toEqual(["rogue", "admin"]);
    expect((await admin()).has_password).toBe(false);
  });

  test("the first account's admins may take another account's last way in: they can give one again", async () => {
    const [theirs] = await list("?account=other");
    expect((await change(theirs.id, { disabled: true })).status).toBe(200);
    expect(await works("foreign")).toBe(false);
    expect((await change(theirs.id, { disabled: false })).status).toBe(200);
    const disable = `/operate/v1/keys/${ferry.keys.foreign.access_key}/disable`;
    expect((await ferry.call("foreign", "POST", disable)).status).toBe(400);
    expect((await ferry.call("admin", "POST", disable)).status).toBe(200);
  });

  test("another account's admin reaches no user here; the first account's reach all", async () => {
    const { json: maria } = await create({ name: "maria", role: "viewer" });
    for (const answered of [
      await change(maria.id, { role: "admin" }, "foreign"),
      await change(maria.id, { password: PASSWORD }, "foreign"),
      await remove(maria.id, "foreign"),
    ]) {
      expect(answered.status).toBe(404);
    }
    expect((await create({ name: "spy", role: "admin", account: "default" }, "foreign")).status).toBe(403);
    const key = { user: "maria", account: "default" };
    expect((await ferry.call("foreign", "POST", "/operate/v1/keys", { body: key })).status).toBe(403);
    expect((await ferry.call("foreign", "POST", "/operate/v1/keys", { body: { user: "maria" } })).status).toBe(404);
    expect((await list("", "foreign")).map(({ name }: { name: string }) => name)).toEqual(["admin"]);
    expect((await ferry.call("foreign", "GET", "/operate/v1/users?account=default")).status).toBe(403);
    const [theirs] = await list("?account=other");
    expect((await change(theirs.id, { password: PASSWORD })).status).toBe(200);
    expect(await works({ token: await signIn(ferry, "admin", PASSWORD, { domain: "other" }) })).toBe(true);
    const [event] = (await ferry.call("foreign", "GET", "/operate/v1/events?type=user.updated")).json.items;
    expect(event).toMatchObject({ actor: ferry.keys.admin.access_key, data: { user: "admin", password: "changed" } });
  });

  test("a poll that waits ends with its user's right to it", async () => {
    const { json: maria } = await create({ name: "maria", role: "agent" });
    const key = await keyOf("maria");
    const { json: source } = await ferry.call(key, "POST", "/v3/sources", {
      body: {
        name: "web-1",
        ip: "192.0.2.10",
        os_type: "LINUX",
        os_version: "DEBIAN_12_64BIT",
        agent_version: "1",
        networks: [],
      },
    });
    const waiting = ferry.call(key, "GET", `/v3/sources/${source.id}/command?wait=55`);
    await settle();
    await change(maria.id, { role: "viewer" });
    await ferry.call("admin", "POST", `/operate/v1/sources/${source.id}/commands`, { body: { command_name: "START" } });
    await ferry.pollsLook();
    expect((await waiting).status).toBe(401);
    expect(await ferry.rows("SELECT state, attempts FROM commands")).toEqual([{ state: "queued", attempts: 0 }]);
  });
});
