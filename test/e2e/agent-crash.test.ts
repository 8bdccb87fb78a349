import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { isAlive, TestAgent, untilEnded } from "./agent-process.ts";
import { endAll, Ferry, testUnless, waitUntil } from "./executable.ts";

/*
 * The agent's promise: a crash or a lost reply never runs a command twice without the hook being told, and a finished
 * command that was not reported is only reported.
 */

afterAll(endAll);

const testOnLinux = testUnless(process.platform === "linux" ? undefined : "no /proc to look for processes in");

/** Ends when it is told to; says whether the run before it is still there. */
const WORKS = `tail -n 2 "$T/START.pids" | head -n 1 | while read -r before; do
    [ "$before" = $$ ] || ! grep -q 'State:.[^ZX]' "/proc/$before/status" || touch "$T/overlap"
  done
  touch "$T/runs"; while [ -d "$T" ] && ! [ -e "$T/go" ]; do sleep 0.05; done; echo '{"pid":4117}'`;

const AT_LEAST_2 = expect.stringMatching(/^([2-9]|\d{2,})$/);

/**
 * A TCP proxy with one address for an instance that comes back at another one. It can lose the reply to the next GET or
 * POST: the instance has sent it, the agent does not get it.
 */
function proxyTo(ferry: Ferry) {
  interface Way {
    upstream: Promise<Bun.Socket<undefined> | undefined>;
    method: string;
  }
  const state = { lose: "", lost: 0 };
  const server = Bun.listen<Way>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(client) {
        const { hostname, port } = new URL(ferry.url);
        const upstream = Bun.connect({
          hostname,
          port: Number(port),
          socket: {
            data(_, bytes) {
              if (client.data.method !== state.lose) return void client.write(bytes);
              state.lose = "";
              state.lost += 1;
              client.terminate();
            },
            close: () => void client.end(),
          },
        }).catch(() => {
          client.end();
          return undefined;
        });
        client.data = { upstream, method: "" };
      },
      async data(client, bytes) {
        const method = /^(GET|POST) /.exec(bytes.toString("latin1"))?.[1];
        if (method) client.data.method = method;
        (await client.data.upstream)?.write(bytes);
      },
      close: async (client) => void (await client.data.upstream)?.end(),
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, state, stop: () => server.stop(true) };
}

async function startBehindProxy(hooks: Record<string, string>) {
  const ferry = await Ferry.start();
  const proxy = proxyTo(ferry);
  const { agent, source_id } = await TestAgent.start(ferry, hooks, proxy.url);
  await agent.untilLogged("agent of source");
  return { ferry, proxy, agent, source_id };
}

const kindsOf = async (ferry: Ferry, id: string) => (await ferry.results(`?command_id=${id}`)).map(({ kind }) => kind);

describe("kill -9 of the agent", () => {
  testOnLinux("while a hook runs: what is left of it is ended before it runs again, and it is told", async () => {
    const ferry = await Ferry.start();
    const { agent, source_id } = await TestAgent.start(ferry, {
      // Neither SIGTERM nor another session takes it out of sight.
      START: `trap '' TERM PIPE; setsid sh -c 'echo $$ >>"$T/strays"; trap "" TERM; while [ -d "$T" ]; do sleep 0.1; done' &
              ${WORKS}`,
    });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("strays", 1);
    await agent.untilMarked("runs");
    const before = [...agent.lines("START.pids"), ...agent.lines("strays")];
    await agent.kill();
    expect(before.map(isAlive)).toEqual([true, true]);

    agent.start();
    await agent.untilMarked("START.runs", 2);
    expect(before.map(isAlive)).toEqual([false, false]);
    expect(agent.log).toContain("an earlier run has left processes behind");
    agent.say("go");
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded", reports: [{ kind: "matched" }] });
    expect(agent.lines("START.runs")).toEqual(["1", AT_LEAST_2]);
    expect(agent.lines("overlap")).toEqual([]);
    for (const pid of agent.lines("strays").filter(isAlive)) process.kill(Number(pid), "SIGKILL");
  });

  testOnLinux(
    "while a hook runs, and its source is at a STOP by then: the hook is ended, and not run again",
    async () => {
      const ferry = await Ferry.start();
      const { agent, source_id } = await TestAgent.start(ferry, { START: WORKS, STOP: "echo '{}'" });
      const start = await ferry.queue(source_id);
      await agent.untilMarked("runs");
      await agent.kill();
      const stop = await ferry.queue(source_id, { command_name: "STOP" });
      agent.start();
      expect(await untilEnded(ferry, stop.id)).toMatchObject({ state: "succeeded" });
      expect(isAlive(agent.lines("START.pids")[0] ?? "")).toBe(false);
      expect([agent.lines("START.runs"), agent.lines("STOP.runs")]).toEqual([["1"], ["1"]]);
      expect((await ferry.command(start.id)).state).toBe("superseded");
    },
  );

  test("between the end of the hook and its report: it is only reported", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: WORKS });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    await ferry.kill();
    agent.say("go");
    await waitUntil(() => readFileSync(agent.journal, "utf8").includes('"report"'), "the result in the journal");
    await agent.kill();
    await ferry.start();
    expect(await ferry.command(id)).toMatchObject({ state: "delivered", reports: [] });

    agent.start();
    expect(await untilEnded(ferry, id)).toMatchObject({
      state: "succeeded",
      reports: [{ result_detail: { pid: 4117 } }],
    });
    await agent.untilLogged("reported");
    expect(agent.lines("START.runs")).toEqual(["1"]);
    expect(JSON.parse(readFileSync(agent.journal, "utf8")).commands).toMatchObject([
      { command_id: id, reported: true },
    ]);
    proxy.stop();
  });

  test("again and again, at any moment: no run of a command but the first says that it is the first", async () => {
    const ferry = await Ferry.start();
    const { agent, source_id } = await TestAgent.start(ferry, { START: `sleep 0.05; echo '{}'` });
    let runs = 0;
    for (let round = 0; round < 25; round += 1) {
      const { id } = await ferry.queue(source_id);
      await Bun.sleep(Math.random() * 120); // anywhere between the poll and the report
      await agent.kill();
      agent.start();
      await untilEnded(ferry, id);
      const attempts = agent.lines("START.runs").slice(runs);
      runs += attempts.length;
      expect({ round, more: attempts.slice(1).filter((attempt) => attempt === "1") }).toEqual({ round, more: [] });
      expect(attempts.length).toBeLessThan(3);
      expect(await kindsOf(ferry, id)).toContain("matched");
    }
    console.log(`25 commands, 25 kills, ${runs} runs`);
  });
});

describe("kill -9 of the service", () => {
  test("while a poll waits: the command queued after the restart is run, once", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: "echo '{}'" });
    await waitUntil(
      async () => (await ferry.ask<{ connected: boolean }>("GET", `/v3/sources/${source_id}`)).connected,
      "the poll",
    );
    await ferry.kill();
    await agent.untilLogged("; trying again");
    await ferry.start();
    const { id } = await ferry.queue(source_id);
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded" });
    expect(agent.lines("START.runs")).toEqual(["1"]);
    expect(agent.log).toContain("answers again");
    proxy.stop();
  });

  test("while a hook runs: it goes on, and is reported to the next one; the outage is logged once", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: WORKS });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    await ferry.kill();
    await agent.untilLogged("; trying again");
    agent.say("go");
    await agent.untilLogged("success");
    await ferry.start();
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded", reports: [{ kind: "matched" }] });
    await agent.untilLogged("reported");
    expect(agent.lines("START.runs")).toEqual(["1"]);
    expect(agent.log.match(/trying again/g)).toHaveLength(1);
    expect(agent.log.match(/answers again/g)).toHaveLength(1);
    proxy.stop();
  });

  test("right after it has stored a report: the report is repeated, nothing else", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: WORKS });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    proxy.state.lose = "POST";
    agent.say("go");
    await waitUntil(() => proxy.state.lost === 1, "the loss");
    await ferry.kill();
    await ferry.start();
    await agent.untilLogged("reported");
    expect((await ferry.command(id)).state).toBe("succeeded");
    expect(await kindsOf(ferry, id)).toEqual(["repeat", "matched"]);
    expect(agent.lines("START.runs")).toEqual(["1"]);
    proxy.stop();
  });
});

describe("a lost reply", () => {
  test("to a poll: the command is run once, and its hook told that it may have been run", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: "echo '{}'" });
    proxy.state.lose = "GET";
    const { id } = await ferry.queue(source_id);
    expect(await untilEnded(ferry, id)).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(proxy.state.lost).toBe(1);
    expect(agent.lines("START.runs")).toEqual(["2"]);
    proxy.stop();
  });

  test("to a report: it is repeated, the command not", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: WORKS });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    proxy.state.lose = "POST";
    agent.say("go");
    await agent.untilLogged("reported");
    expect(await kindsOf(ferry, id)).toEqual(["repeat", "matched"]);
    expect(agent.lines("START.runs")).toEqual(["1"]);
    expect(existsSync(agent.mark("overlap"))).toBe(false);
    proxy.stop();
  });

  test("to a report, and then kill -9 of the agent: the same", async () => {
    const { ferry, proxy, agent, source_id } = await startBehindProxy({ START: WORKS });
    const { id } = await ferry.queue(source_id);
    await agent.untilMarked("runs");
    proxy.state.lose = "POST";
    agent.say("go");
    await waitUntil(() => proxy.state.lost === 1, "the loss");
    await agent.kill();
    agent.start();
    await agent.untilLogged("reported");
    expect(await kindsOf(ferry, id)).toEqual(["repeat", "matched"]);
    expect(agent.lines("START.runs")).toEqual(["1"]);
    proxy.stop();
  });
});

describe("something on the way that answers reports in the service's place", () => {
  /** A proxy that answers reports itself while there is an `answer`. */
  function answering(ferry: Ferry) {
    const state: { answer: (() => Response) | undefined; reported: string[] } = { answer: undefined, reported: [] };
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 120,
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        const isReport = pathname.endsWith("/command_result");
        const body = request.method === "GET" ? undefined : await request.text();
        if (isReport) state.reported.push(JSON.parse(body ?? "").command_name);
        if (isReport && state.answer) return state.answer();
        const { method, headers, signal } = request;
        return fetch(`${ferry.url}${pathname}${search}`, { method, headers, signal, ...(body && { body }) });
      },
    });
    return { url: server.url.origin, state, stop: () => server.stop(true) };
  }

  const forbidden = () => Response.json({ error_code: "SMS.9004", error_msg: "no" }, { status: 403 });
  const elsewhere = () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:9/" } });
  const page = () => new Response("<html>blocked</html>", { status: 400, headers: { "content-type": "text/html" } });
  const refusal = () => Response.json({ error_code: "SMS.8001", error_msg: "no" }, { status: 400 });
  const swallowed = () => Response.json({});

  test.each([
    ["with 403", forbidden],
    ["with a redirect", elsewhere],
    ["with a page", page],
    ["with a refusal", refusal],
    ["as if it had been taken", swallowed],
  ])("%s: the hook is not run again, a STOP is heard, and the report arrives in the end", async (_how, answer) => {
    const ferry = await Ferry.start();
    const proxy = answering(ferry);
    proxy.state.answer = answer;
    const hooks = { START: "echo '{}'", STOP: "echo '{}'" };
    const { agent, source_id } = await TestAgent.start(ferry, hooks, proxy.url);
    const { id } = await ferry.queue(source_id);
    await waitUntil(() => proxy.state.reported.includes("START"), "the first report");
    await waitUntil(async () => (await ferry.command(id)).attempts >= 3, "further offers", 20_000);
    expect(agent.lines("START.runs")).toEqual(["1"]);
    const stop = await ferry.queue(source_id, { command_name: "STOP" });
    await waitUntil(() => proxy.state.reported.includes("STOP"), "the STOP", 20_000);
    proxy.state.answer = undefined;
    agent.signal("SIGTERM");
    await agent.ended;
    agent.start();
    expect(await untilEnded(ferry, stop.id)).toMatchObject({ state: "succeeded" });
    expect(agent.lines("START.runs")).toEqual(["1"]);
    expect(agent.lines("STOP.runs")).toEqual(["1"]);
    agent.signal("SIGTERM");
    await agent.ended;
    proxy.stop();
  });
});
