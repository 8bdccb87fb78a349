import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Caller, type Ferry, poll, queue, register, type Sent, startFerry } from "../harness.ts";

/*
 * Polls and reports are answered in a lane of their own, unless the path has an escape: the same request both ways has to
 * come to the same.
 */

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const report = { command_name: "START", result: "success", result_detail: { n: 1 } };

const scenarios: [name: string, as: Caller, method: string, rest: string, sent?: Sent][] = [
  ["a poll", "agent", "GET", "command"],
  ["a poll that would wait", "agent", "GET", "command?wait=0"],
  ["a poll by one who may not", "viewer", "GET", "command"],
  ["a poll of another account", "foreign", "GET", "command"],
  ["a poll by nobody", null, "GET", "command"],
  ["a poll with a wrong query", "agent", "GET", "command?wait=56"],
  ["a poll with a query twice", "agent", "GET", "command?wait=1&wait=2"],
  ["a poll that names another project", "agent", "GET", "command", { headers: { "x-project-id": "f".repeat(32) } }],
  ["a head", "agent", "HEAD", "command"],
  ["a method there is none for", "agent", "PUT", "command", { body: {} }],
  ["a report on nothing", "agent", "POST", "command_result", { body: report }],
  ["a report that is a poll", "agent", "GET", "command_result"],
  ["a report without a body", "agent", "POST", "command_result"],
  ["a report that is no JSON", "agent", "POST", "command_result", { text: "{" }],
  [
    "a report of another type",
    "agent",
    "POST",
    "command_result",
    { text: "a", headers: { "content-type": "text/plain" } },
  ],
  ["a report with a member missing", "agent", "POST", "command_result", { body: { command_name: "START" } }],
  ["a report by one who may not", "viewer", "POST", "command_result", { body: report }],
  [
    "a report for an unknown command",
    "agent",
    "POST",
    "command_result",
    { body: report, headers: { "x-command-id": "x" } },
  ],
];

/** Any id, its first character escaped: a signature over either holds. */
const escaped = (id: string) => `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`;

interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

async function answer(as: Caller, method: string, path: string, sent?: Sent): Promise<Answer> {
  const response = await ferry.send(as, method, path, sent);
  const headers = Object.fromEntries(response.headers);
  const { "x-request-id": request_id = "" } = headers;
  expect(request_id).not.toBe("");
  const text = await response.text();
  return {
    status: response.status,
    headers: { ...headers, "x-request-id": "-" },
    text: text.replaceAll(request_id, "-"),
  };
}

describe("the lane and the routes", () => {
  for (const [name, as, method, rest, sent] of scenarios) {
    test(`answer alike: ${name}`, async () => {
      const id = await register(ferry);
      const usual = await answer(as, method, `/v3/sources/${escaped(id)}/${rest}`, sent);
      expect(await answer(as, method, `/v3/sources/${id}/${rest}`, sent)).toEqual(usual);
    });
  }

  test("answer alike for a source there is none of", async () => {
    const id = "00000000-0000-7000-8000-00000000ffff";
    for (const rest of ["command", "command_result"]) {
      const method = rest === "command" ? "GET" : "POST";
      const sent = method === "POST" ? { body: report } : {};
      const usual = await answer("agent", method, `/v3/sources/${escaped(id)}/${rest}`, sent);
      expect([usual.status, await answer("agent", method, `/v3/sources/${id}/${rest}`, sent)]).toEqual([404, usual]);
    }
  });

  test("offer the same command, one delivery after the other, and take its report", async () => {
    const id = await register(ferry);
    const command_id = await queue(ferry, id, "START");
    const first = await answer("agent", "GET", `/v3/sources/${id}/command`);
    const second = await answer("agent", "GET", `/v3/sources/${escaped(id)}/command`);
    expect(first.headers).toMatchObject({ "x-command-id": command_id, "x-command-attempt": "1" });
    expect(second).toEqual({ ...first, headers: { ...first.headers, "x-command-attempt": "2" } });
    const took = await answer("agent", "POST", `/v3/sources/${id}/command_result`, { body: report });
    const repeated = await answer("agent", "POST", `/v3/sources/${escaped(id)}/command_result`, { body: report });
    expect([took.status, repeated]).toEqual([200, took]);
    const kinds = await ferry.rows(
      "SELECT kind FROM results WHERE source_seq = (SELECT seq FROM sources WHERE id = ?)",
      id,
    );
    expect(kinds.map(({ kind }) => kind)).toEqual(["matched", "repeat"]);
    expect((await poll(ferry, id)).json).toEqual({ command_name: "TASK_NOT_STARTED" });
  });
});
