import { afterEach, beforeEach, expect, test } from "bun:test";
import { type OrderRow, orderGroup } from "../../src/commands/order-group.ts";
import { type Ferry, makeTask, poll, queue, register, startFerry } from "../harness.ts";

/* Orders that are no task's go out in groups. Their rules are held against a model in report-model.test.ts. */

let ferry: Ferry;
let sources: string[] = [];
beforeEach(async () => {
  ferry = await startFerry();
  sources = [];
  for (let index = 0; index < 10; index += 1) sources.push(await register(ferry, `s${index}`));
});
afterEach(() => ferry.stop());

const order = (source_id: string, body: object) =>
  ferry.call("operator", "POST", `/operate/v1/sources/${source_id}/commands`, { body });
const commandsOf = (source_id: string) =>
  ferry.rows(
    "SELECT command_name, commands.state, reason, ended_at FROM commands JOIN sources ON sources.seq = source_seq WHERE sources.id = ? ORDER BY commands.seq",
    source_id,
  );

test("each of many at once supersedes what it should, and its history says so", async () => {
  const { client } = ferry.database;
  for (const [index, source_id] of sources.entries()) {
    await queue(ferry, source_id, index % 2 === 0 ? "UPLOAD_LOG" : "DELETE");
    await queue(ferry, source_id, "START");
    // Of a task, whether there is one or not: nothing without a task ends it.
    await queue(ferry, source_id, "SKIP", { command_param: { task_id: "a task" } });
  }
  await poll(ferry, sources[0] ?? "");
  const batch = client.batch.bind(client);
  let commits = 0;
  client.batch = (...args) => {
    commits += 1;
    return batch(...args);
  };
  const at = ferry.clock.now();
  const deliver_by = at + 5_000;
  const replies = await Promise.all(
    sources.map((source_id, index) =>
      order(source_id, { command_name: index < 8 ? "STOP" : "RSET_LOG_ACL", deliver_by, finish_within_s: index + 1 }),
    ),
  );
  expect(commits).toBeLessThan(5);
  for (const [index, source_id] of sources.entries()) {
    const { status, json } = replies[index] ?? { status: 0, json: {} };
    expect([status, json.source_id, json.source_name]).toEqual([201, source_id, `s${index}`]);
    const shown = await ferry.call("viewer", "GET", `/operate/v1/commands/${json.id}`);
    const { reports: _, ...command } = shown.json;
    expect(json).toEqual(command);
    expect(json).toMatchObject({ state: "queued", attempts: 0, deliver_by, finish_within_s: index + 1 });
    const isControl = index < 8;
    const ended = isControl
      ? { state: "superseded", reason: `by ${json.id}`, ended_at: at }
      : { state: "queued", reason: null, ended_at: null };
    const started = isControl ? ended : { ...ended, state: index === 0 ? "delivered" : "queued" };
    const open = { state: "queued", reason: null, ended_at: null };
    expect(await commandsOf(source_id)).toEqual([
      { command_name: index % 2 === 0 ? "UPLOAD_LOG" : "DELETE", ...open },
      { command_name: "START", ...started },
      { command_name: "SKIP", ...open },
      { command_name: isControl ? "STOP" : "RSET_LOG_ACL", ...open },
    ]);
    const events = await ferry.rows(
      "SELECT type, command_seq = (SELECT seq FROM commands WHERE id = unhex(replace(?, '-', ''))) AS is_new, data, actor, address, at FROM events WHERE source_seq = (SELECT seq FROM sources WHERE id = ?) AND type LIKE 'command.%' ORDER BY seq DESC LIMIT ?",
      json.id,
      source_id,
      isControl ? 2 : 1,
    );
    const doer = { actor: ferry.keys.operator.access_key, address: "192.0.2.7", at };
    const told: unknown = events.reverse().map(({ data, ...event }) => ({ ...event, data: JSON.parse(String(data)) }));
    const superseded = { reason: `by ${json.id}` };
    expect(told).toEqual([
      { type: "command.queued", is_new: 1, data: null, ...doer },
      ...(isControl ? [{ type: "command.superseded", is_new: 0, data: superseded, ...doer }] : []),
    ]);
  }
  // Memory knows what is open, and so does the file.
  const polled = async () => {
    const names: (string | undefined)[] = [];
    for (const source_id of sources) names.push((await poll(ferry, source_id)).json.command_name);
    return names;
  };
  const offered = sources.map((_, index) => (index % 2 === 1 ? "DELETE" : index < 8 ? "SKIP" : "START"));
  expect(await polled()).toEqual(offered);
  await ferry.restart();
  expect(await polled()).toEqual(offered);
});

test("one that cannot be kept is refused, and takes no other with it; nothing of it is left", async () => {
  for (const source_id of sources) await queue(ferry, source_id, "START");
  await ferry.database.client.execute(
    "CREATE TRIGGER refusing BEFORE INSERT ON commands WHEN new.command_name = 'SYNC' BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  const names = sources.map((_, index) => (index === 3 ? "SYNC" : "STOP"));
  const replies = await Promise.all(
    sources.map((source_id, index) => order(source_id, { command_name: names[index] })),
  );
  expect(replies.map(({ status }) => status)).toEqual(names.map((name) => (name === "SYNC" ? 500 : 201)));
  expect((await commandsOf(sources[3] ?? "")).map(({ state }) => state)).toEqual(["queued"]);
  expect((await poll(ferry, sources[3] ?? "")).json.command_name).toBe("START");
  expect(await ferry.rows("SELECT seq FROM events WHERE type = 'command.superseded'")).toHaveLength(9);
});

test("for a source that was deleted since it was found nothing is queued, for others of the group it is", async () => {
  const rows = await ferry.rows("SELECT seq AS source_seq, id AS source_id, account_seq FROM sources ORDER BY seq");
  await ferry.call("operator", "DELETE", `/v3/sources/${sources[0]}`);
  const group = ferry.database.writer.group(orderGroup(ferry.database, () => {}));
  const outcomes = await Promise.all(
    rows.map((source, index) =>
      group.add({
        ...source,
        id: `00000000-0000-7000-8000-99999999999${index}`,
        command_name: "START",
        bucket: null,
        deliver_by: null,
        finish_within_s: null,
        order_digest: "",
        created_at: ferry.clock.now(),
        actor: "somebody",
        address: null,
      } as unknown as OrderRow),
    ),
  );
  expect(outcomes.map((outcome) => outcome?.command.source_id)).toEqual([undefined, ...sources.slice(1)] as string[]);
  expect(await ferry.rows("SELECT seq FROM events WHERE type = 'command.queued'")).toHaveLength(9);
  const { status, json } = await order(sources[0] ?? "", { command_name: "START" });
  expect([status, json.error_msg]).toEqual([404, `source ${sources[0]} is unknown`]);
});

test("what is a task's or has an idempotency key is looked at alone, in order with the others", async () => {
  const [source_id = ""] = sources;
  const task_id = await makeTask(ferry, source_id);
  const replies = await Promise.all([
    order(source_id, { command_name: "UPLOAD_LOG", idempotency_key: "once" }),
    order(source_id, { command_name: "UPLOAD_LOG", idempotency_key: "once" }),
    order(source_id, { command_name: "START", command_param: { task_id } }),
    order(source_id, { command_name: "STOP" }),
  ]);
  // Which of two that are alike is first, a database server may decide.
  const [one, other, ...later] = replies.map(({ status }) => status);
  expect([one, other].sort()).toEqual([200, 201]);
  expect(later).toEqual([201, 201]);
  expect((await ferry.rows("SELECT state FROM tasks"))[0]?.state).toBe("RUNNING");
  expect((await commandsOf(source_id)).map(({ state }) => state)).toEqual(["queued", "queued", "queued"]);
});
