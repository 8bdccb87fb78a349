import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { Clock } from "../../demo/clock.ts";
import { type Fleet, startFleet } from "../../demo/fleet.ts";
import { Line } from "../../demo/line.ts";
import { type DemoService, startService, USER } from "../../demo/service.ts";
import { taskStates } from "../../src/core/words.ts";
import { shownSourceStates } from "../../src/sources/schema.ts";

/* The demo on a service of its own, many times as fast as life. */

const SOURCES = 24;
const SPEED = 40;
const DEADLINE_MS = 50_000;
const LOOK_EVERY_MS = 200;

/** The test's own: its calls go on when those of the demo have ended. */
const watch = new Clock(1);
const clock = new Clock(SPEED);
let service: DemoService;
let line: Line;
let fleet: Fleet;
beforeAll(async () => {
  service = await startService({ port: 0 }, watch);
  line = new Line(service.operator, watch);
  fleet = await startFleet({ sources: SOURCES, seed: 1, agents: service.agents, operator: service.operator, clock });
});
afterAll(async () => {
  clock.end();
  if (existsSync(service.folder)) await service.stop();
});

const sources = async () =>
  (await line.ask((client, options) => client.v3.sources.$get({ query: {} }, options))).body.source_servers;

/** What the events that were written after the last look tell of states. */
function eventReader() {
  let cursor: string | undefined;
  return async (): Promise<string[]> => {
    const query = { order: "oldest" as const, limit: "1000", ...(cursor !== undefined && { cursor }) };
    const { body } = await line.ask((client, options) => client.operate.v1.events.$get({ query }, options));
    const last = body.items.at(-1);
    if (last) cursor = String(last.id);
    return body.items.flatMap(({ type, data }) => {
      if (type === "task.moved") return [`task ${data.state}`, `source ${data.source_state}`];
      if (type === "source.moved") return [`source ${data.state}`];
      if (type === "task.created") return ["task READY"];
      if (type === "command.reported") return [`report ${data.result ?? "success"}`];
      return [type];
    });
  };
}

test("every state that can be reached is reached", async () => {
  const expected = new Set([
    ...shownSourceStates.map((state) => `source ${state}`),
    // No action leads to these two.
    ...taskStates.filter((state) => state !== "DELETING" && state !== "RESETING").map((state) => `task ${state}`),
    "report fail",
    "report success",
    "command.overdue",
    "command.undelivered",
    "task.deleted",
    "late report",
    "redelivery that succeeded",
  ]);
  const read = eventReader();
  const until = Date.now() + DEADLINE_MS;
  while (expected.size > 0 && Date.now() < until) {
    for (const seen of await read()) expected.delete(seen);
    for (const { state } of await sources()) expected.delete(`source ${state}`);
    const late = { kind: "late" as const };
    const { body: results } = await line.ask((client, options) =>
      client.operate.v1.results.$get({ query: late }, options),
    );
    if (results.items.length > 0) expected.delete("late report");
    const succeeded = { state: "succeeded" as const, limit: "1000" };
    const { body: commands } = await line.ask((client, options) =>
      client.operate.v1.commands.$get({ query: succeeded }, options),
    );
    if (commands.items.some(({ attempts }) => attempts > 1)) expected.delete("redelivery that succeeded");
    await Bun.sleep(LOOK_EVERY_MS);
  }
  expect([...expected]).toEqual([]);
});

test("there is one source for each machine, with its task where its part has one", async () => {
  const registered = await sources();
  const names = (of: readonly { name: string }[]) => of.map(({ name }) => name).sort();
  expect(names(registered)).toEqual(names(fleet.machines.map(({ registration }) => registration)));
  const roleOf = new Map(fleet.machines.map(({ role, registration }) => [registration.name, role]));
  for (const { name, current_task, connected } of registered) {
    const role = roleOf.get(name);
    if (role === "waiting" || role === "unfit" || role === "silent")
      expect([role, current_task?.id]).toEqual([role, undefined]);
    if (role === "silent") expect(connected).toBe(false);
  }
});

test("a source that was deleted under it does not stop the rest", async () => {
  const machine = fleet.machines.find(({ role }) => role === "waiting");
  const victim = (await sources()).find(({ name }) => name === machine?.registration.name);
  const param = { source_id: victim?.id ?? "" };
  await line.ask((client, options) => client.v3.sources[":source_id"].$delete({ param }, options));
  const read = eventReader();
  await read();
  const moves = new Set<string>();
  for (const until = Date.now() + 10_000; moves.size < 3 && Date.now() < until; await Bun.sleep(LOOK_EVERY_MS))
    for (const seen of await read()) if (seen.startsWith("task ")) moves.add(seen);
  expect(moves.size).toBeGreaterThan(2);
});

test("the user it names can sign in, as operator", async () => {
  const user = { name: USER.name, password: USER.password, domain: { name: "default" } };
  const identity = { methods: ["password"], password: { user } };
  const response = await fetch(`${service.endpoint}/v3/auth/tokens`, {
    method: "POST",
    body: JSON.stringify({ auth: { identity } }),
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(201);
  const token = response.headers.get("x-subject-token") ?? "";
  const status = async (path: string) =>
    (await fetch(`${service.endpoint}${path}`, { headers: { "x-auth-token": token } })).status;
  expect([await status("/v3/sources"), await status("/operate/v1/users")]).toEqual([200, 403]);
});

test("a second fleet takes the same sources up again, and leaves one of the same name alone that is no demo's", async () => {
  clock.end();
  await fleet.over;
  const before = await sources();
  const [machine] = fleet.machines;
  const name = machine?.registration.name ?? "";
  const json = { ...machine?.registration, agent_version: "6.0", ip: "192.0.2.77" };
  const { body: other } = await line.ask((client, options) => client.v3.sources.$post({ json }, options));
  const again = new Clock(SPEED);
  const { agents, operator } = service;
  const second = await startFleet({ sources: SOURCES, seed: 1, agents, operator, clock: again });
  again.end();
  await second.over;
  const after = await sources();
  // The one that was deleted is registered anew.
  expect(after.length).toBe(SOURCES + 1);
  expect(before.filter(({ id }) => !after.some((source) => source.id === id))).toEqual([]);
  const { body: kept } = await line.ask((client, options) =>
    client.v3.sources[":source_id"].$get({ param: { source_id: other.id } }, options),
  );
  expect([kept.name, kept.agent_version, kept.ip]).toEqual([name, "6.0", "192.0.2.77"]);
});

test("at its end a folder of its own is gone", async () => {
  expect(existsSync(service.folder)).toBe(true);
  await service.stop();
  expect(existsSync(service.folder)).toBe(false);
});
