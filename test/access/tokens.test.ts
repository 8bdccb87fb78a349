import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Caller, type Ferry, register, signIn, startFerry } from "../harness.ts";

const PASSWORD = "correct horse battery";
const DAY_MS = 24 * 60 * 60 * 1000;

let ferry: Ferry;
let user_id: string;
beforeAll(async () => {
  ferry = await startFerry();
  const { json } = await ferry.call("admin", "POST", "/operate/v1/users", {
    body: { name: "maria", role: "operator", password: PASSWORD },
  });
  user_id = json.id;
});
afterAll(() => ferry.stop());
beforeEach(() => ferry.clock.set(ferry.clock.now() + 2 * DAY_MS));

const maria = (more: object = {}) => ({ name: "maria", domain: { name: "default" }, password: PASSWORD, ...more });
const byPassword = (user: object) => ({ methods: ["password"], password: { user } });
const byToken = (id: string) => ({ methods: ["token"], token: { id } });
const ask = (identity: unknown, scope?: unknown, query = "", address?: string) =>
  ferry.call(null, "POST", `/v3/auth/tokens${query}`, {
    body: { auth: { identity, ...(scope !== undefined && { scope }) } },
    ...(address && { address }),
  });
const show = (as: Caller, subject: string) =>
  ferry.call(as, "GET", "/v3/auth/tokens", { headers: { "x-subject-token": subject } });
const works = async (token: string) => (await ferry.call({ token }, "GET", "/v3/sources")).status === 200;

describe("createToken", () => {
  test("for a password: the token in a header, who and what for in the body, in IAM's form", async () => {
    const { account_id } = ferry.keys.admin;
    const { status, headers, json } = await ask(byPassword(maria()));
    expect(status).toBe(201);
    expect(headers.get("x-subject-token")).toMatch(/^[\w-]{43}$/);
    const issued = new Date(ferry.clock.now()).toISOString().replace("Z", "000Z");
    const expires = new Date(ferry.clock.now() + DAY_MS).toISOString().replace("Z", "000Z");
    const domain = { id: account_id, name: "default" };
    expect(json).toEqual({
      token: {
        methods: ["password"],
        issued_at: issued,
        expires_at: expires,
        user: { id: user_id, name: "maria", domain },
        roles: [{ id: "operator", name: "operator" }],
        catalog: [],
        domain,
      },
    });
  });

  test("the user by id, or by name with its domain by id or name", async () => {
    const { account_id } = ferry.keys.admin;
    for (const user of [
      { id: user_id, password: PASSWORD },
      maria({ domain: { id: account_id } }),
      maria({ domain: { name: "default" } }),
    ]) {
      expect((await ask(byPassword(user))).status).toBe(201);
    }
  });

  test("nocatalog leaves the catalog out", async () => {
    expect((await ask(byPassword(maria()), undefined, "?nocatalog=true")).json.token).not.toHaveProperty("catalog");
    expect((await ask(byPassword(maria()), undefined, "?nocatalog=")).json.token).toHaveProperty("catalog");
  });

  test("the scope is the domain, or a project of the account by id or name; one by name is made", async () => {
    const { account_id, project_id } = ferry.keys.admin;
    const domain = { id: account_id, name: "default" };
    const scoped = async (scope: object) => (await ask(byPassword(maria()), scope)).json.token;
    expect((await scoped({ domain: { id: account_id } })).domain).toEqual(domain);
    expect((await scoped({ project: { id: project_id } })).project).toEqual({
      id: project_id,
      name: "region-1",
      domain,
    });
    expect((await scoped({ project: { name: "region-1", domain: { name: "default" } } })).project.id).toBe(project_id);
    const { project } = await scoped({ project: { name: "region-9" } });
    expect((await scoped({ project: { name: "region-9" } })).project).toEqual(project);
    const token = await signIn(ferry, "maria", PASSWORD, { scope: { project: { id: project.id } } });
    const call = await ferry.call({ token }, "GET", "/v3/sources", { headers: { "x-project-id": project.id } });
    expect(call.status).toBe(200);
  });

  test.each([
    { project: { id: "nobody" } },
    { project: { name: "not a name" } },
    { project: { name: "region-1", domain: { name: "other" } } },
    { domain: { id: "nobody", name: "default" } },
    { domain: { name: "other" } },
    { domain: { name: "nobody" } },
  ])("a scope of nobody or of another account is 404 in IAM's form: %p", async (scope) => {
    const { status, json } = await ask(byPassword(maria()), scope);
    expect([status, json.error.code, json.error.title]).toEqual([404, 404, "Not Found"]);
  });

  test("a wrong user, password, domain or token: 401 in the same words and IAM's form, and nothing is made", async () => {
    const before = await ferry.rows("SELECT count(*) AS n FROM tokens");
    const answers = [
      await ask(byPassword(maria({ password: `${PASSWORD}!` }))),
      await ask(byPassword(maria({ password: "" }))),
      await ask(byPassword(maria({ name: "nobody" }))),
      await ask(byPassword(maria({ domain: { name: "other" } }))),
      await ask(byPassword({ id: "nobody", password: PASSWORD })),
      // The admin an account begins with has no password.
      await ask(byPassword(maria({ name: "admin" }))),
      await ask(byToken("nobody")),
    ];
    for (const { status, json } of answers) {
      expect(status).toBe(401);
      expect(json).toEqual({
        error: { code: 401, message: "the user, its password or the token is wrong", title: "Unauthorized" },
      });
    }
    expect(await ferry.rows("SELECT count(*) AS n FROM tokens")).toEqual(before);
    expect(JSON.stringify(ferry.logged)).not.toContain(PASSWORD);
  });

  test.each([
    [{ methods: ["totp"] }],
    [{ methods: [] }],
    [{ ...byPassword(maria()), token: { id: "x" }, methods: ["password", "token"] }],
    [{ methods: ["password"] }],
    [{ methods: ["token"] }],
    [byPassword({ name: "maria", password: PASSWORD })],
    [byPassword({ domain: { name: "default" }, password: PASSWORD })],
    [byPassword({ id: "x" })],
    ["maria"],
  ])("a malformed request is 400 in IAM's form: %j", async (identity) => {
    const { status, json } = await ask(identity);
    expect([status, json.error.code, json.error.title]).toEqual([400, 400, "Bad Request"]);
  });

  test("a body over 64 KiB is refused before it is parsed", async () => {
    const { status, json } = await ask(byPassword(maria({ filler: "x".repeat(65_536) })));
    expect([status, json.error_code]).toEqual([413, "APIGW.0201"]);
  });

  test("a scope that names nothing is 400", async () => {
    for (const scope of [{ project: {} }, { domain: {} }]) {
      expect((await ask(byPassword(maria()), scope)).json.error.code).toBe(400);
    }
  });

  test("what names the user, its domain or a project twice must agree", async () => {
    const { project_id, account_id } = ferry.keys.admin;
    expect((await ask(byPassword(maria({ domain: { id: account_id, name: "other" } })))).status).toBe(401);
    expect((await ask(byPassword(maria({ id: user_id, name: "admin" })))).status).toBe(401);
    expect((await ask(byPassword(maria()), { project: { id: project_id, name: "region-2" } })).status).toBe(404);
    expect((await ask(byPassword(maria()), { project: { id: project_id, name: "region-1" } })).status).toBe(201);
  });

  test("project and domain together are refused", async () => {
    expect(
      (await ask(byPassword(maria()), { project: { name: "region-1" }, domain: { name: "default" } })).status,
    ).toBe(400);
  });

  test("a password in the other normal form of Unicode is the same one", async () => {
    await ferry.call("admin", "POST", "/operate/v1/users", {
      body: { name: "umlaut", role: "viewer", password: "geh\u00e4use-9".normalize("NFC") },
    });
    const user = { name: "umlaut", domain: { name: "default" }, password: "geh\u00e4use-9".normalize("NFD") };
    expect((await ask(byPassword(user))).status).toBe(201);
  });

  test("a token made by a token ends with it, and dies with its user's change", async () => {
    const parent = await signIn(ferry, "maria", PASSWORD);
    const at = ferry.clock.now();
    await ferry.clock.advance(1_000_000);
    const { headers, json } = await ask(byToken(parent), { project: { name: "region-1" } });
    const child = headers.get("x-subject-token") ?? "";
    expect(Date.parse(json.token.expires_at)).toBe(at + DAY_MS);
    expect(json.token.methods).toEqual(["token"]);
    const { headers: third, json: grandchild } = await ask(byToken(child));
    expect(Date.parse(grandchild.token.expires_at)).toBe(at + DAY_MS);
    expect(await works(child)).toBe(true);
    ferry.clock.set(at + DAY_MS);
    for (const token of [parent, child, third.get("x-subject-token") ?? ""]) expect(await works(token)).toBe(false);
    expect((await ask(byToken(parent))).status).toBe(401);
  });

  test("only its hash is kept; the sign-in is in the record", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    const dump = JSON.stringify([await ferry.rows("SELECT * FROM tokens"), await ferry.rows("SELECT * FROM events")]);
    expect(dump).not.toContain(token);
    const [event] = (await ferry.call("admin", "GET", "/operate/v1/events?limit=1")).json.items;
    expect(event).toMatchObject({ type: "token.issued", actor: "user:maria", address: "192.0.2.7" });
  });

  test("a password changed while it was being checked gives no token", async () => {
    await ferry.call("admin", "POST", "/operate/v1/users", {
      body: { name: "racer", role: "viewer", password: PASSWORD },
    });
    const [{ id }] = (await ferry.call("admin", "GET", "/operate/v1/users?name=racer")).json.items;
    const { updateUser } = await import("../../src/access/user-store.ts");
    const pending = ask(byPassword(maria({ name: "racer" })));
    await ferry.database.writer.transaction(async (tx) => {
      const [row] = await ferry.rows("SELECT seq FROM users WHERE id = ?", id);
      await updateUser(tx, Number(row?.seq), { password_hash: "$scrypt$ln=1,r=1,p=1$AAAA$AAAA" });
    });
    expect((await pending).status).toBe(401);
  });
});

test("a user has ten thousand tokens at most: one more ends the oldest", async () => {
  const oldest = await signIn(ferry, "maria", PASSWORD);
  expect(await works(oldest)).toBe(true);
  await ferry.rows(
    `INSERT INTO tokens (hash, user_seq, method, issued_at, expires_at)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
      SELECT 'h' || i, (SELECT seq FROM users WHERE name = 'maria'), 'password', 0, ? FROM n`,
    ferry.clock.now() + DAY_MS,
  );
  await ferry.rows("DELETE FROM tokens WHERE expires_at <= ?", ferry.clock.now());
  expect(await works(oldest)).toBe(true);
  const newest = await signIn(ferry, "maria", PASSWORD);
  expect([await works(oldest), await works(newest)]).toEqual([false, true]);
  await ferry.rows("DELETE FROM tokens");
});

describe("a token as credentials", () => {
  test("is good for 24 hours, across a restart, and not a moment longer", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    const at = ferry.clock.now();
    ferry.clock.set(at + DAY_MS - 1);
    expect(await works(token)).toBe(true);
    await ferry.restart();
    expect(await works(token)).toBe(true);
    ferry.clock.set(at + DAY_MS);
    expect(await works(token)).toBe(false);
    await ferry.restart();
    expect(await works(token)).toBe(false);
    await ferry.runJobs();
    expect(await ferry.rows("SELECT count(*) AS n FROM tokens WHERE expires_at <= ?", ferry.clock.now())).toEqual([
      { n: 0 },
    ]);
  });

  test("any change to it makes it unknown; up to 16384 characters it is a token, beyond it says so", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === "A" ? "B" : "A";
      expect(await works(token.slice(0, at) + other + token.slice(at + 1))).toBe(false);
    }
    for (const wrong of ["", token.toLowerCase(), `${token}x`, `${token},${token}`]) {
      expect((await ferry.send(null, "GET", "/v3/sources", { headers: { "x-auth-token": wrong } })).status).toBe(401);
    }
    const long = await ferry.call({ token: "x".repeat(16_384) }, "GET", "/v3/sources");
    expect([long.status, long.json.error_msg]).toEqual([401, "the token is unknown, has expired or was revoked"]);
    const longer = await ferry.call({ token: "x".repeat(16_385) }, "GET", "/v3/sources");
    expect([longer.status, longer.json.error_msg]).toEqual([401, "X-Auth-Token has more than 16384 characters"]);
  });

  test("beside a signature it is refused, though both are right", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    const both = await ferry.call("admin", "GET", "/v3/sources", { headers: { "x-auth-token": token } });
    expect([both.status, both.json.error_msg]).toEqual([401, "send a signature or a token, not both"]);
  });

  test("another account's project beside it is 403", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    const headers = { "x-project-id": ferry.keys.foreign.project_id };
    expect((await ferry.call({ token }, "GET", "/v3/sources", { headers })).status).toBe(403);
  });

  test("X-Command-Id beside a token is honoured, and the record names the user", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    const source_id = await register(ferry, "web-1");
    for (const command_name of ["UPLOAD_LOG", "RSET_LOG_ACL"]) {
      await ferry.call({ token }, "POST", `/operate/v1/sources/${source_id}/commands`, { body: { command_name } });
    }
    const offer = await ferry.call({ token }, "GET", `/v3/sources/${source_id}/command`);
    expect(offer.json.command_name).toBe("UPLOAD_LOG");
    await ferry.call({ token }, "POST", `/v3/sources/${source_id}/command_result`, {
      body: { command_name: "UPLOAD_LOG", result: "success", result_detail: {} },
      headers: { "x-command-id": "of-nobody" },
    });
    const [result] = (await ferry.call("admin", "GET", `/operate/v1/results?source_id=${source_id}`)).json.items;
    expect(result.kind).toBe("unsolicited");
    const [event] = (await ferry.call("admin", "GET", `/operate/v1/events?source_id=${source_id}&limit=1`)).json.items;
    expect(event.actor).toBe("user:maria");
  });
});

describe("showToken", () => {
  test("tells what a token of the account is, to a signature and to a token", async () => {
    const { headers, json } = await ask(byPassword(maria()), { project: { name: "region-1" } });
    const token = headers.get("x-subject-token") ?? "";
    for (const as of ["viewer", { token }] as const) {
      const shown = await show(as, token);
      expect([shown.status, shown.json, shown.headers.get("x-subject-token")]).toEqual([200, json, token]);
    }
  });

  test("an unknown, expired or foreign one is 404 in IAM's form; none at all is 400", async () => {
    const token = await signIn(ferry, "maria", PASSWORD);
    expect((await show("foreign", token)).json.error.code).toBe(404);
    expect((await show("viewer", "nobody")).json.error.code).toBe(404);
    ferry.clock.set(ferry.clock.now() + DAY_MS);
    expect((await show("viewer", token)).json.error.code).toBe(404);
    expect((await ferry.call("viewer", "GET", "/v3/auth/tokens")).json.error.code).toBe(400);
  });

  test("refused credentials look as everywhere", async () => {
    expect((await show(null, "nobody")).json.error_code).toBe("APIGW.0301");
    expect((await show({ token: "nobody" }, "nobody")).json.error_code).toBe("APIGW.0301");
  });
});

describe("guessing", () => {
  test("after five failures a pair of name and address waits five minutes; nobody else does", async () => {
    const at = ferry.clock.now();
    const attempt = (password: string, name: string, address: string) =>
      ask(byPassword(maria({ password, name })), undefined, "", address);
    for (let tries = 0; tries < 5; tries += 1) {
      expect((await attempt("wrong password", "maria", "198.51.100.1")).json.error.message).toContain("is wrong");
    }
    const locked = await attempt(PASSWORD, "maria", "198.51.100.1");
    expect([locked.status, locked.json.error.message]).toEqual([
      401,
      "too many failed attempts from this address: try again in 300 s",
    ]);
    expect((await attempt(PASSWORD, "maria", "198.51.100.2")).status).toBe(201);
    ferry.clock.set(at + 5 * 60_000);
    expect((await attempt(PASSWORD, "maria", "198.51.100.1")).status).toBe(201);
    expect((await attempt("wrong password", "maria", "198.51.100.1")).json.error.message).toContain("is wrong");
  });

  test("a lock does not tell by its spellings who is there and who is not", async () => {
    const { account_id } = ferry.keys.admin;
    for (const name of ["maria", "nobody"]) {
      const guess = (domain: object) =>
        ask(byPassword(maria({ name, domain, password: "wrong" })), undefined, "", "198.51.100.9");
      for (let tries = 0; tries < 5; tries += 1) await guess({ name: "default" });
      expect((await guess({ id: account_id })).json.error.message).toContain("too many failed attempts");
    }
  });

  test("however the user is spelled, and however many are under way at once", async () => {
    const { account_id } = ferry.keys.admin;
    const spellings = [{ id: user_id }, maria({ domain: { id: account_id } }), maria()];
    const guess = (index: number) =>
      ask(byPassword({ ...spellings[index % 3], password: "wrong" }), undefined, "", "2001:db8:1:2::7");
    const refusedAs = ({ status, json }: { status: number; json: { error?: { message: string } } }) =>
      status === 500 ? "put off" : json.error?.message.includes("is wrong") ? "wrong" : "locked";
    for (let index = 0; index < 3; index += 1) expect(refusedAs(await guess(index))).toBe("wrong");
    const atOnce = (await Promise.all([guess(0), guess(1), guess(2), guess(0)])).map(refusedAs).sort();
    expect(atOnce).toEqual(["put off", "put off", "wrong", "wrong"]);
    expect(refusedAs(await guess(0))).toBe("locked");
    // The same network, by another of the addresses its owner may choose from; and another network.
    const from = (address: string) => ask(byPassword(maria()), undefined, "", address);
    expect(refusedAs(await from("2001:db8:1:2:ffff::1"))).toBe("locked");
    expect((await from("2001:db8:1:3::7")).status).toBe(201);
    const lines = ferry.logged.filter(({ message }) => message === "a sign-in was refused");
    expect(lines.at(-1)?.fields).toEqual({ address: "2001:db8:1:2:ffff::1" });
  });

  test("many at once are put off, not kept waiting", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        ask(byPassword(maria({ name: `u${index}` })), undefined, "", "198.51.100.9"),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([401, 401, 401, 401, 500, 500, 500, 500]);
    const [late] = answers.filter(({ status }) => status === 500);
    expect([late?.headers.get("retry-after"), late?.json.error_code]).toEqual(["2", "SMS.2007"]);
  });
});
