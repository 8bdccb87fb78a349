import { afterAll, expect, test } from "bun:test";
import { endAll, Ferry, waitUntil } from "./executable.ts";
import { RawConnection, signedHead } from "./raw-http.ts";

afterAll(endAll);

const STOP_BOUND_MS = 6_000;
const POLLS = 8;
const SLOW_REPORTS = 8;
const QUICK_REPORTS = 150;

test("SIGTERM answers all that has begun, keeps all that it acknowledged, and ends with 0", async () => {
  const ferry = await Ferry.start();
  const sources = await Promise.all(Array.from({ length: POLLS }, (_, place) => ferry.registerSource(`web-${place}`)));
  const [reporter = ""] = sources;

  const polls = sources.map((source_id) => ferry.poll(source_id, "?wait=55"));
  const areWaiting = async () =>
    (await ferry.ask<{ count: number }>("GET", "/v3/sources?connected=true")).count === POLLS;
  await waitUntil(areWaiting, "all polls to have arrived");

  // Reports of which only the half has been sent, on connections of their own.
  const slow = await Promise.all(
    Array.from({ length: SLOW_REPORTS }, async (_, place) => {
      const mark = `slow-${place}`;
      const body = JSON.stringify({ command_name: "START", result: "success", result_detail: { mark } });
      const connection = await RawConnection.open(ferry);
      connection.send(
        signedHead(ferry, "POST", `/v3/sources/${reporter}/command_result`, body, {
          "Content-Length": String(body.length),
        }),
      );
      connection.send(body.slice(0, 20));
      return { mark, connection, rest: body.slice(20) };
    }),
  );
  // A round trip later the server has read them.
  await ferry.ask("GET", "/v3/sources");

  const quick = Array.from({ length: QUICK_REPORTS }, async (_, place) => {
    const mark = `quick-${place}`;
    // Those that find nobody listening any more have not begun.
    const status = await ferry.report(sources[place % POLLS] ?? "", { mark }).then(
      (response) => response.status,
      () => 0,
    );
    return { mark, status };
  });
  await Promise.race(quick);
  const stoppedMs = performance.now();
  const exit = ferry.stop();
  await waitUntil(() => ferry.printed.stderr.includes("SIGTERM"), "the word that it stops");
  for (const { connection, rest } of slow) connection.send(rest);

  for (const { reply, id } of await Promise.all(polls))
    expect({ reply, id }).toEqual({ reply: { command_name: "TASK_NOT_STARTED" }, id: null });
  const slowStatuses = await Promise.all(
    slow.map(async ({ mark, connection }) => ({ mark, status: (await connection.reply()).status })),
  );
  const quickStatuses = await Promise.all(quick);
  expect(await exit).toBe(0);
  const tookMs = performance.now() - stoppedMs;
  expect(tookMs).toBeLessThan(STOP_BOUND_MS);
  for (const { connection } of slow) connection.close();

  await ferry.start();
  const stored = (await ferry.results()).map(({ result_detail }) => (result_detail as { mark: string }).mark);
  const acknowledged = [...slowStatuses, ...quickStatuses]
    .filter(({ status }) => status === 200)
    .map(({ mark }) => mark);
  console.log(
    `stopped in ${Math.round(tookMs)} ms; ${acknowledged.length} reports acknowledged, ${stored.length} stored`,
  );
  // A report that has begun is answered: taken, or refused as the service is shutting down.
  for (const { status } of slowStatuses) expect([200, 500]).toContain(status);
  for (const { status } of quickStatuses) expect([200, 500, 0]).toContain(status);
  expect(acknowledged.length).toBeGreaterThan(0);
  const missing = acknowledged.filter((mark) => !stored.includes(mark));
  const twice = stored.filter((mark, place) => stored.indexOf(mark) !== place);
  const refusedButStored = [...slowStatuses, ...quickStatuses].filter(
    ({ mark, status }) => status === 500 && stored.includes(mark),
  );
  expect({ missing, twice, refusedButStored }).toEqual({ missing: [], twice: [], refusedButStored: [] });
});

test("SIGINT does the same, and what was only in memory is written", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  const { id } = await ferry.queue(source_id);
  for (const attempt of [1, 2, 3]) expect((await ferry.poll(source_id)).attempt).toBe(attempt);
  const { last_visit_time } = await ferry.ask<{ last_visit_time: number }>("GET", `/v3/sources/${source_id}`);
  const { last_delivered_at } = await ferry.command(id);

  expect(await ferry.stop("SIGINT")).toBe(0);
  await ferry.start();

  expect(await ferry.command(id)).toMatchObject({ attempts: 3, last_delivered_at });
  expect(await ferry.ask("GET", `/v3/sources/${source_id}`)).toMatchObject({ last_visit_time, connected: true });
});

test("neither an idle connection nor a request that never ends holds up the stop for long", async () => {
  const ferry = await Ferry.start();
  const idle = await RawConnection.open(ferry);
  idle.send(signedHead(ferry, "GET", "/v3/sources"));
  expect((await idle.reply()).status).toBe(200);
  const endless = await RawConnection.open(ferry);
  endless.send(signedHead(ferry, "POST", "/v3/sources", "{}", { "Content-Length": "2" }));
  endless.send("{");
  await ferry.ask("GET", "/v3/sources"); // a round trip later the server has read that
  const stoppedMs = performance.now();
  expect(await ferry.stop()).toBe(0);
  expect(performance.now() - stoppedMs).toBeLessThan(STOP_BOUND_MS);
  for (const connection of [idle, endless]) connection.close();
});
