import { expect, test } from "bun:test";
import { Backoff, pause } from "../../src/agent/backoff.ts";

test("tries come at random times, up to a minute apart", () => {
  const backoff = new Backoff();
  for (const boundMs of [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000)) {
    const ms = backoff.nextMs();
    expect(ms).toBeGreaterThanOrEqual(boundMs / 2);
    expect(ms).toBeLessThanOrEqual(boundMs);
  }
});

test("a pause ends with its signal, and is none after it", async () => {
  const wait = new AbortController();
  const paused = pause(3_600_000, wait.signal);
  wait.abort();
  await paused;
  await pause(3_600_000, wait.signal);
  await pause(-1, new AbortController().signal);
});
