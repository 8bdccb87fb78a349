import { afterEach, describe, expect, test } from "bun:test";
import { type FollowOptions, followEvents, type StreamedEvent, StreamRefused } from "../../src/client/event-stream.ts";

/* The reader of the stream against a service made by hand: what it is asked, what it answers, and a clock to turn. */

const SILENT_MS = 15_000;
const START = 1_000_000;

interface Asked {
  lastEventId: number | undefined;
  signal: AbortSignal;
  /** Answers with a stream that says this so far. */
  begin(text: string): void;
  say(text: string): void;
  end(): void;
  breakOff(): void;
  answer(response: Response): void;
  fail(error: Error): void;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function follow(options: Partial<FollowOptions> = {}) {
  let now = START;
  let timers: { at: number; work: () => void }[] = [];
  const stop = new AbortController();
  const asked: Asked[] = [];
  const said: unknown[] = [];
  const open: FollowOptions["open"] = (lastEventId, signal) =>
    new Promise((resolve, reject) => {
      let body: ReadableStreamDefaultController<Uint8Array> | undefined;
      const say = (text: string) => body?.enqueue(new TextEncoder().encode(text));
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => {
          body = controller;
        },
      });
      asked.push({
        lastEventId,
        signal,
        say,
        begin: (text) => {
          say(text);
          resolve(new Response(stream, { headers: { "content-type": "text/event-stream" } }));
        },
        end: () => body?.close(),
        breakOff: () => body?.error(new Error("reset")),
        answer: resolve,
        fail: reject,
      });
    });
  const ended = followEvents({
    open,
    signal: stop.signal,
    now: () => now,
    after: (ms, work) => {
      const timer = { at: now + ms, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    onEvent: ({ id }) => said.push(id),
    onPosition: (position) => said.push(`at ${position}`),
    onState: (state) => said.push(state.kind === "live" ? "live" : state),
    onRewound: (position) => said.push(`back to ${position}`),
    ...options,
  });
  const outcome = ended.then(
    () => "ended",
    (error: unknown) => error,
  );
  stops.push(() => {
    stop.abort();
    return outcome;
  });
  return {
    said,
    asked,
    stop,
    outcome,
    timers: () => timers.length,
    last: () => asked.at(-1) as Asked,
    advance: async (ms: number) => {
      await settle();
      const until = now + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers = timers.filter((other) => other !== next);
        now = next.at;
        next.work();
        await settle();
      }
      now = until;
    },
  };
}

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const event = (id: number) => `id: ${id}\ndata: ${JSON.stringify({ id })}\n\n`;
const away = (reason: string, heard_at?: number) => ({ kind: "away", reason, heard_at });

describe("while the stream is there", () => {
  test("the position comes at once, then each event in order, and beats move the position", async () => {
    const { last, said, asked } = follow();
    expect(asked.map(({ lastEventId }) => lastEventId)).toEqual([undefined]);
    last().begin("retry: 1000\nid: 5\n\n");
    await settle();
    expect(said).toEqual(["live", "at 5"]);
    last().say(event(7) + event(8));
    last().say("id: 11\n\n");
    await settle();
    expect(said).toEqual(["live", "at 5", 7, "at 7", 8, "at 8", "at 11"]);
  });

  test("begins behind a position that is given", async () => {
    const { asked } = follow({ position: 3 });
    expect(asked[0]?.lastEventId).toBe(3);
  });

  test("an event that comes twice is told once", async () => {
    const { last, said } = follow();
    last().begin(`id: 5\n\n${event(7)}${event(7)}${event(6)}`);
    await settle();
    expect(said.filter((entry) => typeof entry === "number")).toEqual([7]);
  });

  test("a position that goes back is told, and counts from then on", async () => {
    const { last, said } = follow({ position: 9 });
    last().begin("id: 9\n\n");
    last().say(`id: 4\n\n${event(5)}`);
    await settle();
    expect(said).toEqual(["live", "at 9", "back to 4", "at 4", 5, "at 5"]);
  });
});

describe("a connection that breaks", () => {
  test("is made again from where it was, without a word where the stream lived and ended in order", async () => {
    const { last, said, asked, advance } = follow();
    last().begin("id: 5\n\n");
    await advance(5_000);
    last().say(event(6));
    await settle();
    last().end();
    await advance(499);
    expect(asked).toHaveLength(1);
    await advance(1);
    expect(asked.map(({ lastEventId }) => lastEventId)).toEqual([undefined, 6]);
    last().begin(`id: 6\n\n${event(7)}`);
    await settle();
    expect(said).toEqual(["live", "at 5", 6, "at 6", "at 6", 7, "at 7"]);
  });

  test("is told once, with its reason and when it was last heard, and so is that it is back", async () => {
    const { last, said, advance } = follow();
    last().begin("id: 5\n\n");
    await advance(7_000);
    last().breakOff();
    await advance(500);
    last().fail(new Error("nobody is there"));
    await advance(1_000);
    last().begin("id: 5\n\n");
    await settle();
    expect(said).toEqual(["live", "at 5", away("reset", START), "live", "at 5"]);
  });

  test("is made again after 0.5 s, then twice as long, never more than 5 s; after a stream that lived 0.5 s again", async () => {
    const { last, asked, advance } = follow();
    const pauses: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      last().fail(new Error("nobody is there"));
      for (let waited = 0; ; waited += 100) {
        const before = asked.length;
        await advance(100);
        if (asked.length === before) continue;
        pauses.push(waited + 100);
        break;
      }
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    last().begin("id: 1\n\n");
    await advance(5_000);
    last().breakOff();
    await advance(500);
    expect(asked).toHaveLength(8);
  });

  test("counts as broken after 15 s without a byte; any byte counts", async () => {
    const { last, said, asked, advance } = follow();
    last().begin("id: 5\n\n");
    await advance(SILENT_MS - 1);
    last().say(":");
    await advance(SILENT_MS - 1);
    expect(said).toEqual(["live", "at 5"]);
    await advance(1);
    expect(said.slice(2)).toEqual([away("nothing was heard for 15 s", START + SILENT_MS - 1)]);
    expect(asked[0]?.signal.aborted).toBe(true);
    await advance(500);
    expect(asked).toHaveLength(2);
  });

  test("so does a service that takes the call and never answers", async () => {
    const { said, asked, advance } = follow();
    await advance(SILENT_MS);
    expect(said).toEqual([away("nothing was heard for 15 s")]);
    await advance(500);
    expect(asked).toHaveLength(2);
  });

  test.each([
    ["a stream that ends at once", undefined, "the stream has ended"],
    [
      "a failure",
      Response.json({ error_code: "SMS.2007", error_msg: "cannot store" }, { status: 500 }),
      "cannot store (SMS.2007)",
    ],
    ["a proxy's page", new Response("<html>", { status: 502 }), "it answers 502"],
    ["too many requests", new Response("", { status: 429 }), "it answers 429"],
    ["no stream", Response.json({ items: [] }), "it answers with application/json"],
  ])("is away: %s", async (_, response, reason) => {
    const { last, said } = follow();
    if (response) last().answer(response.clone());
    else {
      last().begin("");
      last().end();
    }
    await settle();
    expect(said).toMatchObject([{ kind: "away", reason: expect.stringContaining(reason) }]);
  });

  test("what is no event breaks it off: it comes again in whole", async () => {
    const { last, said, asked, advance } = follow();
    last().begin("id: 5\n\nid: 6\ndata: {broken\n\n");
    await advance(500);
    expect(said.at(-1)).toEqual(away("it sent what is no event", START));
    expect(asked.map(({ lastEventId }) => lastEventId)).toEqual([undefined, 5]);
  });
});

describe("the end", () => {
  test.each([400, 401, 403, 404])("%i is a refusal: its reply can be read", async (status) => {
    const { last, outcome, timers } = follow();
    last().answer(Response.json({ error_code: "X" }, { status }));
    const error = (await outcome) as StreamRefused;
    expect(error).toBeInstanceOf(StreamRefused);
    expect([error.response.status, await error.response.json()]).toEqual([status, { error_code: "X" }]);
    expect(timers()).toBe(0);
  });

  test("what a handler throws ends it, and lets go of the connection", async () => {
    const trouble = new Error("mine");
    const { last, outcome } = follow({
      onEvent: (_: StreamedEvent) => {
        throw trouble;
      },
    });
    last().begin(`id: 5\n\n${event(6)}`);
    expect(await outcome).toBe(trouble);
    expect(last().signal.aborted).toBe(true);
  });

  test.each(["opening", "live", "pausing"])("by its signal while %s: at once, and nothing is left", async (when) => {
    const { last, said, stop, outcome, timers, advance } = follow();
    if (when !== "opening") last().begin("id: 5\n\n");
    if (when === "pausing") last().breakOff();
    await advance(100);
    const before = said.length;
    stop.abort();
    expect(await outcome).toBe("ended");
    expect(last().signal.aborted).toBe(true);
    expect([said.length, timers()]).toEqual([before, 0]);
  });
});
