import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { act, changestate, taskThatIs } from "../actions/standing.ts";
import { type Caller, type Ferry, poll, queue, register, report, startFerry } from "../harness.ts";

const HOUR_MS = 60 * 60 * 1000;

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

async function attention(as: Caller = "viewer") {
  const { status, json } = await ferry.call(as, "GET", "/operate/v1/attention");
  expect(status).toBe(200);
  // biome-ignore lint/suspicious/noExplicitAny: `call` has checked it
  return json.items as any[];
}
const kind = async (name: string, as?: Caller) => (await attention(as)).find((item) => item.kind === name);
const kinds = async (as?: Caller) => (await attention(as)).map((item) => `${item.kind} ${item.count}`);
/** Who is not seen may be 5 s old. */
const later = () => ferry.clock.advance(5_000);

/** A source whose START has ended so. */
async function ended(
  how: "overdue" | "undelivered",
  name = how as string,
): Promise<{ id: string; command_id: string }> {
  const id = await register(ferry, name);
  const command_id = await queue(
    ferry,
    id,
    "START",
    how === "overdue" ? { finish_within_s: 1 } : { deliver_by: ferry.clock.now() + 1_000 },
  );
  if (how === "overdue") await poll(ferry, id);
  await ferry.clock.advance(1_000);
  await ferry.runJobs();
  return { id, command_id };
}

test("there is nothing where all is well", async () => {
  expect(await attention()).toEqual([]);
  await poll(ferry, await register(ferry));
  expect(await attention()).toEqual([]);
});

describe("error and unavailable", () => {
  test("tell the newest five of all, with why", async () => {
    const ids = [];
    for (let n = 0; n < 7; n += 1) {
      ids.push(await register(ferry, `broken-${n}`, { has_rsync: false }));
      await ferry.clock.advance(1_000);
    }
    await changestate(ferry, ids[1] ?? "", "error");
    await ferry.clock.advance(1_000);
    await changestate(ferry, ids[0] ?? "", "error");
    const at = ferry.clock.now();
    expect(await kind("error")).toEqual({
      kind: "error",
      count: 2,
      is_more: false,
      first: [
        {
          source_id: ids[0],
          source_name: "broken-0",
          at,
          reason: "the agent reported the state error",
          command_id: null,
        },
        {
          source_id: ids[1],
          source_name: "broken-1",
          at: at - 1_000,
          reason: "the agent reported the state error",
          command_id: null,
        },
      ],
    });
    const unavailable = await kind("unavailable");
    expect([unavailable.count, unavailable.first.length]).toEqual([5, 5]);
    expect(unavailable.first.map((one: { source_name: string }) => one.source_name)).toEqual([
      "broken-6",
      "broken-5",
      "broken-4",
      "broken-3",
      "broken-2",
    ]);
    expect(unavailable.first[0].reason).toBe("has_rsync: rsync is missing on the source");
  });

  test("count all, tell five", async () => {
    for (let n = 0; n < 6; n += 1) await register(ferry, `broken-${n}`, { has_tc: false });
    const { count, first } = await kind("unavailable");
    expect([count, first.length]).toEqual([6, 5]);
  });
});

describe("not_seen", () => {
  test("is who is not connected, those last seen first; not who is finished or unavailable", async () => {
    const never = await register(ferry, "never");
    const registered_at = ferry.clock.now();
    const long = await register(ferry, "long ago");
    const lately = await register(ferry, "lately");
    await register(ferry, "broken", { has_rsync: false });
    const done = await register(ferry, "done");
    await changestate(ferry, done, "finished");
    await poll(ferry, long);
    const long_at = ferry.clock.now();
    await ferry.clock.advance(2_000);
    await poll(ferry, lately);
    expect((await kind("not_seen")).first.map((one: { source_id: string }) => one.source_id)).toEqual([never]);
    await ferry.clock.advance(61_000);
    await ferry.runJobs();
    expect(await kind("not_seen")).toEqual({
      kind: "not_seen",
      count: 3,
      is_more: false,
      first: [
        { source_id: lately, source_name: "lately", at: long_at + 2_000, reason: null, command_id: null },
        { source_id: long, source_name: "long ago", at: long_at, reason: null, command_id: null },
        {
          source_id: never,
          source_name: "never",
          at: registered_at,
          reason: "its agent has never been heard of",
          command_id: null,
        },
      ],
    });
    await poll(ferry, long);
    await later();
    expect((await kind("not_seen")).count).toBe(2);
  });

  test("goes by memory before it is written, and by what is stored after a start", async () => {
    const id = await register(ferry);
    expect(await kinds()).toEqual(["not_seen 1"]);
    await poll(ferry, id);
    await later();
    expect(await kinds()).toEqual([]);
    await ferry.runJobs();
    await ferry.restart();
    expect(await kinds()).toEqual([]);
  });

  test("is looked up once in 5 s where nobody else writes, however many ask", async () => {
    await register(ferry, "a");
    const before = await Promise.all([kinds(), kinds(), kinds()]);
    await register(ferry, "b");
    const at_once = await kinds();
    await later();
    expect(await kinds()).toEqual(["not_seen 2"]);
    expect([before, at_once]).toEqual([
      [["not_seen 1"], ["not_seen 1"], ["not_seen 1"]],
      [ferry.database.exclusive ? "not_seen 1" : "not_seen 2"],
    ]);
  });

  test("counts right through more sources than one step looks at, connected ones in between", async () => {
    const id = await register(ferry, "model");
    await ferry.rows(
      `WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 12000)
       INSERT INTO sources (id, account_seq, migproject_seq, name, state, migration_cycle, registration, add_date,
         registered_at, state_action_time, stage_action_time)
       SELECT 'made-' || v, account_seq, migproject_seq, 'made-' || v, state, migration_cycle, registration, add_date,
         registered_at, state_action_time, stage_action_time FROM n JOIN sources ON sources.id = ?`,
      id,
    );
    for (const one of ["made-1", "made-4999", "made-5000", "made-5001", "made-12000"]) await poll(ferry, one);
    const { count, first } = await kind("not_seen");
    expect(count).toBe(12_001 - 5);
    expect(first.length).toBe(5);
    expect(first[0].source_name).toBe("made-11999");
  });
});

describe("task_failed", () => {
  test("is told as an error while the source is in error, and by itself once the source has moved on", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "SYNC_FAIL");
    const at = ferry.clock.now();
    expect(await kinds()).toEqual(["error 1"]);
    expect((await kind("error")).first[0].reason).toBe("SMS.8010: the agent reported a failure");
    await ferry.clock.advance(1_000);
    await changestate(ferry, source_id, "stopped");
    expect(await attention()).toEqual([
      {
        kind: "task_failed",
        count: 1,
        is_more: false,
        first: [
          {
            source_id,
            source_name: "web-1",
            at,
            reason: "SMS.8010: the agent reported a failure",
            command_id: null,
          },
        ],
      },
    ]);
    await act(ferry, task_id, "restart");
    expect(await kinds()).toEqual([]);
  });
});

describe("overdue and undelivered", () => {
  test("tell which command, and how it ended", async () => {
    const overdue = await ended("overdue");
    const undelivered = await ended("undelivered");
    expect(await kind("overdue")).toEqual({
      kind: "overdue",
      count: 1,
      is_more: false,
      first: [
        {
          source_id: overdue.id,
          source_name: "overdue",
          at: ferry.clock.now() - 1_000,
          reason: "START was not reported in time",
          command_id: overdue.command_id,
        },
      ],
    });
    expect((await kind("undelivered")).first).toEqual([
      {
        source_id: undelivered.id,
        source_name: "undelivered",
        at: ferry.clock.now(),
        reason: "START was fetched by no poll in time",
        command_id: undelivered.command_id,
      },
    ]);
  });

  test("for 24 hours, to the millisecond", async () => {
    await ended("overdue");
    await ferry.clock.advance(24 * HOUR_MS - 1);
    expect((await kind("overdue")).count).toBe(1);
    await ferry.clock.advance(1);
    expect(await kind("overdue")).toBeUndefined();
  });

  test("until the source has a success, of whatever command; a failure, a late or an earlier one is none", async () => {
    const id = await register(ferry);
    await queue(ferry, id, "START");
    await poll(ferry, id);
    await report(ferry, id, "START");
    await queue(ferry, id, "SYNC", { finish_within_s: 1 });
    await poll(ferry, id);
    await ferry.clock.advance(1_000);
    await ferry.runJobs();
    expect((await kind("overdue")).count).toBe(1);
    // Late: the command has ended.
    await report(ferry, id, "SYNC");
    expect((await kind("overdue")).count).toBe(1);
    await queue(ferry, id, "STOP");
    await poll(ferry, id);
    await report(ferry, id, "STOP", "fail");
    expect((await kind("overdue")).count).toBe(1);
    await queue(ferry, id, "UPLOAD_LOG");
    await poll(ferry, id);
    await report(ferry, id, "UPLOAD_LOG");
    expect(await kind("overdue")).toBeUndefined();
    // And again from the next one on.
    await queue(ferry, id, "SYNC", { finish_within_s: 1 });
    await poll(ferry, id);
    await ferry.clock.advance(1_000);
    await ferry.runJobs();
    expect((await kind("overdue")).count).toBe(1);
  });

  test("one that was open before and succeeds after solves it too", async () => {
    const id = await register(ferry);
    await queue(ferry, id, "UPLOAD_LOG");
    await poll(ferry, id);
    await queue(ferry, id, "START", { deliver_by: ferry.clock.now() + 1_000 });
    await ferry.clock.advance(1_000);
    await ferry.runJobs();
    expect((await kind("undelivered")).count).toBe(1);
    await report(ferry, id, "UPLOAD_LOG");
    expect(await kind("undelivered")).toBeUndefined();
  });

  test("of a deleted source no more", async () => {
    const { id } = await ended("undelivered");
    await ferry.call("operator", "DELETE", `/v3/sources/${id}`);
    expect(await attention()).toEqual([]);
  });

  test("are counted up to a bound, and say so", async () => {
    const { id } = await ended("overdue");
    const events = (count: number) =>
      ferry.rows(
        `WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < ${count})
         INSERT INTO events (account_seq, at, type, source_seq, command_seq, data)
         SELECT account_seq, at, type, source_seq, command_seq, data FROM n JOIN events WHERE type = 'command.overdue' AND events.seq IN (SELECT min(seq) FROM events WHERE type = 'command.overdue')`,
      );
    await events(998);
    const bounded = async () => {
      const { count, is_more, first } = await kind("overdue");
      return [count, is_more, first.length];
    };
    expect(await bounded()).toEqual([999, false, 5]);
    await events(500);
    expect(await bounded()).toEqual([1_000, true, 5]);
    expect((await kind("overdue")).first[0].source_id).toBe(id);
  });
});

describe("who sees what", () => {
  test("an account its own only", async () => {
    await register(ferry, "own", { has_rsync: false });
    await ended("overdue");
    await ended("undelivered");
    const { source_id } = await taskThatIs(ferry, "SYNC_FAIL");
    await changestate(ferry, source_id, "stopped");
    const id = await register(ferry, "in error");
    await changestate(ferry, id, "error");
    await register(ferry, "silent");
    expect((await kinds("viewer")).length).toBe(6);
    expect(await attention("foreign")).toEqual([]);
    await register(ferry, "theirs", {}, "foreign");
    await later();
    expect(await kinds("foreign")).toEqual(["not_seen 1"]);
  });

  test("viewers, operators and admins see it, agents do not", async () => {
    for (const as of ["viewer", "operator", "admin"] as const) expect(await attention(as)).toEqual([]);
    expect((await ferry.call("agent", "GET", "/operate/v1/attention")).status).toBe(403);
  });
});
