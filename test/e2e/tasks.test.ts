import { afterAll, beforeAll, expect, test } from "bun:test";
import { dirname } from "node:path";
import { exitCodes } from "../../src/cli/failure.ts";
import { TestAgent } from "./agent-process.ts";
import { endAll, executable, Ferry } from "./executable.ts";

/* A migration by ferry alone: tasks from the command line, carried out by ferry's agent. */

afterAll(endAll);

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});

async function migrating(name: string, hooks: Record<string, string>) {
  const source_id = await ferry.registerSource(name);
  const agent = new TestAgent({ ...ferry.signedIn, PATH: `${dirname(executable)}:${process.env.PATH}` }, [
    "--server-id",
    source_id,
  ]);
  for (const [command, script] of Object.entries(hooks)) agent.hook(command, script);
  agent.start();
  const created = await ferry.cli(["task", "create", name]);
  expect([created.code, created.stderr]).toEqual([0, expect.stringContaining("ferry task start")]);
  return { agent, source_id, task_id: created.stdout.trim() };
}

test("create, start, progress, wait, synchronise, delete", async () => {
  const { agent, task_id } = await migrating("web-1", {
    START: `ferry progress "$FERRY_TASK_ID" MIGRATE_LINUX_FILE 40 --copied 4096 --total 10240 --speed 12
            touch "$T/told"; while [ -d "$T" ] && [ ! -e "$T/go" ]; do sleep 0.05; done`,
    SYNC: "exit 0",
    DELETE: 'touch "$T/deleted"',
  });
  const start = await ferry.cli(["task", "start", "web-1"]);
  expect([start.code, start.stderr]).toEqual([0, `start: task ${task_id} is RUNNING, its source initialize\n`]);
  await agent.untilMarked("told");
  const [row] = (await ferry.cli(["task", "list"])).stdout.split("\n");
  expect(row?.split("\t").slice(0, 6)).toEqual([
    task_id,
    "MigrationTask",
    expect.any(String),
    "RUNNING",
    "initialize",
    "MIGRATE_LINUX_FILE 40 %",
  ]);
  const early = await ferry.cli(["task", "wait", "web-1", "--timeout", "0"]);
  expect([early.code, early.stderr]).toEqual([exitCodes.timedOut, expect.stringContaining("still RUNNING after 0 s")]);

  const waiting = ferry.cli(["task", "wait", "web-1", "--timeout", "60", "--json"]);
  agent.say("go");
  const waited = await waiting;
  expect([waited.code, JSON.parse(waited.stdout).state]).toEqual([0, "MIGRATE_SUCCESS"]);
  expect(waited.stderr).toContain(`task ${task_id} is MIGRATE_SUCCESS`);
  await agent.untilLogged(`task ${task_id}: finished`);

  await ferry.cli(["task", "start", task_id]);
  const synchronised = await ferry.cli(["task", "wait", task_id, "--for", "SYNC_SUCCESS", "--timeout", "60"]);
  expect([synchronised.code, synchronised.stdout]).toEqual([0, ""]);

  const refused = await ferry.cli(["task", "stop", "web-1"]);
  expect([refused.code, refused.stderr]).toEqual([
    exitCodes.refused,
    expect.stringContaining("stop is not allowed now; allowed: start, migration_test"),
  ]);
  const removed = await ferry.cli(["task", "delete", "web-1"]);
  expect([removed.code, removed.stderr]).toEqual([0, `deleted task ${task_id}\n`]);
  await agent.untilMarked("deleted");
  expect((await ferry.cli(["task", "show", "web-1"])).code).toBe(exitCodes.notFound);
}, 120_000);

test("a task that fails ends the wait with what the agent said", async () => {
  await migrating("web-2", { START: `echo '{"error_code":"SMS.0805","error_msg":"partition copy"}'; exit 1` });
  await ferry.cli(["task", "start", "web-2"]);
  const { code, stderr } = await ferry.cli(["task", "wait", "web-2", "--timeout", "60"]);
  expect([code, stderr]).toEqual([
    exitCodes.failed,
    expect.stringContaining("task web-2 is MIGRATE_FAIL (SMS.0805: partition copy), not MIGRATE_SUCCESS or"),
  ]);
}, 90_000);

test("a stopped task is told to its agent, and can be started anew", async () => {
  const { agent, task_id } = await migrating("web-3", {
    START: 'touch "$T/begun"; while [ -d "$T" ] && [ ! -e "$T/go" ]; do sleep 0.05; done',
    STOP: "exit 0",
  });
  await ferry.cli(["task", "start", "web-3"]);
  await agent.untilMarked("begun");
  await ferry.cli(["task", "stop", "web-3"]);
  const stopped = await ferry.cli(["task", "wait", "web-3", "--for", "ABORT", "--timeout", "60"]);
  expect([stopped.code, stopped.stderr]).toEqual([0, expect.stringContaining(`task ${task_id} is ABORT`)]);
  agent.say("go");
  await ferry.cli(["task", "restart", "web-3"]);
  expect((await ferry.cli(["task", "wait", "web-3", "--timeout", "60"])).code).toBe(0);
}, 90_000);
