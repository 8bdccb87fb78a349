import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Ferry, makeTask, poll, queue, register, report, START, settle, startFerry } from "../harness.ts";

const MINUTE_MS = 60_000;
/** The minute in which every test begins. */
const FIRST = START - (START % MINUTE_MS);

let ferry: Ferry;
let source_id: string;
beforeEach(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
});
afterEach(() => ferry.stop());

const traffic = async (as: "viewer" | "foreign" = "viewer") =>
  (await ferry.call(as, "GET", "/operate/v1/traffic")).json as {
    since: number;
    minutes: { at: number; polls: number; reports: number }[];
  };
/** Minutes in which there was something, by their distance from the first. */
const counted = async () =>
  (await traffic()).minutes.flatMap(({ at, polls, reports }) =>
    polls + reports > 0 ? [[(at - FIRST) / MINUTE_MS, polls, reports]] : [],
  );

describe("showTraffic", () => {
  test("begins with the minute of the start, and nothing in it", async () => {
    expect(await traffic()).toEqual({ since: START, minutes: [{ at: FIRST, polls: 0, reports: 0 }] });
  });

  test("counts by the minute, with gaps in between", async () => {
    await poll(ferry, source_id);
    await poll(ferry, source_id);
    await report(ferry, source_id, "START");
    ferry.clock.set(FIRST + 3 * MINUTE_MS);
    await poll(ferry, source_id);
    expect((await traffic()).minutes).toEqual([
      { at: FIRST, polls: 2, reports: 1 },
      { at: FIRST + MINUTE_MS, polls: 0, reports: 0 },
      { at: FIRST + 2 * MINUTE_MS, polls: 0, reports: 0 },
      { at: FIRST + 3 * MINUTE_MS, polls: 1, reports: 0 },
    ]);
  });

  test("counts polls that are offered a command, and those that wait when they are answered", async () => {
    await queue(ferry, source_id, "START");
    await poll(ferry, source_id);
    await poll(ferry, source_id);
    await report(ferry, source_id, "START");
    const waiting = ferry.call("agent", "GET", `/v3/sources/${source_id}/command?wait=55`);
    await settle();
    expect(await counted()).toEqual([[0, 2, 1]]);
    await ferry.clock.advance(55_000);
    expect((await waiting).status).toBe(200);
    expect(await counted()).toEqual([
      [0, 2, 1],
      [1, 1, 0],
    ]);
  });

  test("counts the reports that move a task too", async () => {
    const task_id = await makeTask(ferry, source_id);
    await ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, { body: { operation: "start" } });
    await poll(ferry, source_id);
    await report(ferry, source_id, "START");
    expect(await counted()).toEqual([[0, 1, 1]]);
  });

  test("does not count what was refused, nor a poll whose caller has gone", async () => {
    await ferry.call("viewer", "GET", `/v3/sources/${source_id}/command`);
    await poll(ferry, "nobody");
    await report(ferry, "nobody", "START");
    await report(ferry, source_id, "START", "perhaps");
    const gone = new AbortController();
    const waiting = ferry.send("agent", "GET", `/v3/sources/${source_id}/command?wait=30`, { signal: gone.signal });
    await settle();
    gone.abort();
    await waiting;
    expect(await counted()).toEqual([]);
  });

  test("keeps an hour", async () => {
    await poll(ferry, source_id);
    ferry.clock.set(FIRST + 59 * MINUTE_MS);
    await poll(ferry, source_id);
    expect(await counted()).toEqual([
      [0, 1, 0],
      [59, 1, 0],
    ]);
    ferry.clock.set(FIRST + 60 * MINUTE_MS);
    expect((await traffic()).minutes).toHaveLength(60);
    expect(await counted()).toEqual([[59, 1, 0]]);
    // In the place of the first minute, and of those that nothing was counted in since.
    await report(ferry, source_id, "START");
    ferry.clock.set(FIRST + 500 * MINUTE_MS);
    expect(await counted()).toEqual([]);
    await poll(ferry, source_id);
    expect(await counted()).toEqual([[500, 1, 0]]);
  });

  test("lives through a clock that is set back", async () => {
    await poll(ferry, source_id);
    ferry.clock.set(FIRST + 10 * MINUTE_MS);
    await poll(ferry, source_id);
    ferry.clock.set(FIRST + 9 * MINUTE_MS);
    await poll(ferry, source_id);
    expect(await counted()).toEqual([
      [0, 1, 0],
      [9, 1, 0],
    ]);
    ferry.clock.set(FIRST - 300 * MINUTE_MS);
    await report(ferry, source_id, "START");
    expect((await traffic()).minutes).toEqual([{ at: FIRST - 300 * MINUTE_MS, polls: 0, reports: 1 }]);
  });

  test("tells each account of its own only", async () => {
    const foreign = await register(ferry, "theirs", {}, "foreign");
    await ferry.call("foreign", "GET", `/v3/sources/${foreign}/command`);
    await ferry.call("foreign", "GET", `/v3/sources/${source_id}/command`);
    await poll(ferry, source_id);
    await poll(ferry, source_id);
    const polls = async (as: "viewer" | "foreign") => (await traffic(as)).minutes.map(({ polls }) => polls);
    expect([await polls("viewer"), await polls("foreign")]).toEqual([[2], [1]]);
  });

  test("begins anew with the process", async () => {
    await poll(ferry, source_id);
    ferry.clock.set(FIRST + 2 * MINUTE_MS);
    await ferry.restart();
    expect(await traffic()).toEqual({
      since: FIRST + 2 * MINUTE_MS,
      minutes: [{ at: FIRST + 2 * MINUTE_MS, polls: 0, reports: 0 }],
    });
  });
});
