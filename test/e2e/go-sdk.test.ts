import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { missingOpenssl, privateAuthority } from "./authority.ts";
import { cleanEnvironment, endAll, Ferry, firstKey, repository, run, testUnless } from "./executable.ts";

/* huaweicloud-sdk-go-v3, as published: the program in test/e2e/go, which is built here. */

const BUILD_DEADLINE_MS = 240_000;
const program = join(repository, ".cache", "go-sdk", process.platform === "win32" ? "sms.exe" : "sms");

/** Builds the program; a second build takes a second. Answers what is missing for it. */
function build(): string | undefined {
  if (!Bun.which("go")) return "go is not installed";
  const { success, stderr } = Bun.spawnSync(["go", "build", "-buildvcs=false", "-o", program, "."], {
    cwd: join(import.meta.dir, "go"),
    timeout: BUILD_DEADLINE_MS,
    stdout: "ignore",
    stderr: "pipe",
  });
  return success ? undefined : `the Go program could not be built: ${stderr.toString().trim().slice(-500)}`;
}

interface Answer {
  project: string;
  /** The SDK's model as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a different model for every call
  reply: any;
  raised?: { status_code: number; error_code: string; error_message: string; request_id: string };
}

const missing = build();
const test = testUnless(missing);
const testOverTls = testUnless(missing ?? missingOpenssl);

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});
afterAll(endAll);

/** Runs the program as the holder of the first key, its project given or, with FERRY_REGION, looked up. */
async function go(args: string[], env: Record<string, string> = {}): Promise<Answer> {
  const project: Record<string, string> = env.FERRY_REGION ? {} : { FERRY_PROJECT_ID: firstKey.project_id };
  const options = {
    cwd: ferry.folder.home,
    env: cleanEnvironment(ferry.folder.path, { ...ferry.signedIn, ...project, ...env }),
  };
  const { code, stdout, stderr } = await run([program, ...args], options);
  if (code !== 0) throw new Error(`sms ${args.join(" ")}: ${code}\n${stderr}`);
  return JSON.parse(stdout);
}

test("a source is registered, polls, reports and is read back", async () => {
  const { reply: registered } = await go(["register", "go-1"]);
  const { id } = registered;
  expect(registered).toEqual({ id: expect.any(String) });
  expect((await go(["poll", id])).reply).toEqual({ command_name: "TASK_NOT_STARTED" });

  const queued = await ferry.queue(id, { command_name: "START", command_param: { task_id: "task-1" } });
  const polled = await go(["poll", id]);
  expect(polled.reply).toEqual({ command_name: "START", command_param: { task_id: "task-1" } });
  expect(polled.project).toBe(firstKey.project_id);
  expect((await go(["report", id, "START"])).reply).toEqual({ body: "{}" });

  const { state, reports } = await ferry.command(queued.id);
  expect(state).toBe("succeeded");
  expect(reports).toMatchObject([{ source_id: id, kind: "matched", result: "success" }]);
  // Go sends < and & as they are and a newline behind the body: the signature covers the bytes that were sent.
  expect(reports[0]?.result_detail).toEqual({ pid: 4117, note: "größer <&>" });

  // All that the SDK's model reads: whole numbers, no null where it has none.
  const { reply: shown } = await go(["show", id]);
  expect(shown).toMatchObject({
    id,
    name: "go-1",
    ip: "192.0.2.10",
    os_type: "LINUX",
    memory: 17_179_869_184,
    state: "waiting",
    connected: true,
    networks: [{ mac: "02:00:00:00:00:01", ip: "192.0.2.10", mtu: 1500 }],
  });
});

test("the SDK looks the project of its region up, and calls with it", async () => {
  const { reply } = await go(["register", "go-2"], { FERRY_REGION: "region-1" });
  const own = await go(["poll", reply.id], { FERRY_REGION: "region-1" });
  expect([own.project, own.reply.command_name]).toEqual([firstKey.project_id, "TASK_NOT_STARTED"]);

  const elsewhere = await go(["poll", reply.id], { FERRY_REGION: "elsewhere-7" });
  const { projects } = await ferry.ask<{ projects: { id: string; name: string }[] }>("GET", "/v3/projects");
  const made = projects.filter(({ name }) => name === "elsewhere-7");
  expect(made).toEqual([expect.objectContaining({ id: elsewhere.project })]);
});

test("refusals are the SDK's errors, with our code and our request id", async () => {
  const unknown = await go(["show", "unknown"]);
  expect(unknown.raised).toMatchObject({ status_code: 404, error_code: "SMS.8004" });
  expect(unknown.raised?.request_id).toHaveLength(36);
  const wrong = await go(["show", "unknown"], { FERRY_SECRET_KEY: "wrong" });
  expect(wrong.raised).toMatchObject({ status_code: 401, error_code: "APIGW.0301" });
  const foreign = await go(["show", "unknown"], { FERRY_PROJECT_ID: "foreign" });
  expect(foreign.raised).toMatchObject({ status_code: 403, error_code: "SMS.9004" });
});

test("a temporary key works with its security token only", async () => {
  const { access_key, secret_key, security_token } = await ferry.ask<Record<string, string>>(
    "POST",
    "/operate/v1/keys",
    { role: "agent", expires_in_s: 3600 },
  );
  const key = { FERRY_ACCESS_KEY: access_key ?? "", FERRY_SECRET_KEY: secret_key ?? "" };
  const { reply } = await go(["register", "go-3"], { ...key, FERRY_SECURITY_TOKEN: security_token ?? "" });
  expect(reply.id).toBeString();
  expect((await go(["poll", reply.id], key)).raised).toMatchObject({ status_code: 401, error_code: "APIGW.0301" });
});

testOverTls("over HTTPS, where the program trusts the private authority", async () => {
  const { ca, cert, key } = await privateAuthority(ferry.folder.path);
  const secure = await Ferry.start({ args: ["--tls-cert", cert, "--tls-key", key] });
  const there = { FERRY_ENDPOINT: secure.url };
  const { reply } = await go(["register", "go-4"], { ...there, FERRY_CACERT: ca });
  expect((await go(["show", reply.id], { ...there, FERRY_CACERT: ca, FERRY_REGION: "region-1" })).reply.name).toBe(
    "go-4",
  );
  const { raised } = await go(["show", reply.id], there);
  expect(raised?.error_message).toContain("certificate signed by unknown authority");
  expect(await secure.stop()).toBe(0);
});
