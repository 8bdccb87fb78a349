import { afterAll, expect, test } from "bun:test";
import { followEvents, type StreamState } from "../../src/client/event-stream.ts";
import { endAll, Ferry, testUnless, waitUntil } from "./executable.ts";
import { endDatabases, noSqld, startDatabase, startFerries } from "./several.ts";

/* GET /operate/v1/events with Accept: text/event-stream, over real connections. */

afterAll(async () => {
  await endAll();
  await endDatabases();
});

/** Past the 30 s after which an idle connection is cut. */
const QUIET_MS = 40_000;
/** Requests under way at a stop would get 4 s. */
const STOP_BOUND_MS = 3_000;
const STREAMS = 20;

function freeAddress(): string {
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const address = `127.0.0.1:${taken.url.port}`;
  taken.stop(true);
  return address;
}

/** Follows until it is stopped, and keeps what it was told. */
async function follow(ferry: Ferry, query = "") {
  const stop = new AbortController();
  const told = { ids: [] as number[], states: [] as StreamState["kind"][], positions: [] as number[], calls: 0 };
  const ended = followEvents({
    signal: stop.signal,
    now: Date.now,
    open: (lastEventId, signal) => {
      told.calls += 1;
      const position = lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) };
      const headers = { accept: "text/event-stream", ...position };
      return ferry.call("GET", `/operate/v1/events${query}`, undefined, { headers, signal });
    },
    onEvent: ({ id }) => told.ids.push(id),
    onPosition: (position) => told.positions.push(position),
    onState: ({ kind }) => told.states.push(kind),
  });
  await waitUntil(() => told.positions.length > 0, "the first block");
  return { told, ended, stop: () => stop.abort() };
}

async function idsBehind(ferry: Ferry, position: number): Promise<number[]> {
  const path = `/operate/v1/events?order=oldest&limit=1000&cursor=${position}`;
  const { items } = await ferry.ask<{ items: { id: number }[] }>("GET", path);
  return items.map(({ id }) => id);
}

test.concurrent(
  "a quiet stream lives on: it is asked for once, and says at once what happens then",
  async () => {
    const ferry = await Ferry.start();
    const source_id = await ferry.registerSource();
    const { told, ended, stop } = await follow(ferry);
    await Bun.sleep(QUIET_MS);
    expect(told).toMatchObject({ ids: [], states: ["live"], calls: 1 });
    expect(told.positions.length).toBeGreaterThanOrEqual(8);
    await ferry.queue(source_id);
    await waitUntil(() => told.ids.length > 0, "the event", 2_000);
    expect(told.calls).toBe(1);
    stop();
    await ended;
    await ferry.stop();
  },
  QUIET_MS + 20_000,
);

test.concurrent("kill -9 and restarts while events are written: none missed, none twice", async () => {
  const ferry = await Ferry.start({ args: ["--listen", freeAddress()] });
  const { told, ended, stop } = await follow(ferry);
  const [position = 0] = told.positions;
  for (const end of ["kill", "stop", "kill"] as const) {
    const sources = await Promise.all(Array.from({ length: 20 }, (_, place) => ferry.registerSource(`web-${place}`)));
    // Some of these are under way when it ends.
    const orders = Promise.allSettled(sources.map((source_id) => ferry.queue(source_id)));
    await ferry[end]();
    await orders;
    await ferry.start();
    const { length } = told.positions;
    await waitUntil(() => told.positions.length > length, "the follower to be back", 15_000);
  }
  await ferry.registerSource("after");
  const all = await idsBehind(ferry, position);
  await waitUntil(() => told.ids.length >= all.length, "the follower to catch up");
  expect(told.ids).toEqual(all);
  expect(told.calls).toBeGreaterThanOrEqual(4);
  stop();
  await ended;
  await ferry.stop();
});

test.concurrent("SIGTERM is not held up by open streams, nor by those whose reader has gone", async () => {
  const ferry = await Ferry.start();
  const followers = await Promise.all(Array.from({ length: STREAMS }, () => follow(ferry)));
  const gone = await Promise.all(Array.from({ length: STREAMS }, () => follow(ferry)));
  for (const { stop } of gone) stop();
  await Promise.all(gone.map(({ ended }) => ended));
  await ferry.registerSource();
  await waitUntil(() => followers.every(({ told }) => told.ids.length > 0), "all streams to be live");
  expect(gone.every(({ told }) => told.ids.length === 0)).toBe(true);
  const stoppedMs = performance.now();
  expect(await ferry.stop()).toBe(0);
  expect(performance.now() - stoppedMs).toBeLessThan(STOP_BOUND_MS);
  expect(ferry.printed.stderr).not.toContain("broke off");
  for (const { stop } of followers) stop();
  await Promise.all(followers.map(({ ended }) => ended));
});

testUnless(noSqld)("what one process writes comes over another one's streams", async () => {
  const database = await startDatabase();
  const [first, second] = (await startFerries(2, database.url)) as [Ferry, Ferry];
  const { told, ended, stop } = await follow(second);
  const [position = 0] = told.positions;
  for (let place = 0; place < 10; place += 1) {
    const source_id = await first.registerSource(`web-${place}`);
    await (place % 2 === 0 ? first : second).queue(source_id);
  }
  const all = await idsBehind(first, position);
  await waitUntil(() => told.ids.length >= all.length, "the other process's events");
  expect(told.ids).toEqual(all);
  stop();
  await ended;
  await Promise.all([first.stop(), second.stop()]);
});
