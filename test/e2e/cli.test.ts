import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
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

const ESCAPE = "\u001b";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const testWithCurl = testUnless(Bun.which("curl") ? undefined : "curl is not installed");

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});

/** One run of the command line that has to end with `code`. */
async function cli(args: string[], code = 0, env: Record<string, string> = {}, stdin?: string) {
  const result = await ferry.cli(args, env, stdin);
  expect({ args, ...result }).toEqual({ args, stdout: expect.any(String), stderr: expect.any(String), code });
  return { ...result, line: result.stdout.trimEnd() };
}

/** The indented commands of the first start, as they are pasted. */
async function firstCommands(started: Ferry): Promise<string[]> {
  await waitUntil(() => /\n {2}\S.*report.*\n/.test(started.printed.stdout), "the first start's commands");
  return started.printed.stdout
    .split("\n")
    .filter((line) => line.startsWith("  "))
    .map((line) => line.slice(2));
}

const firstStarts = [
  { title: "in the folder of the start", home: "home", args: [] },
  { title: "with a data folder of its own", home: "home", args: ["--data", "elsewhere"] },
  { title: "in a folder whose name needs quoting", home: "Pat's data & more", args: [] },
  { title: "with a data folder whose name needs quoting", home: "home", args: ["--data", "Pat's data & more"] },
];
for (const { title, home, args } of firstStarts) {
  test(`the three commands of the first start, pasted into a shell, run a command from end to end: ${title}`, async () => {
    const started = await Ferry.start({ folder: temporaryFolder(home), args, env: {} });
    const [where = "", ...commands] = await firstCommands(started);
    expect(commands).toHaveLength(3);
    const shell = (text: string) =>
      run(["sh", "-e"], { cwd: started.folder.path, env: cleanEnvironment(started.folder.path) }, text);

    const pasted = await shell(`${where}\n${commands.join("\n")}\n`);
    expect(pasted).toMatchObject({ code: 0 });
    const [source_id, command_id, polled] = pasted.stdout.split("\n");
    expect(source_id).toMatch(UUID);
    expect(command_id).toMatch(UUID);
    expect(polled).toBe('{"command_name":"START"}');

    const shown = await shell(`${where}\n${executable} command show last\n`);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toStartWith(`START  ${command_id}  queued -> delivered -> succeeded\n`);
    expect(shown.stdout).toContain('matched  success  {"pid":4117}\n');
    await started.stop();
  });
}

test("command show prints a detail's numbers as the agent wrote them", async () => {
  const source_id = (await cli(["source", "register", "exact-1", "--ip", "192.0.2.20"])).line;
  const command_id = (await cli(["command", "send", "exact-1", "SYNC", "--task-id", "task-1"])).line;
  expect(JSON.parse((await cli(["poll", source_id])).line)).toEqual({
    command_name: "SYNC",
    command_param: { task_id: "task-1" },
  });
  const detail = '{"big":12345678901234567890,"one":1.0,"none":null}';
  await cli(["report", source_id, "SYNC", "fail", "--detail", "-"], 0, {}, detail);
  expect((await cli(["command", "show", command_id])).stdout).toContain(`matched  fail  ${detail}\n`);
  const json = (await cli(["command", "show", command_id, "--json"])).stdout;
  for (const member of ['"big": 12345678901234567890', '"one": 1.0', '"none": null']) expect(json).toContain(member);
  expect((await cli(["result", "list", "--source", "exact-1"])).line.split("\t").slice(1)).toEqual([
    source_id,
    "SYNC",
    "fail",
    "matched",
    command_id,
    detail,
  ]);
});

test("in a pipe lists are tab-separated, without heading and colour; --json is JSON", async () => {
  const source_id = (await cli(["source", "register", "piped-1", "--ip", "192.0.2.21"])).line;
  const { line } = await cli(["source", "list", "--name", "piped-1"]);
  expect(line.split("\t").slice(0, 6)).toEqual([source_id, "piped-1", "192.0.2.21", "LINUX", "waiting", "no"]);
  expect(JSON.parse((await cli(["source", "list", "--name", "piped-1", "--json"])).stdout)).toMatchObject([
    { id: source_id, name: "piped-1" },
  ]);
  for (const args of [["source", "list"], ["--help"], ["command", "--help"], ["serve", "--help"]]) {
    const { stdout, stderr } = await cli(args, 0, { FORCE_COLOR: "1" });
    expect(stdout + stderr).not.toContain(ESCAPE);
  }
});

test("a reader that has seen enough is no fault", async () => {
  await ferry.registerSource("unread-1");
  const env = cleanEnvironment(ferry.folder.path, ferry.signedIn);
  for (const args of ["source list", "source list --json", "api GET /v3/sources", "serve --help"]) {
    // The reader is gone before the first byte is written.
    const script = `mkfifo unread; (: <unread) & { "$0" ${args}; } >unread; wait; rm unread`;
    const { stderr } = await run(["sh", "-c", script, executable], { cwd: ferry.folder.path, env });
    expect({ args, stderr }).toEqual({ args, stderr: "" });
  }
});

test("on a terminal lists are aligned under a heading; NO_COLOR leaves out all colour", async () => {
  const source_id = (await cli(["source", "register", "terminal-1", "--ip", "192.0.2.22"])).line;
  const list = await onTerminal(["source", "list", "--name", "terminal-1"]);
  const [heading = "", row = ""] = list.split("\r\n");
  expect(heading).toMatch(/^ID +NAME +IP +OS +STATE +CONNECTED +LAST VISIT$/);
  expect(row).toStartWith(`${source_id}  terminal-1  192.0.2.22  LINUX`);
  expect(row.indexOf("terminal-1")).toBe(heading.indexOf("NAME"));
  expect(await onTerminal(["--help"])).toContain(ESCAPE);
  for (const args of [["source", "list"], ["--help"], ["command", "--help"]]) {
    expect(await onTerminal(args, { NO_COLOR: "1" })).not.toContain(ESCAPE);
  }
});

test("key create --json prints exactly what signing in takes", async () => {
  const { stdout } = await cli(["key", "create", "--role", "operator", "--json"]);
  const key = JSON.parse(stdout);
  expect(Object.keys(key).sort()).toEqual(["access_key", "account_id", "project_id", "secret_key"]);
  expect(key.project_id).toBe(firstKey.project_id);
  const asKey = { FERRY_ACCESS_KEY: key.access_key, FERRY_SECRET_KEY: key.secret_key };
  await cli(["source", "list"], exitCodes.done, asKey);
  await cli(["key", "list"], exitCodes.refused, asKey);

  const listed = (await cli(["key", "list"])).stdout.split("\n").map((line) => line.split("\t").slice(0, 3));
  expect(listed).toContainEqual([key.access_key, "operator", "active"]);
  expect((await cli(["key", "list"])).stdout).not.toContain(key.secret_key);
  await cli(["key", "disable", key.access_key]);
  await cli(["source", "list"], exitCodes.notSignedIn, asKey);
});

test("the vendor's variables sign in too", async () => {
  const vendor = {
    FERRY_ACCESS_KEY: "",
    FERRY_SECRET_KEY: "",
    FERRY_DATA: "nowhere",
    HUAWEICLOUD_SDK_AK: firstKey.access_key,
    HUAWEICLOUD_SDK_SK: firstKey.secret_key,
  };
  await cli(["source", "list"], 0, vendor);
});

test("an account sees its own sources only", async () => {
  const mine = (await cli(["source", "register", "mine-1", "--ip", "192.0.2.23"])).line;
  await cli(["account", "create", "tenant-b"]);
  const created = await cli(["key", "create", "--account", "tenant-b", "--role", "admin", "--json"]);
  const { access_key, secret_key, account_id } = JSON.parse(created.stdout);
  const other = { FERRY_ACCESS_KEY: access_key, FERRY_SECRET_KEY: secret_key };
  expect((await cli(["source", "list"], 0, other)).stdout).toBe("");
  await cli(["source", "show", mine], exitCodes.notFound, other);
  await cli(["command", "send", mine, "START"], exitCodes.notFound, other);
  const theirs = (await cli(["source", "register", "theirs-1", "--ip", "192.0.2.24"], 0, other)).line;
  await cli(["source", "show", theirs], exitCodes.notFound);

  await cli(["account", "create", "tenant-b"], exitCodes.refused);
  await cli(["account", "create", "tenant-c"], exitCodes.refused, other);
  await cli(["key", "create", "--account", "tenant-c", "--role", "admin"], exitCodes.notFound);
  expect((await cli(["account", "list"])).stdout).toContain(`${account_id}\ttenant-b\t`);
});

test("a source is renamed by its name", async () => {
  const source_id = (await cli(["source", "register", "renamed-1", "--ip", "192.0.2.26"])).line;
  await cli(["source", "rename", "renamed-1", "renamed-2"]);
  expect((await cli(["source", "list", "--name", "renamed-"])).line.split("\t").slice(0, 2)).toEqual([
    source_id,
    "renamed-2",
  ]);
  await cli(["source", "rename", "renamed-1", "renamed-3"], exitCodes.notFound);
});

test("sign explain tells whether a call that was printed is signed rightly, without the secret key in it", async () => {
  const call = ["PUT", "/v3/sources/a?b=c", "-d", `{"name": "it's"}`];
  const { stdout } = await cli(["api", ...call, "--curl"]);
  const explain = async (args: string[], code = 0, stdin?: string, env = {}) => {
    const explained = await cli(["sign", "explain", ...args], code, env, stdin);
    expect(explained.stdout + explained.stderr).not.toContain(firstKey.secret_key);
    return explained.stdout;
  };
  expect(await explain(["--request", "-"], 0, stdout)).toContain("The request's signature: it matches\n");
  const slashless = JSON.parse(await explain(["--request", "-", "--json"], 0, stdout)).canonical_request.replace(
    "a/\n",
    "a\n",
  );
  writeFileSync(join(ferry.folder.home, "canonical.txt"), slashless);
  const changed = stdout.replace("it'", "its'");
  const told = await explain(["--request", "-", "--canonical", "canonical.txt"], exitCodes.failed, changed);
  expect(told).toContain("it does not match\n");
  expect(told).toContain("without the final slash");
  const elsewhere = { FERRY_ACCESS_KEY: "", FERRY_SECRET_KEY: "", FERRY_DATA: "nowhere" };
  expect(await explain(["--request", "-"], 0, stdout, elsewhere)).toContain(
    "it cannot be checked without the secret key",
  );
  expect(await explain(["--request", "-", "--at", "20300102T030405Z"], exitCodes.failed, stdout)).toContain(
    "before 2030",
  );

  const date = /x-sdk-date: (\w+)/.exec(stdout)?.[1] ?? "";
  const headers = ["-H", "content-type: application/json", "-H", `X-Sdk-Date: ${date}`];
  const built = JSON.parse(await explain([...call, ...headers, "--json"]));
  expect(stdout).toContain(`Signature=${built.signature}`);
  await explain([], exitCodes.usage);
  await explain(["--request", "nowhere"], exitCodes.usage);
  await explain(["GET", "/v3", "--request", "-"], exitCodes.usage);
});

test("flags of the connection are refused where nobody is called, and positionals are no flags", async () => {
  for (const args of [
    ["version", "--endpoint", ferry.url],
    ["logout", "--name=web-1"],
    ["serve", "--profile", "x"],
  ]) {
    await cli(args, exitCodes.usage);
  }
});

test("every exit code is what the documentation says", async () => {
  const source_id = (await cli(["source", "register", "codes-1", "--ip", "192.0.2.25"])).line;
  const command_id = (await cli(["command", "send", source_id, "START"])).line;
  const viewer = JSON.parse((await cli(["key", "create", "--role", "viewer", "--json"])).stdout);
  const asViewer = { FERRY_ACCESS_KEY: viewer.access_key, FERRY_SECRET_KEY: viewer.secret_key };
  const nobody = { FERRY_ACCESS_KEY: "", FERRY_SECRET_KEY: "", FERRY_DATA: "nowhere" };
  const closedPort = { FERRY_ENDPOINT: "http://127.0.0.1:1" };
  const { usage, notFound, notSignedIn, refused, timedOut, unreachable, failed } = exitCodes;
  const cases: [args: string[], code: number, env?: Record<string, string>][] = [
    [[], usage],
    [["sources"], usage],
    [["source", "list", "--colour"], usage],
    [["source", "show"], usage],
    [["source", "list", "surplus"], usage],
    [["command", "send", source_id, "BEGIN"], usage],
    [["command", "list", "--limit", "many"], usage],
    [["report", source_id, "START", "success", "--detail", "[1]"], usage],
    [["poll", source_id, "--wait", "56"], usage],
    [["api", "GET", "v3/sources"], usage],
    [["api", "FETCH", "/v3/sources"], usage],
    [["source", "list", "--state", "tired"], usage],
    [["source", "show", "nobody-1"], notFound],
    [["command", "show", "0f1e2d3c-0000-4000-8000-000000000000"], notFound],
    [["api", "GET", "/v3/nothing"], notFound],
    [["source", "list"], notSignedIn, nobody],
    [["source", "list"], notSignedIn, { FERRY_SECRET_KEY: "wrong" }],
    [["source", "list"], notSignedIn, { FERRY_SECRET_KEY: "" }],
    [["api", "GET", "/v3/sources"], notSignedIn, nobody],
    [["command", "send", source_id, "START"], refused, asViewer],
    [["command", "wait", command_id, "--timeout", "1"], timedOut],
    [["source", "list"], unreachable, closedPort],
    [["api", "GET", "/v3/sources"], unreachable, closedPort],
    [["command", "cancel", command_id], 0],
    [["command", "cancel", command_id], refused],
    [["command", "wait", command_id], failed],
    [["command", "wait", command_id, "--for", "cancelled"], 0],
    [["version"], 0, closedPort],
    [["--version"], 0],
  ];
  for (const [args, code, env] of cases) {
    const { stdout, stderr } = await cli(args, code, env);
    // Data to stdout, words to stderr: who reads the output of a failed command reads nothing.
    if (code !== 0 && args.length > 0) {
      expect({ args, stdout }).toEqual({ args, stdout: "" });
      expect(stderr).toMatch(/^ferry: ./m);
      expect(stderr).not.toContain("    at ");
    }
  }
});

const apiCalls: { title: string; args: () => string[]; expected: object }[] = [
  {
    title: "a call with a query",
    args: () => ["GET", "/v3/sources?name=nobody&limit=1"],
    expected: { count: 0, source_servers: [] },
  },
  {
    title: "a query that a shell or curl might expand",
    args: () => ["GET", "/v3/sources?name=a[1-3]{x}$HOME'%20b"],
    expected: { count: 0 },
  },
  {
    title: "a body with all kinds of quotes",
    args: () => [
      "POST",
      "/v3/sources",
      "-d",
      JSON.stringify({
        name: `it's "$HOME" \\ \`x\``,
        ip: "192.0.2.1",
        os_type: "LINUX",
        os_version: "1",
        networks: [],
        agent_version: "1",
      }),
    ],
    expected: { id: expect.stringMatching(UUID) },
  },
  {
    title: "a body from a file",
    args: () => {
      writeFileSync(join(ferry.folder.home, "body.json"), '{"account": "nobody", "role": "viewer"}');
      return ["POST", "/operate/v1/keys", "-d", "@body.json"];
    },
    expected: { error_code: "SMS.8004" },
  },
  { title: "a refusal", args: () => ["DELETE", "/v3/sources/unknown"], expected: { error_code: "SMS.8004" } },
];
for (const { title, args, expected } of apiCalls) {
  testWithCurl(`api --curl prints a command that does the call: ${title}`, async () => {
    const { stdout } = await cli(["api", ...args(), "--curl"]);
    const env = cleanEnvironment(ferry.folder.path, { HOME: ferry.folder.home });
    const called = await run(["sh", "-e"], { cwd: ferry.folder.path, env }, stdout.replace(/^curl /, "curl -sS "));
    expect(called).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(called.stdout)).toMatchObject(expected);
  });
}

test("api makes the call itself and prints the reply", async () => {
  const name = `it's "$HOME" \\`;
  const body = JSON.stringify({
    name,
    ip: "192.0.2.1",
    os_type: "WINDOWS",
    os_version: "1",
    networks: [],
    agent_version: "1",
  });
  const { id } = JSON.parse((await cli(["api", "post", "/v3/sources", "-d", "-"], 0, {}, body)).stdout);
  expect(JSON.parse((await cli(["api", "GET", `/v3/sources/${id}`])).stdout)).toMatchObject({ id, name });
  expect((await cli(["api", "DELETE", `/v3/sources/${id}`])).line).toBe("{}");
  const { stderr } = await cli(["api", "GET", `/v3/sources/${id}`], exitCodes.notFound);
  expect(stderr).toMatch(/SMS\.8004.*request [0-9a-f-]{36}/);
});

/** What a run of the command line shows on a terminal. */
async function onTerminal(args: string[], env: Record<string, string> = {}): Promise<string> {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([executable, ...args], {
    cwd: ferry.folder.home,
    env: cleanEnvironment(ferry.folder.path, { ...ferry.signedIn, TERM: "xterm-256color", ...env }),
    terminal: {
      cols: 200,
      rows: 50,
      data: (_, bytes) => {
        shown += decoder.decode(bytes, { stream: true });
      },
    },
  });
  expect(await child.exited).toBe(0);
  await waitUntil(() => shown.endsWith("\r\n"), "the last line on the terminal");
  return shown;
}
