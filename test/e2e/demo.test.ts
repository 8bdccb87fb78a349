import { afterAll, expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { cleanEnvironment, endAll, repository, run, startProgram, temporaryFolder, waitUntil } from "./executable.ts";

/* npm run demo as somebody who has just cloned the repository starts and ends it. */

afterAll(endAll);

const START_DEADLINE_MS = 30_000;

/** Starts it and waits until it has said what it is. */
async function startDemo(args: string[], env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const options = { cwd: repository, env: cleanEnvironment(folder.path, { HOME: folder.home, ...env }) };
  const started = startProgram(["npm", "run", "--silent", "demo", "--", ...args], options);
  const { child, printed } = started;
  const isUp = () => printed.stdout.includes("Ctrl-C ends") || child.exitCode !== null;
  await waitUntil(isUp, "the words of npm run demo", START_DEADLINE_MS);
  const [, endpoint = ""] = /(http:\/\/127\.0\.0\.1:\d+)\/console\//.exec(printed.stdout) ?? [];
  expect([child.exitCode, printed.stderr]).toEqual([null, ""]);
  return { ...started, endpoint, options, temporary: join(folder.path, "tmp") };
}

/** Whether somebody listens there still. */
const answers = (endpoint: string) =>
  fetch(`${endpoint}/healthz`).then(
    () => true,
    () => false,
  );

test("serves, says how to sign in and what to type, and leaves nothing behind at SIGTERM", async () => {
  const demo = await startDemo(["--port", "0", "--speed", "10"]);
  expect(await answers(demo.endpoint)).toBe(true);
  expect(demo.printed.stdout).toContain("sign in as demo, password ferry-demo");
  expect(readdirSync(demo.temporary).filter((name) => name.startsWith("ferry-demo-"))).toHaveLength(1);

  const line = demo.printed.stdout.split("\n").find((text) => text.includes("bin/ferry")) ?? "";
  const { code, stdout } = await run(["sh", "-c", line.replace("--follow", "--limit 1000")], demo.options);
  expect([code, stdout]).toEqual([0, expect.stringContaining("source.registered")]);

  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
  expect(await answers(demo.endpoint)).toBe(false);
  expect(readdirSync(demo.temporary).filter((name) => name.startsWith("ferry-demo-"))).toEqual([]);
  expect(demo.printed.stderr).toBe("");
});

test("takes another port where the usual one is taken, and keeps a folder that was named, but takes none of a real service", async () => {
  const taken = createServer();
  // Whoever has it already has it as well as this test.
  await new Promise<void>((resolve) => taken.once("error", () => resolve()).listen(8900, "127.0.0.1", () => resolve()));
  const data = join(temporaryFolder().home, "data");
  const first = await startDemo(["--data", data, "--sources", "3"]);
  expect(first.endpoint).not.toContain(":8900");
  first.child.kill("SIGINT");
  expect(await first.ended).toBe(0);
  expect(readdirSync(data)).toContain("ferry.db");

  const second = await startDemo(["--data", data, "--sources", "3"]);
  second.child.kill("SIGTERM");
  expect(await second.ended).toBe(0);
  taken.close();

  rmSync(join(data, "demo.txt"));
  const { code, stderr } = await run(["node", join("scripts", "demo.mjs"), "--data", data], second.options);
  expect([code, stderr]).toEqual([1, expect.stringContaining("no demo's")]);
});

test("a FERRY_DATABASE_URL of the shell is of another service, and not used", async () => {
  const demo = await startDemo(["--port", "0", "--sources", "1"], { FERRY_DATABASE_URL: "http://127.0.0.1:9" });
  expect(await answers(demo.endpoint)).toBe(true);
  demo.child.kill("SIGTERM");
  expect(await demo.ended).toBe(0);
});

test("a flag that cannot be used ends with 2 and says why", async () => {
  const folder = temporaryFolder();
  const options = { cwd: repository, env: cleanEnvironment(folder.path, { HOME: folder.home }) };
  for (const [args, reason] of [
    [["--sources", "2001"], "a whole number from 1 to 2000"],
    [["--sauces", "1"], "--sauces"],
    [["--endpoint", "http://127.0.0.1:9"], "FERRY_ACCESS_KEY"],
    [["--endpoint", "http://127.0.0.1:9", "--port", "1"], "--port"],
  ] as const) {
    const { code, stdout, stderr } = await run(["node", join("scripts", "demo.mjs"), ...args], options);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(reason)]);
  }
});
