import { expect, test } from "bun:test";
import { followEvents, type StreamState } from "../../src/client/event-stream.ts";
import type { Caller } from "./command-loop.ts";

/** Past the time after which a stream ends there. */
const FOLLOWED_MS = 24_000;

/** A stream ends after its time there; what `writer` does meanwhile its reader misses none of, and hears none twice. */
export function eventStream(reader: () => Caller, writer: () => Caller): void {
  test("a stream of events goes on where it was when its time is over", async () => {
    const stop = new AbortController();
    const ids: number[] = [];
    const states: StreamState["kind"][] = [];
    let begins: number | undefined;
    let calls = 0;
    const following = followEvents({
      signal: stop.signal,
      now: Date.now,
      open: async (lastEventId, signal) => {
        calls += 1;
        const position: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": `${lastEventId}` };
        const headers = { accept: "text/event-stream", ...position };
        return fetch(await reader().request("GET", "/operate/v1/events", undefined, headers), { signal });
      },
      onPosition: (position) => {
        begins ??= position;
      },
      onEvent: ({ id }) => ids.push(id),
      onState: ({ kind }) => states.push(kind),
    });
    while (begins === undefined) await Bun.sleep(20);
    const source_id = await writer().register();
    for (const end = Date.now() + FOLLOWED_MS; Date.now() < end; await Bun.sleep(500)) await writer().queue(source_id);
    const path = `/operate/v1/events?order=oldest&limit=1000&cursor=${begins}`;
    const written = (await writer().call("GET", path)).json.items.map(({ id }: { id: number }) => id);
    for (const end = Date.now() + 10_000; Date.now() < end && ids.length < written.length; ) await Bun.sleep(50);
    expect(ids).toEqual(written);
    expect(states).toEqual(["live"]);
    expect(calls).toBe(2);
    stop.abort();
    await following;
  }, 60_000);
}
