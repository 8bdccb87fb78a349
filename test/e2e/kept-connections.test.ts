import { afterAll, expect, test } from "bun:test";
import { endAll, Ferry } from "./executable.ts";

/* Agents open a connection for each call, browsers keep theirs: neither keeps the other from being heard. */

afterAll(endAll);

const AGENTS = 64;
const CALLS = 20;
/** Without the storm it takes some milliseconds. */
const ANSWERED_WITHIN_MS = 5_000;

test("a connection that is kept is heard while others are opened without end", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  let isOver = false;
  const agent = async () => {
    while (!isOver) await ferry.ask("GET", `/v3/sources/${source_id}`);
  };
  const agents = Array.from({ length: AGENTS }, agent);
  try {
    for (let call = 0; call < CALLS; call++) {
      const reply = await fetch(`${ferry.url}/healthz`, { signal: AbortSignal.timeout(ANSWERED_WITHIN_MS) });
      expect(reply.status).toBe(200);
      await reply.text();
    }
  } finally {
    isOver = true;
    await Promise.allSettled(agents);
  }
});
