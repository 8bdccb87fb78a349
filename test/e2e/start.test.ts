import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { settingInfos } from "../../src/config.ts";
import {
  cleanEnvironment,
  endAll,
  executable,
  Ferry,
  firstKey,
  run,
  temporaryFolder,
  testUnless,
} from "./executable.ts";

afterAll(endAll);

const READY_MS = 1_000;
/** Room for a machine with other work. */
const READY_BOUND_MS = 3 * READY_MS;
const NOBODY = 65534;

const isRoot = process.getuid?.() === 0;
const noSetpriv =
  isRoot && !Bun.which("setpriv") ? "setpriv is not installed, so the test cannot leave root" : undefined;

function serve(folder: { path: string; home: string }, args: string[], env: Record<string, string> = {}) {
  return run([executable, "serve", "--listen", "127.0.0.1:0", ...args], {
    cwd: folder.home,
    env: cleanEnvironment(folder.path, env),
  });
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

test("answers a signed call a moment after its start in an empty folder", async () => {
  const startedMs = performance.now();
  const ferry = await Ferry.start();
  const response = await ferry.call("GET", "/v3/sources");
  const answeredMs = performance.now() - startedMs;
  console.log(
    `first line after ${Math.round(ferry.readyMs)} ms, signed call answered after ${Math.round(answeredMs)} ms`,
  );

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ count: 0, source_servers: [] });
  expect(answeredMs).toBeLessThan(READY_BOUND_MS);
  expect(readdirSync(ferry.folder.home)).toEqual(["ferry-data"]);
  expect(await ferry.stop()).toBe(0);
});

testUnless(noSetpriv)("runs as a plain user, far from any node_modules, and keeps its secrets to itself", async () => {
  const folder = temporaryFolder();
  const program = join(folder.path, "ferry");
  copyFileSync(executable, program);
  if (isRoot) for (const path of [folder.path, folder.home, join(folder.path, "tmp")]) chownSync(path, NOBODY, NOBODY);
  const asNobody = isRoot ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
  // The most careless umask: the modes have to be ferry's own doing.
  const prefix = [...asNobody, "sh", "-c", 'umask 0; exec "$@"', "sh"];
  const ferry = await Ferry.start({ folder, program, prefix });

  expect((await ferry.call("GET", "/v3")).status).toBe(200);
  if (isRoot) expect(statSync(ferry.data).uid).toBe(NOBODY);
  expect(mode(ferry.data)).toBe("700");
  expect(mode(join(ferry.data, "master.key"))).toBe("600");
  expect(mode(join(ferry.data, "bootstrap.env"))).toBe("600");
  expect(await ferry.stop()).toBe(0);
});

test("refuses a master key that others can read, until it is theirs no longer", async () => {
  const ferry = await Ferry.start();
  await ferry.stop();
  const path = join(ferry.data, "master.key");
  chmodSync(path, 0o640);
  const refused = await serve(ferry.folder, []);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toBe("");
  expect(refused.stderr).toContain(`chmod 600 ${path}`);

  chmodSync(path, 0o600);
  await ferry.start();
  expect((await ferry.call("GET", "/v3/sources")).status).toBe(200);
});

test("refuses another instance's master key in one sentence", async () => {
  const ferry = await Ferry.start();
  await ferry.stop();
  writeFileSync(join(ferry.data, "master.key"), `${"0123456789abcdef".repeat(4)}\n`);
  const refused = await serve(ferry.folder, []);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/master key/);
  expect(refused.stderr.trim().split("\n")).toHaveLength(1);
});

const wrongSettings: {
  title: string;
  args?: string[];
  env?: Record<string, string>;
  names: string[];
  hides?: string;
}[] = [
  { title: "a flag", args: ["--listen", "nowhere"], names: ["--listen", '"nowhere"', "HOST:PORT"] },
  { title: "a port", args: ["--listen", "127.0.0.1:70000"], names: ["--listen", '"127.0.0.1:70000"', "65535"] },
  {
    title: "a variable",
    env: { FERRY_REGION: "no spaces" },
    names: ["FERRY_REGION", '"no spaces"', "A-Z a-z 0-9 - _"],
  },
  {
    title: "a database, unshown as it may hold a password",
    args: ["--database-url", "mysql://me:secret@db"],
    names: ["--database-url", "file:PATH"],
    hides: "secret",
  },
  {
    title: "a retention",
    env: { FERRY_RESULTS_RETENTION_DAYS: "-1" },
    names: ["FERRY_RESULTS_RETENTION_DAYS", '"-1"', "days"],
  },
  {
    title: "a secret, unshown",
    env: { FERRY_MASTER_KEY: "half-a-key" },
    names: ["FERRY_MASTER_KEY", "64 hex digits"],
    hides: "half-a-key",
  },
  { title: "an unknown flag", args: ["--lisen", "127.0.0.1:1"], names: ["--lisen"] },
];
for (const { title, args = [], env = {}, names, hides } of wrongSettings) {
  test(`a wrong setting ends with 2 and is named with what is allowed: ${title}`, async () => {
    const { code, stdout, stderr } = await serve(temporaryFolder(), args, env);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    for (const name of names) expect(stderr).toContain(name);
    if (hides) expect(stderr).not.toContain(hides);
  });
}

test("serve --help names every setting", async () => {
  const folder = temporaryFolder();
  const { code, stdout } = await run([executable, "serve", "--help"], {
    cwd: folder.home,
    env: cleanEnvironment(folder.path),
  });
  expect(code).toBe(0);
  for (const { flag, variable, default: value } of settingInfos) {
    expect(stdout).toContain(flag ?? variable);
    expect(stdout).toContain(variable);
    if (value !== undefined) expect(stdout).toContain(value);
  }
  expect(readdirSync(folder.home)).toEqual([]);
});

test("a second process on the same data is refused at once, and the first goes on", async () => {
  const ferry = await Ferry.start();
  const link = join(ferry.folder.path, "by-another-name");
  symlinkSync(ferry.data, link);
  for (const data of [ferry.data, link]) {
    const startedMs = performance.now();
    const second = await serve(ferry.folder, ["--data", data]);
    expect(performance.now() - startedMs).toBeLessThan(READY_BOUND_MS);
    expect(second.code).toBe(1);
    expect(second.stdout).toBe("");
    expect(second.stderr).toMatch(/another ferry process has .*ferry\.db open/);
  }
  const source_id = await ferry.registerSource();
  expect((await ferry.queue(source_id)).state).toBe("queued");
});

test("starts again right after kill -9, with the same key and all that was stored", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  for (let round = 0; round < 3; round += 1) {
    await ferry.kill();
    await ferry.start();
    expect(await ferry.ask("GET", `/v3/sources/${source_id}`)).toMatchObject({ id: source_id, name: "web-1" });
  }
  expect(
    (await ferry.call("GET", "/v3/sources", undefined, { key: { ...firstKey, secret_key: "another" } })).status,
  ).toBe(401);
});

test("a first start that fails on its address still leaves a key behind for the next one", async () => {
  const folder = temporaryFolder();
  const other = await Ferry.start();
  const taken = await run([executable, "serve", "--listen", new URL(other.url).host], {
    cwd: folder.home,
    env: cleanEnvironment(folder.path),
  });
  expect(taken.code).toBe(1);
  expect(taken.stdout).toBe("");
  expect(taken.stderr).toContain(new URL(other.url).port);
  expect(taken.stderr.trim().split("\n")).toHaveLength(1);

  await Ferry.start({ folder, env: {} });
  const listed = await run([executable, "source", "list"], { cwd: folder.home, env: cleanEnvironment(folder.path) });
  expect(listed).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("a bootstrap.env that cannot be rewritten is no reason not to serve", async () => {
  const ferry = await Ferry.start();
  const path = join(ferry.data, "bootstrap.env");
  await ferry.stop();
  renameSync(path, `${path}.kept`);
  mkdirSync(path);
  const again = await Ferry.start({ folder: ferry.folder });
  expect((await again.call("GET", "/v3/sources")).status).toBe(200);
  expect(await again.stop()).toBe(0);
});

test("after a clean stop the database is whole in its one file; without it nothing begins anew over an old key", async () => {
  const ferry = await Ferry.start();
  await ferry.registerSource("kept");
  expect(await ferry.stop()).toBe(0);
  for (const name of readdirSync(ferry.data)) if (/-(wal|shm)$/.test(name)) rmSync(join(ferry.data, name));
  const restored = await Ferry.start({ folder: ferry.folder });
  expect(((await (await restored.call("GET", "/v3/sources")).json()) as { count: number }).count).toBe(1);
  await restored.stop();
  for (const name of readdirSync(ferry.data)) if (name.startsWith("ferry.db")) rmSync(join(ferry.data, name));
  const refused = await serve(ferry.folder, []);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("the database has no account")]);
});
