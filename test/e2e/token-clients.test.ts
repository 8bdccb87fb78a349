import { afterAll, beforeAll, expect } from "bun:test";
import { missingOpenssl, privateAuthority } from "./authority.ts";
import { endAll, Ferry, firstKey, temporaryFolder, testUnless } from "./executable.ts";
import { findPython, startPython } from "./python.ts";

/* Tokens, as keystoneauth1 gets and uses them: a Keystone client that knows nothing of ferry or of SMS. */

interface Order {
  method: "password" | "token";
  /** What v3.Password or v3.Token takes. */
  auth: object;
  path?: string;
  endpoint?: string;
  ca_cert?: string;
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what the path gives
  body: any;
  token: string;
  access: {
    user_id: string;
    username: string;
    project_id: string | null;
    project_name: string | null;
    domain_id: string | null;
    domain_name: string | null;
    role_names: string[];
    issued: string;
    expires: string;
  };
  raised?: { exception: string; http_status: number | null; message: string };
}

const { python, missing } = findPython("keystoneauth1==5.18.1");
const test = testUnless(missing);
const testOverTls = testUnless(missing ?? missingOpenssl);

const DAY_MS = 24 * 60 * 60 * 1000;
const password = "correct horse battery";
const projectScope = { project_name: "region-1", project_domain_name: "default" };

let ferry: Ferry;
/** What keystoneauth1 gets of a path, by default the sources. */
let keystone: (order: Order) => Promise<Answer>;
/** An operator of the first account, and how it signs in. */
let operator: Awaited<ReturnType<typeof newUser>>;

beforeAll(async () => {
  ferry = await Ferry.start();
  if (missing !== undefined) return;
  const ask = startPython<object, Answer>(python, "keystone.py", ferry.url, ferry.folder);
  keystone = (order) => ask({ path: "/v3/sources", ...order });
  operator = await newUser("operator");
});
afterAll(endAll);

/** A new user of the first account, and how it signs in. */
async function newUser(username: string, role = "operator", where = ferry) {
  const { id } = await where.ask<{ id: string }>("POST", "/operate/v1/users", { name: username, role, password });
  return { id, signIn: { username, user_domain_name: "default", password } };
}

function change(id: string, body: object): Promise<unknown> {
  return ferry.ask("PATCH", `/operate/v1/users/${id}`, body);
}

/** What a token is worth, without any client in between. */
async function statusOf(token: string): Promise<number> {
  return (await fetch(`${ferry.url}/v3/sources`, { headers: { "x-auth-token": token } })).status;
}

test("a password gives a token for a project, and the token the sources", async () => {
  const source = await ferry.registerSource();
  const { id, signIn } = operator;
  const before = Date.now();
  const { status, body, access, token } = await keystone({ method: "password", auth: { ...signIn, ...projectScope } });
  expect(status).toBe(200);
  expect(body.source_servers.map((server: { id: string }) => server.id)).toContain(source);
  const { issued, expires, ...rest } = access;
  expect(rest).toEqual({
    user_id: id,
    username: "operator",
    project_id: firstKey.project_id,
    project_name: "region-1",
    domain_id: null,
    domain_name: null,
    role_names: ["operator"],
  });
  expect(Date.parse(issued)).toBeWithin(before, Date.now() + 1);
  expect(Date.parse(expires)).toBeWithin(before + DAY_MS, Date.now() + DAY_MS + 1);
  expect(await statusOf(token)).toBe(200);
});

test("for the domain, by name, by id, or with no scope at all", async () => {
  const { signIn } = operator;
  const named = await keystone({ method: "password", auth: { ...signIn, domain_name: "default" } });
  expect(named.access).toMatchObject({ project_id: null, domain_name: "default", domain_id: expect.any(String) });
  const { domain_id } = named.access;
  for (const scope of [{ domain_id }, {}]) {
    const { status, access } = await keystone({ method: "password", auth: { ...signIn, ...scope } });
    expect([status, access.domain_id, access.domain_name]).toEqual([200, domain_id, "default"]);
  }
  const { body } = await keystone({ method: "password", auth: signIn, path: "/v3/auth/domains" });
  expect(body.domains).toMatchObject([{ id: domain_id, name: "default" }]);
});

test("a token gives another one, for another scope, that ends with it", async () => {
  const { id, signIn } = operator;
  const parent = await keystone({ method: "password", auth: signIn });
  const child = await keystone({ method: "token", auth: { token: parent.token, ...projectScope } });
  expect([child.status, child.access.user_id, child.access.project_name]).toEqual([200, id, "region-1"]);
  expect(child.token).not.toBe(parent.token);
  expect(child.access.expires).toBe(parent.access.expires);

  const unknown = await keystone({ method: "token", auth: { token: "x".repeat(43), ...projectScope } });
  expect(unknown.raised).toMatchObject({ exception: "Unauthorized", http_status: 401 });
});

test("a wrong password, an unknown user and an unknown account raise Unauthorized, in the same words", async () => {
  const { signIn } = operator;
  const raised = [];
  for (const wrong of [{ password: "wrong" }, { username: "nobody" }, { user_domain_name: "elsewhere" }]) {
    raised.push((await keystone({ method: "password", auth: { ...signIn, ...wrong } })).raised);
  }
  expect(raised[0]).toMatchObject({ exception: "Unauthorized", http_status: 401 });
  expect(raised).toEqual([raised[0], raised[0], raised[0]]);
  expect((await keystone({ method: "password", auth: signIn })).status).toBe(200);
});

test("a scope that is not the user's raises NotFound", async () => {
  const { signIn } = operator;
  await ferry.ask("POST", "/operate/v1/accounts", { name: "tenant" });
  for (const scope of [
    { domain_name: "tenant" },
    { project_name: "region-1", project_domain_name: "tenant" },
    { project_id: "unknown" },
  ]) {
    const { raised } = await keystone({ method: "password", auth: { ...signIn, ...scope } });
    expect(raised).toMatchObject({ exception: "NotFound", http_status: 404 });
  }
});

test("a viewer's token reads and does nothing else", async () => {
  const source = await ferry.registerSource();
  const { signIn } = await newUser("onlooker", "viewer");
  const shown = await keystone({ method: "password", auth: signIn, path: `/v3/sources/${source}` });
  expect([shown.status, shown.access.role_names]).toEqual([200, ["viewer"]]);
  const polled = await keystone({ method: "password", auth: signIn, path: `/v3/sources/${source}/command` });
  expect(polled.raised).toMatchObject({ exception: "Forbidden", http_status: 403 });
});

test("a disabled user's tokens are refused at once, for good, and the client signs in anew once that is over", async () => {
  const { id, signIn } = await newUser("leaving");
  const here = { method: "password", auth: signIn } as const;
  const { token: first } = await keystone(here);
  expect((await keystone(here)).token).toBe(first);
  expect(await statusOf(first)).toBe(200);

  await change(id, { disabled: true });
  expect(await statusOf(first)).toBe(401);
  expect((await keystone(here)).raised).toMatchObject({ exception: "Unauthorized", http_status: 401 });

  await change(id, { disabled: false });
  expect(await statusOf(first)).toBe(401);
  const { status, token: second } = await keystone(here);
  expect(status).toBe(200);
  expect(second).not.toBe(first);

  // A new password ends them as well, and this client knows the old one only.
  await change(id, { password: "another horse entirely" });
  expect(await statusOf(second)).toBe(401);
  expect((await keystone(here)).raised).toMatchObject({ exception: "Unauthorized", http_status: 401 });
});

testOverTls("over HTTPS, where the client trusts the private authority", async () => {
  const folder = temporaryFolder();
  const { ca, cert, key } = await privateAuthority(folder.path);
  const plain = await Ferry.start({ folder });
  const { signIn } = await newUser("afar", "viewer", plain);
  await plain.stop();
  const secure = await Ferry.start({ folder, args: ["--tls-cert", cert, "--tls-key", key] });
  const there = { method: "password", auth: { ...signIn, ...projectScope }, endpoint: secure.url } as const;
  expect((await keystone({ ...there, ca_cert: ca })).status).toBe(200);
  expect((await keystone(there)).raised).toMatchObject({ exception: "SSLError", http_status: null });
});
