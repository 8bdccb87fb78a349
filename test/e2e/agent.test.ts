import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { exitCodes } from "../../src/cli/failure.ts";
import type { Result } from "../../src/commands/schema.ts";
import { isAlive, TestAgent, untilEnded } from "./agent-process.ts";
import { cleanEnvironment, endAll, executable, Ferry, startProgram, testUnless, waitUntil } from "./executable.ts";

afterAll(endAll);

const testOnLinux = testUnless(process.platform === "linux" ? undefined : "no /proc to look for processes in");

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});

const detailOf = ({ reports: [report] }: { reports: Result[] }) =>
  report?.result_detail as { ferry_agent: Record<string, unknown> };

describe("a hook", () => {
  test("gets the command as JSON and in its environment; what it prints comes back exactly", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      SYNC: `cat >"$T/stdin"; env >"$T/environment"
             printf 'half \\033[2Jdone\\r 100%%\\n' >&2
             echo copying; echo ' { "big" : 12345678901234567890, "one": 1.0, "none":null } '`,
    });
    agent.env.FERRY_BUCKET = "of another command";
    const { id } = await ferry.queue(source_id, { command_name: "SYNC", command_param: { task_id: "task-1" } });
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded", attempts: 1 });

    const shown = (await ferry.cli(["command", "show", id])).stdout;
    expect(shown).toMatch(
      /matched {2}success {2}\{"big":12345678901234567890,"one":1.0,"none":null,"ferry_agent":\{"attempt":1,"exit_code":0,"duration_ms":\d+\}\}\n/,
    );
    const command_param = { task_id: "task-1" };
    expect(JSON.parse(agent.lines("stdin").join("\n"))).toEqual({
      server_id: source_id,
      command_id: id,
      command_name: "SYNC",
      command_param,
      attempt: 1,
    });
    const environment = agent.lines("environment");
    for (const line of [
      `FERRY_SERVER_ID=${source_id}`,
      `FERRY_COMMAND_ID=${id}`,
      "FERRY_COMMAND_NAME=SYNC",
      "FERRY_ATTEMPT=1",
      "FERRY_TASK_ID=task-1",
    ]) {
      expect(environment).toContain(line);
    }
    expect(agent.log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z SYNC \S+: {3}half \\u\{1b\}\[2Jdone$/m);
    expect(agent.log).toContain("  100%\n");
  });

  test("is not told the parameters of another command", async () => {
    const source_id = await ferry.registerSource();
    const agent = new TestAgent(ferry.signedIn, ["--server-id", source_id]);
    agent.env = { ...agent.env, FERRY_BUCKET: "of another", FERRY_TASK_ID: "of another" };
    agent.hook("UPLOAD_LOG", `env >"$T/environment"`);
    agent.start();
    const { id } = await ferry.queue(source_id, { command_name: "UPLOAD_LOG", command_param: { bucket: "logs" } });
    await untilEnded(ferry, id);
    expect(agent.lines("environment").filter((line) => /FERRY_(TASK_ID|BUCKET)/.test(line))).toEqual([
      "FERRY_BUCKET=logs",
    ]);
  });

  const failures = [
    {
      title: "that fails",
      script: "echo words; echo why >&2; exit 3",
      facts: { exit_code: 3, error_tail: "why\n", output_tail: "words\n" },
    },
    { title: "that is killed", script: "kill -9 $$", facts: { signal: "SIGKILL" } },
    {
      title: "that fails with an object",
      script: `echo '{"disk":"full"}'; exit 1`,
      detail: { disk: "full" },
      facts: { exit_code: 1 },
    },
    {
      title: "that prints no UTF-8",
      script: `printf '\\377\\000'; exit 1`,
      facts: { exit_code: 1, output_tail: "\ufffd\0" },
    },
  ];
  for (const { title, script, detail = {}, facts } of failures) {
    test(`${title} is reported so`, async () => {
      const { source_id } = await TestAgent.start(ferry, { START: script });
      const ended = await untilEnded(ferry, (await ferry.queue(source_id)).id);
      expect(ended.state).toBe("failed");
      expect(detailOf(ended)).toEqual({
        ...detail,
        ferry_agent: { attempt: 1, duration_ms: expect.any(Number), ...facts },
      });
    });
  }

  const missing = [
    { title: "that is missing", write: () => {}, error_code: "FERRY.HOOK_MISSING" },
    {
      title: "that is not executable",
      write: (agent: TestAgent) => agent.file("START", "#!/bin/sh\n", 0o644),
      error_code: "FERRY.HOOK_NOT_EXECUTABLE",
    },
    {
      title: "that is no program",
      write: (agent: TestAgent) => agent.file("START", "echo\n"),
      error_code: "FERRY.HOOK_NOT_EXECUTABLE",
    },
    {
      title: "whose interpreter is missing",
      write: (agent: TestAgent) => agent.file("START", "#!/no/such/interpreter\n"),
      error_code: "FERRY.HOOK_NOT_EXECUTABLE",
    },
  ];
  for (const { title, write, error_code } of missing) {
    test(`${title} is reported as failed at once`, async () => {
      const { agent, source_id } = await TestAgent.start(ferry, {});
      write(agent);
      const ended = await untilEnded(ferry, (await ferry.queue(source_id)).id);
      expect(ended.state).toBe("failed");
      expect(detailOf(ended)).toEqual({
        error_code,
        error_msg: expect.stringContaining(`${agent.hooks}/START`),
        ferry_agent: { attempt: 1 },
      } as never);
    });
  }

  testOnLinux("that prints very much neither waits nor fills the memory; its last line counts", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `head -c 400000000 /dev/zero | tr '\\0' x; head -c 20000000 /dev/zero | tr '\\0' y >&2; echo; echo '{"a":1.0}'`,
      SYNC: `head -c 30000000 /dev/zero | tr '\\0' x`,
      SKIP: `printf '{"text":"'; head -c 1000000 /dev/zero | tr '\\0' x; echo '"}'`,
    });
    const started = await untilEnded(ferry, (await ferry.queue(source_id)).id);
    expect(started).toMatchObject({ state: "succeeded", reports: [{ result_detail: { a: 1 } }] });
    const synced = await untilEnded(ferry, (await ferry.queue(source_id, { command_name: "SYNC" })).id);
    expect(detailOf(synced).ferry_agent.output_tail).toBe("x".repeat(4096));
    const skipped = await untilEnded(ferry, (await ferry.queue(source_id, { command_name: "SKIP" })).id);
    expect(detailOf(skipped)).toMatchObject({ text: "x".repeat(1_000_000) } as never);
    const peakKiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid}/status`, "utf8"))?.[1]);
    console.log(`the agent's memory was at most ${Math.round(peakKiB / 1024)} MiB`);
    expect(peakKiB).toBeLessThan(320 * 1024);
  });

  test("that reads nothing, and leaves something running that holds its output, does not hold up the agent", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `exec <&-; sleep 600 & echo $! >"$T/left"; echo '{"a":1}'`,
      SYNC: "echo '{}'",
    });
    const started = await untilEnded(ferry, (await ferry.queue(source_id)).id);
    expect(started).toMatchObject({ state: "succeeded", reports: [{ result_detail: { a: 1 } }] });
    await untilEnded(ferry, (await ferry.queue(source_id, { command_name: "SYNC" })).id);
    const [left = ""] = agent.lines("left");
    agent.signal("SIGTERM");
    expect(await agent.ended).toBe(0);
    process.kill(Number(left), "SIGKILL"); // it was left alone, and is there
  });

  test("whose detail the service refuses is reported without it", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `printf '{"deep":'; head -c 400000 /dev/zero | tr '\\0' '['; head -c 400000 /dev/zero | tr '\\0' ']'; echo '}'`,
    });
    const ended = await untilEnded(ferry, (await ferry.queue(source_id)).id);
    expect(ended.state).toBe("succeeded");
    expect(detailOf(ended).ferry_agent).toMatchObject({ exit_code: 0, refused: expect.stringContaining("SMS.8001") });
    expect(agent.lines("START.runs")).toEqual(["1"]);
  });
});

describe("while a hook runs", () => {
  const HANGS = `touch "$T/runs"; sleep 600 & wait`;

  test("a STOP ends it; then the STOP's hook runs", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: HANGS,
      STOP: `kill -0 "$(cat "$T/START.pids")" && touch "$T/both"; echo '{}'`,
    });
    const start = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    const stop = await ferry.queue(source_id, { command_name: "STOP" });
    expect(await untilEnded(ferry, stop.id)).toMatchObject({ state: "succeeded" });
    const started = await ferry.command(start.id);
    expect(started).toMatchObject({ state: "superseded", reports: [{ kind: "late", result: "fail" }] });
    expect(detailOf(started).ferry_agent).toMatchObject({ ended_by: "STOP", signal: "SIGTERM" });
    expect([agent.lines("STOP.runs"), agent.lines("both")]).toEqual([["1"], []]);
  });

  testOnLinux("a DELETE kills what ignores SIGTERM, all of it, before its own hook runs", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `trap '' TERM
              (while [ -d "$T" ]; do sleep 0.1; done) & echo $! >>"$T/stubborn"
              env -i T="$T" PATH="$PATH" sh -c 'trap "" TERM; echo $$ >>"$T/stubborn"; while [ -d "$T" ]; do sleep 0.1; done' &
              setsid sh -c 'trap "" TERM; echo $$ >>"$T/stubborn"; touch "$T/runs"; while [ -d "$T" ]; do sleep 0.1; done' &
              while [ -d "$T" ]; do sleep 0.1; done`,
      DELETE: `for pid in $(cat "$T/stubborn" "$T/START.pids"); do grep -q 'State:.[^ZX]' "/proc/$pid/status" && touch "$T/both"; done; true`,
    });
    const start = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    await untilEnded(ferry, (await ferry.queue(source_id, { command_name: "DELETE" })).id);
    expect(detailOf(await ferry.command(start.id)).ferry_agent).toMatchObject({
      ended_by: "DELETE",
      signal: "SIGKILL",
    });
    expect(agent.lines("stubborn")).toHaveLength(3);
    expect(agent.lines("both")).toEqual([]);
  });

  test("another command waits; the source stays connected", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      UPLOAD_LOG: `touch "$T/runs"; while [ -d "$T" ] && ! [ -e "$T/go" ]; do sleep 0.05; done; touch "$T/over"`,
      START: `[ -e "$T/over" ] || touch "$T/both"`,
    });
    const upload = await ferry.queue(source_id, { command_name: "UPLOAD_LOG" });
    await agent.untilMarked("runs");
    const { last_visit_time: before } = await ferry.ask<{ last_visit_time: number }>("GET", `/v3/sources/${source_id}`);
    const start = await ferry.queue(source_id);
    await agent.untilLogged(`START ${start.id} waits until UPLOAD_LOG ${upload.id} has ended`);
    const source = await ferry.ask<{ last_visit_time: number }>("GET", `/v3/sources/${source_id}`);
    expect(source).toMatchObject({ connected: true });
    expect(source.last_visit_time).toBeGreaterThan(before);
    agent.say("go");
    expect(await untilEnded(ferry, start.id)).toMatchObject({ state: "succeeded" });
    expect((await ferry.command(upload.id)).state).toBe("succeeded");
    expect(agent.lines("both")).toEqual([]);
    expect(agent.lines("START.runs")).not.toEqual(["1"]); // it was offered before: nobody can be certain
  });

  test("its cancellation does not end it, and its end is reported at once, although a poll waits", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `touch "$T/runs"; while [ -d "$T" ] && ! [ -e "$T/go" ]; do sleep 0.05; done; echo '{"a":1}'`,
    });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    await ferry.ask("POST", `/operate/v1/commands/${id}/cancel`);
    // The next poll finds nothing and waits up to 55 s.
    const visits = async () =>
      (await ferry.ask<{ last_visit_time: number }>("GET", `/v3/sources/${source_id}`)).last_visit_time;
    const before = await visits();
    await waitUntil(async () => (await visits()) > before, "the next poll");
    agent.say("go");
    await waitUntil(async () => (await ferry.command(id)).reports.length > 0, "the report", 20_000);
    expect((await ferry.command(id)).reports).toMatchObject([{ kind: "late", result: "success" }]);
  });

  test("its cancellation does not let its report count for no other command", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `touch "$T/runs"; while [ -d "$T" ] && ! [ -e "$T/go" ]; do sleep 0.05; done; echo '{"a":1}'`,
    });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    await ferry.ask("POST", `/operate/v1/commands/${id}/cancel`);
    const next = await ferry.queue(source_id);
    await agent.untilLogged(`START ${next.id} waits`);
    agent.say("go");
    expect(await untilEnded(ferry, next.id)).toMatchObject({ state: "succeeded", reports: [{ kind: "matched" }] });
    expect(await ferry.command(id)).toMatchObject({
      state: "cancelled",
      reports: [{ kind: "late", result: "success" }],
    });
    expect(agent.lines("START.runs")).toHaveLength(2);
  });
});

test("goes on when nobody reads its log any more", async () => {
  const source_id = await ferry.registerSource();
  const agent = new TestAgent(ferry.signedIn, []);
  agent.hook("START", `for line in 1 2 3 4 5; do echo $line >&2; sleep 0.1; done; echo '{}'`);
  const shell = startProgram(
    [
      "sh",
      "-c",
      '{ "$0" "$@" 2>&1 & echo $! >pid; wait $!; echo $? >code; } | head -n 1',
      executable,
      "agent",
      "--hooks",
      agent.hooks,
      "--server-id",
      source_id,
    ],
    { cwd: agent.folder.home, env: cleanEnvironment(agent.folder.path, { T: agent.mark(""), ...agent.env }) },
  );
  await waitUntil(() => shell.printed.stdout.includes("agent of source"), "the first line");
  expect(await untilEnded(ferry, (await ferry.queue(source_id)).id)).toMatchObject({ state: "succeeded" });
  expect(await untilEnded(ferry, (await ferry.queue(source_id)).id)).toMatchObject({ state: "succeeded" });
  process.kill(Number(readFileSync(`${agent.folder.home}/pid`, "utf8")));
  await shell.ended;
  expect(readFileSync(`${agent.folder.home}/code`, "utf8")).toBe("0\n");
});

describe("the agent ends", () => {
  test("at SIGTERM while it waits: 0", async () => {
    const { agent } = await TestAgent.start(ferry, {});
    await agent.untilLogged("agent of source");
    agent.signal("SIGTERM");
    expect(await agent.ended).toBe(0);
    if (process.platform !== "win32") expect(statSync(dirname(agent.journal)).mode & 0o777).toBe(0o700);
  });

  test("at SIGINT while a hook runs: that is ended, not reported, and run again at the next start", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `[ "$FERRY_ATTEMPT" = 1 ] || exit 0; touch "$T/runs"; sleep 600 & wait`,
    });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    agent.signal("SIGINT");
    expect(await agent.ended).toBe(0);
    expect(isAlive(agent.lines("START.pids")[0] ?? "")).toBe(false);
    expect(await ferry.command(id)).toMatchObject({ state: "delivered", reports: [] });
    agent.args = []; // the state folder knows the source
    agent.start();
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded" });
    expect(agent.lines("START.runs")).toEqual(["1", expect.stringMatching(/^([2-9]|\d\d)$/)]);
  });

  test("at the second signal it does not wait for a hook that ignores the first", async () => {
    const source_id = await ferry.registerSource();
    const agent = new TestAgent(ferry.signedIn, ["--server-id", source_id]);
    agent.hook("START", `trap '' TERM; touch "$T/runs"; while [ -d "$T" ]; do sleep 0.1; done`);
    agent.start("600");
    await ferry.queue(source_id);
    await agent.untilMarked("runs");
    agent.signal("SIGTERM");
    agent.signal("SIGTERM");
    agent.signal("SIGINT");
    expect(await agent.ended).toBe(0);
    await waitUntil(() => !isAlive(agent.lines("START.pids")[0] ?? ""), "the hook's end");
  });

  test("when its state folder cannot be written: what it has finished is reported first, and not run again", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, {
      START: `touch "$T/runs"; while [ -d "$T" ] && ! [ -e "$T/go" ]; do sleep 0.05; done`,
    });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    const inTheWay = `${agent.journal}.${agent.pid}.new`;
    mkdirSync(inTheWay);
    agent.say("go");
    expect(await agent.ended).toBe(exitCodes.failed);
    expect(agent.log).toContain("reported from memory");
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded" });
    rmdirSync(inTheWay);
    agent.start();
    await agent.untilLogged("agent of source");
    expect(agent.lines("START.runs")).toEqual(["1"]);
  });

  test("when its source is deleted: 3, and the running hook with it", async () => {
    const { agent, source_id } = await TestAgent.start(ferry, { START: `touch "$T/runs"; sleep 600 & wait` });
    await ferry.queue(source_id);
    await agent.untilMarked("runs");
    await ferry.ask("DELETE", `/v3/sources/${source_id}`);
    expect(await agent.ended).toBe(exitCodes.notFound);
    expect(agent.log).toContain(`remove ferry-agent/journal.json to register`);
    expect(isAlive(agent.lines("START.pids")[0] ?? "")).toBe(false);
    agent.start();
    expect(await agent.ended).toBe(exitCodes.notFound);
  });

  const wrong = [
    { title: "without a source", args: [], code: exitCodes.usage, says: "--register" },
    { title: "with an unknown source", args: ["--server-id", "nobody"], code: exitCodes.notFound, says: "SMS.8004" },
    { title: "without hooks", args: ["--register", "--hooks", "nowhere"], code: exitCodes.usage, says: "nowhere" },
    { title: "with an unknown flag", args: ["--register", "--fast"], code: exitCodes.usage, says: "--fast" },
    {
      title: "with a wrong time",
      args: ["--register", "--kill-after", "soon"],
      code: exitCodes.usage,
      says: "--kill-after",
    },
    {
      title: "with a wrong key",
      args: ["--server-id", "any"],
      env: { FERRY_SECRET_KEY: "wrong" },
      code: exitCodes.notSignedIn,
      says: "401",
    },
  ];
  for (const { title, args, env = {}, code, says } of wrong) {
    test(`at once ${title}: ${code}`, async () => {
      const agent = new TestAgent({ ...ferry.signedIn, ...env }, args);
      agent.start();
      expect(await agent.ended).toBe(code);
      expect(agent.log).toContain(says);
    });
  }

  test("at once with a key that may only read: 5", async () => {
    const { stdout } = await ferry.cli(["key", "create", "--role", "viewer"]);
    const value = (name: string) => new RegExp(`${name}=(\\S+)`).exec(stdout)?.[1] ?? "";
    const key = { FERRY_ACCESS_KEY: value("FERRY_ACCESS_KEY"), FERRY_SECRET_KEY: value("FERRY_SECRET_KEY") };
    const agent = new TestAgent({ ...ferry.signedIn, ...key }, ["--server-id", await ferry.registerSource()]);
    agent.start();
    expect({ code: await agent.ended, log: agent.log }).toMatchObject({
      code: exitCodes.refused,
      log: expect.stringContaining("403"),
    });
  });

  test("at once where another one uses its state folder, also after that one was started again", async () => {
    const { agent } = await TestAgent.start(ferry, {});
    await agent.untilLogged("agent of source");
    await agent.kill();
    agent.start();
    await agent.untilLogged("agent of source");
    const second = await ferry.cli(["agent", "--hooks", agent.hooks, "--state", dirname(agent.journal), "--register"]);
    expect(second).toMatchObject({ code: exitCodes.refused, stderr: expect.stringContaining("another agent uses") });
  });
});

test("--register makes a source once, and updates it at later starts", async () => {
  const agent = new TestAgent(ferry.signedIn, ["--register"]);
  const idSaid = async () => {
    agent.start();
    await agent.untilLogged(/agent of source \S+ at/);
    return /agent of source (\S+)/.exec(agent.log)?.[1] ?? "";
  };
  const id = await idSaid();
  interface Shown {
    connected: boolean;
    checks: { result: string; error_or_warn: string }[];
  }
  const shown = () => ferry.ask<Shown>("GET", `/v3/sources/${id}`);
  await waitUntil(async () => (await shown()).connected, "the first poll");
  const problems = (await shown()).checks.filter(({ result }) => result === "ERROR");
  const saying = problems.map(({ error_or_warn }) => error_or_warn).join("; ");
  expect(/as unavailable: (.*)/.exec(agent.log)?.[1] ?? "").toBe(saying);
  await ferry.ask("PUT", `/v3/sources/${id}`, { name: "renamed" });
  await agent.kill();
  expect(await idSaid()).toBe(id);
  expect(await ferry.ask("GET", `/v3/sources/${id}`)).not.toMatchObject({ name: "renamed" });
  await agent.kill();

  agent.args = ["--server-id", await ferry.registerSource()];
  agent.start();
  expect(await agent.ended).toBe(exitCodes.usage);
  expect(agent.log).toContain(id);

  agent.args = ["--register"];
  await ferry.ask("DELETE", `/v3/sources/${id}`);
  agent.start();
  expect(await agent.ended).toBe(exitCodes.notFound);
  expect(agent.log).toContain("remove ferry-agent/journal.json to register");
});
