import { afterAll, describe, expect, test } from "bun:test";
import { TestAgent } from "./agent-process.ts";
import { endAll, waitUntil } from "./executable.ts";

/* Services and things in between that behave otherwise than ferry does. */

afterAll(endAll);

interface Sent {
  method: string;
  path: string;
  at: number;
  body: { command_name?: string; result?: string; result_detail?: { ferry_agent: Record<string, unknown> } };
}

/** A service whose next answers are given; the last one is given for ever. */
async function agentOf(answers: { GET?: Answer[]; POST?: Answer[] }, hooks: Record<string, string> = {}) {
  const sent: Sent[] = [];
  const idle: Answer = { json: {} };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const text = await request.text();
      const { pathname, search } = new URL(request.url);
      const method = request.method as "GET" | "POST";
      sent.push({ method, path: pathname + search, at: Date.now(), body: text ? JSON.parse(text) : {} });
      const left = answers[method] ?? [];
      const answer = (left.length > 1 ? left.shift() : left[0]) ?? idle;
      return new Response(answer.text ?? JSON.stringify(answer.json), {
        status: answer.status ?? 200,
        headers: { "content-type": "application/json", ...answer.headers },
      });
    },
  });
  const signedIn = { FERRY_ENDPOINT: `http://127.0.0.1:${server.port}`, FERRY_ACCESS_KEY: "A", FERRY_SECRET_KEY: "S" };
  const agent = new TestAgent(signedIn, ["--server-id", "source 1"]);
  for (const [name, script] of Object.entries(hooks)) agent.hook(name, script);
  agent.start();
  const of = (method: string) => sent.filter((one) => one.method === method);
  const until = (method: string, count: number) =>
    waitUntil(() => of(method).length >= count, `${count} ${method}`, 60_000).catch((error) => {
      throw new Error(`${error.message}; the agent says:\n${agent.log}`);
    });
  return { agent, of, until, stop: () => server.stop(true) };
}

interface Answer {
  status?: number;
  json?: object;
  text?: string;
  headers?: Record<string, string>;
}

const offer = (command_name: string, id = "command-1", attempt = "1"): Answer => ({
  json: { command_name },
  headers: { "x-command-id": id, "x-command-attempt": attempt },
});
const idle: Answer = { json: { command_name: "TASK_NOT_STARTED" } };

describe("polls", () => {
  test("are paced where the service does not wait", async () => {
    const { agent, of, until, stop } = await agentOf({ GET: [idle] });
    await until("GET", 3);
    const [first, second, third] = of("GET");
    expect(first?.path).toBe("/v3/sources/source%201/command?wait=55");
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(2_400);
    expect((third?.at ?? 0) - (second?.at ?? 0)).toBeGreaterThan(2_400);
    expect(agent.log).not.toContain("trying");
    stop();
  });

  test("are paced, and logged once, where an unknown command is offered for ever", async () => {
    const { agent, of, until, stop } = await agentOf({ GET: [offer("../START")] }, { START: "" });
    await until("GET", 3);
    const [first, second] = of("GET");
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(2_400);
    expect(agent.log.match(/\.\.\/START/g)).toHaveLength(1);
    expect(agent.lines("START.runs")).toEqual([]);
    expect(of("POST")).toEqual([]);
    stop();
  });

  test("run nothing that has no id", async () => {
    const { agent, until, stop } = await agentOf({ GET: [{ json: { command_name: "START" } }] }, { START: "" });
    await until("GET", 2);
    expect(agent.lines("START.runs")).toEqual([]);
    stop();
  });

  const passing: { title: string; answer: Answer }[] = [
    { title: "503", answer: { status: 503, json: { error_code: "SMS.2007", error_msg: "later" } } },
    { title: "a proxy's page", answer: { text: "<html>sign in</html>" } },
    { title: "a proxy's 404", answer: { status: 404, text: "<html>" } },
    {
      title: "a wrong path's 404",
      answer: { status: 404, json: { error_code: "APIGW.0101", error_msg: "no such path" } },
    },
    { title: "403 once it was let in", answer: { status: 403, json: { error_code: "SMS.9004", error_msg: "no" } } },
    { title: "401 once it was let in", answer: { status: 401, json: { error_code: "APIGW.0301", error_msg: "no" } } },
  ];
  for (const { title, answer } of passing) {
    test(`go on after ${title}, and do not end a hook`, async () => {
      const { agent, until, stop } = await agentOf(
        { GET: [offer("START"), answer, answer, idle] },
        { START: `while [ -d "$T" ] && ! [ -e "$T/go" ]; do sleep 0.05; done; echo '{}'` },
      );
      await agent.untilLogged("answers again");
      expect(agent.log.match(/trying again/g)).toHaveLength(1);
      agent.say("go");
      await until("POST", 1);
      expect(agent.lines("START.runs")).toEqual(["1"]);
      stop();
    });
  }
});

describe("reports", () => {
  test("are repeated until it is ferry that answers", async () => {
    const later = { status: 500, json: { error_code: "SMS.2007", error_msg: "later" } };
    const { agent, of, until, stop } = await agentOf(
      { GET: [offer("START"), idle], POST: [later, { text: "<html>sign in</html>" }, { json: {} }] },
      { START: "echo '{}'" },
    );
    await agent.untilLogged("reported");
    await until("GET", 2);
    expect(of("POST").map(({ body }) => body.result)).toEqual(["success", "success", "success"]);
    expect(agent.lines("START.runs")).toEqual(["1"]);
    stop();
  });

  const refusal = { status: 400, json: { error_code: "SMS.8001", error_msg: "not that" } };
  test("that are refused are sent without their detail, and the command that comes back is not run again", async () => {
    const { agent, of, until, stop } = await agentOf(
      { GET: [offer("START"), offer("START"), offer("START"), idle], POST: [refusal, refusal, { json: {} }] },
      { START: `echo '{"a":1}'` },
    );
    await until("GET", 4);
    const [full, minimal] = of("POST");
    expect(full?.body.result_detail).toMatchObject({ a: 1 } as never);
    expect(Object.keys(minimal?.body.result_detail ?? {})).toEqual(["ferry_agent"]);
    expect(minimal?.body.result_detail?.ferry_agent).toMatchObject({ refused: "not that (SMS.8001)" });
    expect(agent.log).toContain("the report is refused again");
    // Not at once: it was refused a moment ago.
    expect(of("POST")).toHaveLength(2);
    expect(agent.lines("START.runs")).toEqual(["1"]);
    stop();
  });
});
