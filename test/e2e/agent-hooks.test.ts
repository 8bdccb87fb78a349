import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestAgent, untilEnded } from "./agent-process.ts";
import {
  cleanEnvironment,
  endAll,
  Ferry,
  repository,
  run,
  temporaryFolder,
  testUnless,
  waitUntil,
} from "./executable.ts";

/* The example hooks, with real rsync. */

afterAll(endAll);

const hooks = join(repository, "examples", "hooks");
const rsync = Bun.which("rsync");
const testWithRsync = testUnless(rsync ? undefined : "rsync is not installed");
const testWithShellcheck = testUnless(Bun.which("shellcheck") ? undefined : "shellcheck is not installed");

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});

const LARGE_BYTES = 60_000_000;

/** An agent with the example hooks and a folder to copy; at `rate`, if that is given, so that it takes its time. */
async function copying(rate?: string) {
  const source_id = await ferry.registerSource();
  const agent = new TestAgent({ ...ferry.signedIn }, ["--server-id", source_id, "--hooks", hooks]);
  const { path } = agent.folder;
  const [from, to, logs] = [join(path, "from"), join(path, "to"), join(path, "logs")];
  mkdirSync(join(from, "folder"), { recursive: true });
  writeFileSync(join(from, "folder", "small file"), "small");
  writeFileSync(join(from, "large"), randomBytes(LARGE_BYTES));
  const slow = join(path, "slow");
  mkdirSync(slow);
  if (rate) {
    writeFileSync(join(slow, "rsync"), `#!/bin/sh\nexec ${rsync} --bwlimit=${rate} "$@"\n`);
    chmodSync(join(slow, "rsync"), 0o755);
  }
  Object.assign(agent.env, {
    FERRY_COPY_FROM: from,
    FERRY_COPY_TO: to,
    FERRY_LOG_DIR: logs,
    PATH: `${slow}:${process.env.PATH}`,
  });
  agent.start("5");
  const send = async (command_name: string) => untilEnded(ferry, (await ferry.queue(source_id, { command_name })).id);
  const underWay = () => existsSync(to) && readdirSync(to).some((name) => /^\.large\./.test(name));
  return { agent, source_id, from, to, logs, slow, send, underWay };
}

testWithRsync("START copies, SYNC copies what has changed since, UPLOAD_LOG packs the agent's folder", async () => {
  const { agent, from, to, logs, send } = await copying();
  expect(await send("START")).toMatchObject({
    state: "succeeded",
    reports: [
      {
        result_detail: {
          files: 2,
          files_copied: 2,
          bytes: LARGE_BYTES + 5,
          bytes_copied: LARGE_BYTES + 5,
          seconds: expect.any(Number),
        },
      },
    ],
  });
  expect(readFileSync(join(to, "folder", "small file"), "utf8")).toBe("small");
  expect(agent.log).toMatch(/START \S+: +\d+ +\d+% .*\n/);

  rmSync(join(from, "large"));
  writeFileSync(join(from, "new"), "new");
  expect(await send("SYNC")).toMatchObject({
    state: "succeeded",
    reports: [{ result_detail: { files: 2, files_copied: 1, bytes: 8, bytes_copied: 3 } }],
  });
  expect(readdirSync(to).sort()).toEqual(["folder", "new"]);

  const { reports, id } = await send("UPLOAD_LOG");
  const file = `ferry-agent-${id}.tar.gz`;
  expect(reports).toMatchObject([{ result: "success", result_detail: { file } }]);
  const env = cleanEnvironment(agent.folder.path);
  const listed = await run(["tar", "-tzf", join(logs, file)], { cwd: agent.folder.path, env });
  expect(listed.stdout).toContain("./journal.json\n");
});

testWithRsync(
  "STOP ends a copy, the next START goes on from there, DELETE clears what was never finished",
  async () => {
    const { agent, source_id, to, slow, send, underWay } = await copying("10m");
    const start = await ferry.queue(source_id);
    await waitUntil(underWay, "the copy", 30_000);
    expect(await send("STOP")).toMatchObject({ state: "succeeded", reports: [{ result_detail: { copying: false } }] });
    expect(await ferry.command(start.id)).toMatchObject({
      reports: [{ result: "fail", result_detail: { ferry_agent: { ended_by: "STOP" } } }],
    });
    const partial = join(to, ".ferry-partial", "large");
    expect(statSync(partial).size).toBeGreaterThan(0);
    expect(underWay()).toBe(false);
    expect(await send("DELETE")).toMatchObject({ reports: [{ result_detail: { partial_folders_removed: 1 } }] });
    expect(existsSync(partial)).toBe(false);

    rmSync(join(slow, "rsync"));
    expect(await send("START")).toMatchObject({ state: "succeeded" });
    expect(statSync(join(to, "large")).size).toBe(LARGE_BYTES);
    expect(agent.log).not.toContain("rsync error: some files");
  },
);

testWithRsync(
  "kill -9 of the agent in mid-copy: the next start ends that rsync and goes on with its part",
  async () => {
    const { agent, source_id, to, slow, underWay } = await copying("10m");
    const { id } = await ferry.queue(source_id);
    await waitUntil(underWay, "the copy", 30_000);
    await agent.kill();
    rmSync(join(slow, "rsync"));
    agent.start("5");
    await agent.untilLogged("an earlier run has left processes behind");
    expect(await untilEnded(ferry, id)).toMatchObject({
      state: "succeeded",
      reports: [{ result_detail: { ferry_agent: { exit_code: 0 } } }],
    });
    expect(readdirSync(to).sort()).toEqual(["folder", "large"]);
  },
);

test.each(["START", "UPLOAD_LOG"])("%s says what it has to be told", async (name) => {
  const source_id = await ferry.registerSource();
  const agent = new TestAgent(ferry.signedIn, ["--server-id", source_id, "--hooks", hooks]);
  agent.start();
  const { reports } = await untilEnded(ferry, (await ferry.queue(source_id, { command_name: name })).id);
  expect(reports).toMatchObject([
    { result: "fail", result_detail: { ferry_agent: { error_tail: expect.stringContaining("set it to the folder") } } },
  ]);
});

testWithShellcheck("they have nothing shellcheck would mend", async () => {
  const files = readdirSync(hooks).map((name) => join(hooks, name));
  const { path } = temporaryFolder();
  const checked = await run(["shellcheck", ...files], { cwd: path, env: cleanEnvironment(path) });
  expect(checked).toEqual({ code: 0, stdout: "", stderr: "" });
});
