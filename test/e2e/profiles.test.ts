import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../src/cli/failure.ts";
import {
  cleanEnvironment,
  endAll,
  executable,
  Ferry,
  firstKey,
  run,
  temporaryFolder,
  testUnless,
  waitUntil,
} from "./executable.ts";

afterAll(endAll);

const testWithOpenssl = testUnless(Bun.which("openssl") ? undefined : "openssl is not installed");
const testWithModes = testUnless(process.platform === "win32" ? "Windows has no modes" : undefined);
const { access_key: KEY, secret_key: SECRET } = firstKey;

let ferry: Ferry;
/** Where nothing but the profiles says where to call. */
const away = temporaryFolder();
const config = join(away.path, "config", "ferry", "config.toml");
beforeAll(async () => {
  ferry = await Ferry.start();
});
beforeEach(() => rmSync(join(away.path, "config"), { recursive: true, force: true }));

interface Options {
  code?: number;
  env?: Record<string, string>;
  stdin?: string;
  cwd?: string;
}

async function cli(args: string[], { code = 0, env = {}, stdin = "", cwd = away.home }: Options = {}) {
  const result = await run([executable, ...args], { cwd, env: cleanEnvironment(away.path, env) }, stdin);
  expect({ args, ...result }).toEqual({ args, stdout: expect.any(String), stderr: expect.any(String), code });
  expect(result.stdout + result.stderr).not.toContain(SECRET);
  return result;
}

const signIn = (more: string[] = [], options: Options = {}) =>
  cli(["login", ...more, "--endpoint", ferry.url, "--access-key", KEY], { stdin: `${SECRET}\n`, ...options });

test("who signs in once needs nothing more, in whatever folder", async () => {
  const { stderr } = await signIn();
  expect(stderr).toBe(`signed in as ${KEY}; kept as profile default in ${config}\n`);
  await cli(["source", "register", "profiles-1", "--ip", "192.0.2.1"]);
  expect((await cli(["source", "list"], { cwd: "/" })).stdout).toContain("profiles-1");
  expect((await cli(["api", "GET", "/v3/sources?limit=1"])).stdout).toContain("source_servers");
});

test("a secret key that does not sign in is not kept", async () => {
  const { stderr } = await signIn([], { stdin: "wrong\n", code: exitCodes.notSignedIn });
  expect(stderr).toContain("the access key or its signature is wrong");
  const nowhere = ["login", "--endpoint", "http://127.0.0.1:1", "--access-key", KEY];
  expect((await cli(nowhere, { stdin: SECRET, code: exitCodes.unreachable })).stderr).toContain("http://127.0.0.1:1");
  await signIn([], { stdin: "", code: exitCodes.usage });
  await signIn([], { stdin: `${SECRET}\nmore\n`, code: exitCodes.usage });
  expect(existsSync(config)).toBe(false);
});

testWithModes("what is kept is for its owner only, or is not used", async () => {
  await signIn();
  expect(statSync(config).mode & 0o777).toBe(0o600);
  expect(statSync(join(config, "..")).mode & 0o777).toBe(0o700);
  chmodSync(config, 0o644);
  const { stderr } = await cli(["source", "list"], { code: exitCodes.failed });
  expect(stderr).toBe(`ferry: ${config} can be read by others: run chmod 600 ${config}\n`);
  const { status } = await ferry.call("GET", "/v3");
  expect(status).toBe(200);
});

test("profiles are listed, chosen and forgotten; their secrets are never shown", async () => {
  await signIn();
  await signIn(["prod"]);
  const listed = await cli(["profile", "list"]);
  expect(listed.stdout).toBe(
    `default\t\t${ferry.url}\tkey ${KEY}\tsigned in\nprod\t*\t${ferry.url}\tkey ${KEY}\tsigned in\n`,
  );
  expect(listed.stderr).toBe(`commands here call ${ferry.url} with key ${KEY} (the current profile, prod)\n`);
  await cli(["profile", "use", "default"]);
  expect(JSON.parse((await cli(["profile", "list", "--json"])).stdout)).toEqual([
    { name: "default", current: true, endpoint: ferry.url, as: `key ${KEY}`, state: "signed in" },
    { name: "prod", current: false, endpoint: ferry.url, as: `key ${KEY}`, state: "signed in" },
  ]);
  await cli(["profile", "delete", "default"]);
  expect((await cli(["source", "list"], { code: exitCodes.notSignedIn })).stderr).toContain("no credentials for");
  await cli(["source", "list", "--profile", "prod"]);
  await cli(["--profile=prod", "source", "list"]);
  await cli(["source", "--profile", "prod", "list"]);
  await cli(["source", "list"], { env: { FERRY_PROFILE: "prod" } });
  for (const verb of ["use", "delete"]) await cli(["profile", verb, "nobody"], { code: exitCodes.notFound });
  await cli(["source", "list", "--profile", "nobody"], { code: exitCodes.notSignedIn });
  await cli(["version", "--profile", "prod"], { code: exitCodes.usage });
});

test("signing out leaves no secret behind; the profile's name signs in again", async () => {
  await signIn(["prod"]);
  expect(readFileSync(config, "utf8")).toContain(SECRET);
  await cli(["logout"]);
  expect(readFileSync(config, "utf8")).not.toContain(SECRET);
  const { stderr } = await cli(["source", "list"], { code: exitCodes.notSignedIn });
  expect(stderr).toBe("ferry: profile prod is signed out; sign in again: ferry login prod\n");
  const again = await cli(["login", "prod"], { stdin: SECRET });
  expect(again.stderr).toContain(`signing in to ${ferry.url} as ${KEY}\n`);
  await cli(["source", "list"]);
});

test("a service in this folder comes first, and login says so", async () => {
  const other = await Ferry.start();
  const { stderr } = await signIn(["prod"], { cwd: other.folder.home });
  expect(stderr).toContain(
    `commands here call ${other.url} with key ${KEY} (ferry-data/bootstrap.env); --profile prod calls the new profile\n`,
  );
  const where = async (args: string[] = []) =>
    (await cli(["profile", "list", ...args], { cwd: other.folder.home })).stderr;
  expect(await where()).toBe(`commands here call ${other.url} with key ${KEY} (ferry-data/bootstrap.env)\n`);
  expect(await where(["--profile", "prod"])).toBe(`commands here call ${ferry.url} with key ${KEY} (--profile prod)\n`);
});

test("wrong usage of login says what is missing", async () => {
  const cases = [
    ["login"],
    ["login", "--endpoint", ferry.url],
    ["login", "--access-key", KEY],
    ["login", "--endpoint", ferry.url, "--access-key", KEY, "--user", "pat"],
    ["login", "--endpoint", ferry.url, "--access-key", KEY, "--account", "a"],
    ["login", "__proto__", "--endpoint", ferry.url, "--access-key", KEY],
    ["login", "a", "--profile", "b", "--endpoint", ferry.url, "--access-key", KEY],
    ["login", "--endpoint", "127.0.0.1", "--access-key", KEY],
  ];
  for (const args of cases) await cli(args, { code: exitCodes.usage, stdin: SECRET });
});

describe("as a user", () => {
  const PASSWORD = "correct horse";
  let service: ReturnType<typeof Bun.serve>;
  let expires_at = "";
  const asked: unknown[] = [];
  beforeAll(() => {
    service = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        if (pathname !== "/v3/auth/tokens") {
          const isKnown = request.headers.get("x-auth-token") === "token-1" && !request.headers.has("authorization");
          return isKnown ? Response.json({ id: "v3" }) : Response.json({ error_msg: "unknown" }, { status: 401 });
        }
        const body = (await request.json()) as { auth: { identity: { password: { user: { password: string } } } } };
        asked.push({ search, body });
        if (body.auth.identity.password.user.password !== PASSWORD) {
          const error = { code: 401, message: "the name or the password is wrong", title: "Unauthorized" };
          return Response.json({ error }, { status: 401 });
        }
        return Response.json({ token: { expires_at } }, { status: 201, headers: { "x-subject-token": "token-1" } });
      },
    });
  });
  afterAll(() => service.stop(true));
  const signInAs = (more: string[], stdin = PASSWORD, code = 0) =>
    cli(["login", "--endpoint", service.url.origin, "--user", "pat", ...more], { stdin, code });
  const onTerminal = () => {
    let shown = "";
    const child = Bun.spawn([executable, "login", "--endpoint", service.url.origin, "--user", "pat"], {
      cwd: away.home,
      env: cleanEnvironment(away.path, { TERM: "xterm-256color" }),
      terminal: {
        cols: 200,
        rows: 50,
        data: (_, bytes) => {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    return { child, shown: () => shown };
  };
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString().replace("Z", "000Z");

  test("a token is kept, not the password", async () => {
    expires_at = inAnHour();
    const { stderr } = await signInAs(["--account", "tenant-b", "--password-stdin"]);
    expect(stderr).toBe(`signed in as pat until ${expires_at}; kept as profile default in ${config}\n`);
    const user = { name: "pat", password: PASSWORD, domain: { name: "tenant-b" } };
    expect(asked.at(-1)).toEqual({
      search: "?nocatalog=1",
      body: {
        auth: { identity: { methods: ["password"], password: { user } }, scope: { domain: { name: "tenant-b" } } },
      },
    });
    expect(readFileSync(config, "utf8")).not.toContain(PASSWORD);
    expect((await cli(["api", "GET", "/v3"])).stdout).toBe('{"id":"v3"}\n');
    expect((await cli(["profile", "list"])).stdout).toContain(`user pat of tenant-b\tuntil ${expires_at}`);
    expect((await cli(["profile", "list"])).stdout).not.toContain("token-1");
  });

  test("a wrong password is said in the service's words", async () => {
    const { stderr } = await signInAs([], "wrong", exitCodes.notSignedIn);
    expect(stderr).toBe("ferry: the name or the password is wrong (401)\n");
    expect(existsSync(config)).toBe(false);
  });

  test("an expired token ends commands with what to do, and the name alone signs in again", async () => {
    expires_at = new Date(Date.now() - 1_000).toISOString();
    await signInAs([]);
    const { stderr } = await cli(["api", "GET", "/v3"], { code: exitCodes.notSignedIn });
    expect(stderr).toBe("ferry: the token of profile default has expired; sign in again: ferry login default\n");
    expect((await cli(["profile", "list"])).stdout).toContain("\texpired\n");
    expires_at = inAnHour();
    await cli(["login"], { stdin: PASSWORD });
    await cli(["api", "GET", "/v3"]);
  });

  test("a token that the service no longer knows too", async () => {
    expires_at = inAnHour();
    await signInAs([]);
    const env = { XDG_CONFIG_HOME: join(away.path, "config") };
    const text = readFileSync(config, "utf8").replace("token-1", "token-2");
    await Bun.write(config, text);
    const { stderr } = await cli(["api", "GET", "/v3"], { code: exitCodes.notSignedIn, env });
    expect(stderr).toBe("ferry: unknown (401); sign in again: ferry login default\n");
  });

  test("on a terminal the password is asked for and not shown", async () => {
    expires_at = inAnHour();
    const { child, shown } = onTerminal();
    await waitUntil(() => shown().includes("password: "), "the question");
    child.terminal?.write(`${PASSWORD}xx\u007f\u007f\r`);
    expect(await child.exited).toBe(0);
    await waitUntil(() => shown().includes("signed in as pat"), "the answer");
    expect(shown()).not.toContain("horse");
    await cli(["api", "GET", "/v3"]);
  });

  test("Ctrl-C ends the question and keeps nothing", async () => {
    const { child, shown } = onTerminal();
    await waitUntil(() => shown().includes("password: "), "the question");
    child.terminal?.write("half\u0003");
    expect(await child.exited).toBe(exitCodes.failed);
    expect(existsSync(config)).toBe(false);
  });
});

testWithOpenssl("a certificate of one's own is trusted once it is named, and by the profile from then on", async () => {
  const files = { key: join(away.path, "tls.key"), cert: join(away.path, "tls.pem") };
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const made = Bun.spawnSync(
    [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "1",
      ...subject,
      "-keyout",
      files.key,
      "-out",
      files.cert,
    ],
    { stderr: "pipe" },
  );
  expect(made.exitCode).toBe(0);
  const service = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { key: Bun.file(files.key), cert: Bun.file(files.cert) },
    fetch: () => Response.json({ id: "v3" }),
  });
  const endpoint = `https://127.0.0.1:${service.port}`;
  const args = ["login", "--endpoint", endpoint, "--access-key", KEY];
  const { stderr } = await cli(args, { stdin: SECRET, code: exitCodes.unreachable });
  expect(stderr).toMatch(/certificate.*--cacert FILE/);
  await cli([...args, "--cacert", files.cert], { stdin: SECRET });
  await cli(["api", "GET", "/v3"]);
  await cli(["login"], { stdin: SECRET });
  const env = { FERRY_ENDPOINT: endpoint, FERRY_ACCESS_KEY: KEY, FERRY_SECRET_KEY: SECRET };
  await cli(["api", "GET", "/v3"], { env, code: exitCodes.unreachable });
  await cli(["api", "GET", "/v3"], { env: { ...env, FERRY_CACERT: files.cert } });
  await cli(["api", "GET", "/v3", "--cacert", files.cert], { env });
  await cli(["--cacert", files.cert, "api", "GET", "/v3"], { env });
  service.stop(true);
});
