import { afterAll, beforeAll, expect, test } from "bun:test";
import { endAll, Ferry, waitUntil } from "./executable.ts";

/* ?wait=SECONDS, past the times after which Bun cuts idle connections (10 s by default, 30 s as ferry sets it). */

afterAll(endAll);

const PAST_IDLE_LIMIT_MS = 40_000;
const WAKE_BOUND_MS = 100;
const ROUNDS = 10;

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});

/** Resolves when the server has taken the source's poll. */
async function isWaiting(source_id: string): Promise<void> {
  const isConnected = async () =>
    (await ferry.ask<{ connected: boolean }>("GET", `/v3/sources/${source_id}`)).connected;
  await waitUntil(isConnected, "the poll to arrive");
}

async function timed<T>(pending: Promise<T>): Promise<{ value: T; at: number }> {
  const value = await pending;
  return { value, at: performance.now() };
}

test.concurrent("with nothing to do, the idle answer comes when the time is up", async () => {
  const source_id = await ferry.registerSource("idle");
  const startedMs = performance.now();
  const { value, at } = await timed(ferry.poll(source_id, "?wait=20"));
  expect(value).toEqual({ reply: { command_name: "TASK_NOT_STARTED" }, id: null, attempt: 0 });
  expect(at - startedMs).toBeWithin(19_900, 22_000);
});

test.concurrent("a command queued late in the wait is there at once", async () => {
  const source_id = await ferry.registerSource("late");
  const startedMs = performance.now();
  const pending = timed(ferry.poll(source_id, "?wait=50"));
  await waitUntil(() => performance.now() - startedMs > PAST_IDLE_LIMIT_MS, "Bun's idle limit to pass", 60_000, 100);
  const { value: queued, at: queuedAt } = await timed(ferry.queue(source_id));
  const { value: polled, at: polledAt } = await pending;
  expect(polled).toEqual({ reply: { command_name: "START" }, id: queued.id, attempt: 1 });
  expect(polledAt - queuedAt).toBeLessThan(WAKE_BOUND_MS);
});

test("a waiting poll is answered within 100 ms of queueing", async () => {
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const source_id = await ferry.registerSource(`round-${round}`);
    const pending = timed(ferry.poll(source_id, "?wait=20"));
    await isWaiting(source_id);
    const { value: queued, at } = await timed(ferry.queue(source_id));
    const polled = await pending;
    expect(polled.value).toMatchObject({ id: queued.id, attempt: 1 });
    tookMs.push(polled.at - at);
  }
  const median = tookMs.toSorted((a, b) => a - b)[ROUNDS / 2] ?? Number.NaN;
  console.log(`answered ${tookMs.map((ms) => ms.toFixed(1)).join(", ")} ms after the queueing was`);
  expect(median).toBeLessThan(WAKE_BOUND_MS);
});

test("of several polls waiting for one source each gets the command, every delivery with its own number", async () => {
  const source_id = await ferry.registerSource("several");
  const polls = [1, 2, 3].map(() => ferry.poll(source_id, "?wait=20"));
  await isWaiting(source_id);
  const { id } = await ferry.queue(source_id);
  const answers = await Promise.all(polls);
  expect(answers.map((answer) => answer.id)).toEqual([id, id, id]);
  expect(answers.map((answer) => answer.attempt).toSorted()).toEqual([1, 2, 3]);
  expect(await ferry.command(id)).toMatchObject({ attempts: 3 });
});

test("a poll whose client has gone takes no command with it", async () => {
  const source_id = await ferry.registerSource("gone");
  const controller = new AbortController();
  const poll = ferry.call("GET", `/v3/sources/${source_id}/command?wait=55`, undefined, { signal: controller.signal });
  await isWaiting(source_id);
  controller.abort();
  await expect(poll).rejects.toThrow();
  // After some exchanges the server has seen the connection end: nothing outside tells when.
  for (let round = 0; round < 20; round += 1) await ferry.ask("GET", "/v3/sources");
  const { id } = await ferry.queue(source_id);
  expect(await ferry.command(id)).toMatchObject({ state: "queued", attempts: 0 });
});

for (const wait of ["56", "-1", "1.5", "soon", ""]) {
  test(`wait=${wait} is refused`, async () => {
    const source_id = await ferry.registerSource("refused");
    const response = await ferry.call("GET", `/v3/sources/${source_id}/command?wait=${wait}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error_code: "SMS.8001" });
  });
}
