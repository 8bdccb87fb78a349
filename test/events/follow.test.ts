import { afterAll, beforeAll, expect, test } from "bun:test";
import { followEvents, type StreamState } from "../../src/client/event-stream.ts";
import { type Ferry, poll, queue, register, report, settle, startFerry } from "../harness.ts";

/* The reader of the stream against the service, over breaks at every turn. */

let ferry: Ferry;
let source_id: string;
beforeAll(async () => {
  ferry = await startFerry();
  source_id = await register(ferry, "web-1");
});
afterAll(() => ferry.stop());

/** A stream of numbers from 0 up to 1, the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The same bytes cut anywhere, broken off by chance. */
function troubled(body: ReadableStream<Uint8Array>, random: () => number): ReadableStream<Uint8Array> {
  const bytes = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await bytes.read();
      if (done) return controller.close();
      const at = Math.floor(random() * value.length);
      controller.enqueue(value.slice(0, at));
      if (random() < 0.2) {
        await bytes.cancel();
        return controller.error(new Error("the line broke"));
      }
      controller.enqueue(value.slice(at));
    },
    cancel: () => bytes.cancel(),
  });
}

test.each([1, 2, 3])("listEvents as a stream: none missed, none twice, whatever breaks (seed %i)", async (seed) => {
  const random = numbers(seed);
  const stop = new AbortController();
  const seen: number[] = [];
  const states: StreamState["kind"][] = [];
  let begins: number | undefined;
  const following = followEvents({
    signal: stop.signal,
    now: ferry.clock.now,
    after: ferry.clock.after,
    open: async (lastEventId, signal) => {
      if (random() < 0.2) throw new Error("nobody is there");
      const position = lastEventId === undefined ? {} : { "Last-Event-ID": String(lastEventId) };
      const headers = { accept: "text/event-stream", ...position };
      const response = await ferry.send("viewer", "GET", "/operate/v1/events", { headers, signal });
      return new Response(troubled(response.body as ReadableStream<Uint8Array>, random), response);
    },
    onPosition: (position) => {
      begins ??= position;
    },
    onEvent: ({ id }) => seen.push(id),
    onState: ({ kind }) => states.push(kind),
  });
  while (begins === undefined) await ferry.clock.advance(1_000);
  for (let round = 0; round < 60; round += 1) {
    await queue(ferry, source_id, "SYNC");
    if (random() < 0.3) await ferry.clock.advance(Math.round(random() * 3_000));
    await poll(ferry, source_id);
    await report(ferry, source_id, "SYNC");
    await ferry.clock.advance(Math.round(random() * 1_000));
    if (random() < 0.05) await ferry.restart();
  }
  await ferry.clock.advance(60_000);
  await settle();
  const { items } = (await ferry.call("viewer", "GET", `/operate/v1/events?order=oldest&limit=1000&cursor=${begins}`))
    .json;
  expect(seen).toEqual(items.map(({ id }: { id: number }) => id));
  expect(seen.length).toBeGreaterThanOrEqual(180);
  // It was put to the test.
  expect(states.filter((kind) => kind === "away").length).toBeGreaterThan(5);
  stop.abort();
  await following;
});
