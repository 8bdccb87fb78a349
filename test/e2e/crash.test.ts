import { afterAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import type { Result } from "../../src/commands/schema.ts";
import { endAll, Ferry, waitUntil } from "./executable.ts";

/* kill -9 at the worst moments: what was acknowledged is there afterwards, and nothing is there twice. */

afterAll(endAll);

const KILLS = 20;
const LOAD_MS = 25_000;
const AGENTS = 12;
const LARGEST_DETAIL = 40_000;

/** What PRAGMA integrity_check says of the database file, of a copy, so that the recovery stays ferry's own. */
async function integrity(ferry: Ferry): Promise<unknown[]> {
  const folder = join(ferry.folder.path, "copy");
  mkdirSync(folder);
  for (const name of ["ferry.db", "ferry.db-wal"]) {
    if (existsSync(join(ferry.data, name))) copyFileSync(join(ferry.data, name), join(folder, name));
  }
  const client = createClient({ url: `file:${join(folder, "ferry.db")}` });
  try {
    return (await client.execute("PRAGMA integrity_check")).rows.map((row) => row[0]);
  } finally {
    client.close();
    rmSync(folder, { recursive: true });
  }
}

test("between poll and report: the command is offered again, marked, and the report matches", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  const { id } = await ferry.queue(source_id);
  expect(await ferry.poll(source_id)).toEqual({ reply: { command_name: "START" }, id, attempt: 1 });
  const first = await ferry.command(id);

  await ferry.kill();
  await ferry.start();

  const { state, first_delivered_at } = await ferry.command(id);
  expect({ state, first_delivered_at }).toEqual({ state: "delivered", first_delivered_at: first.first_delivered_at });
  const again = await ferry.poll(source_id);
  expect(again).toMatchObject({ reply: { command_name: "START" }, id });
  expect(again.attempt).toBeGreaterThan(1);
  expect((await ferry.report(source_id, { pid: 4117 })).status).toBe(200);
  const after = await ferry.command(id);
  expect(after).toMatchObject({ state: "succeeded", reports: [{ kind: "matched", result_detail: { pid: 4117 } }] });
  expect(after.attempts).toBeGreaterThan(1);
});

test("right after a queued command's 201: it is there, and its idempotency key too", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  const order = { command_name: "START", idempotency_key: "order-1" };
  const { id } = await ferry.queue(source_id, order);

  await ferry.kill();
  await ferry.start();

  expect((await ferry.queue(source_id, order)).id).toBe(id);
  expect(await ferry.poll(source_id)).toMatchObject({ id, attempt: 1 });
});

test("right after a report's 200: the result is there, and the same report again is a repeat", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  const { id } = await ferry.queue(source_id);
  await ferry.poll(source_id);
  expect((await ferry.report(source_id, { pid: 4117 })).status).toBe(200);

  await ferry.kill();
  await ferry.start();

  expect(await ferry.command(id)).toMatchObject({
    state: "succeeded",
    reports: [{ kind: "matched", result_detail: { pid: 4117 } }],
  });
  expect(await ferry.poll(source_id)).toEqual({ reply: { command_name: "TASK_NOT_STARTED" }, id: null, attempt: 0 });
  expect((await ferry.report(source_id, { pid: 4117 })).status).toBe(200);
  expect((await ferry.results()).map(({ kind, command_id }) => [kind, command_id])).toEqual([
    ["repeat", id],
    ["matched", id],
  ]);
});

test("again and again under load: every acknowledged report is stored exactly once", async () => {
  const ferry = await Ferry.start();
  const sources = await Promise.all(
    Array.from({ length: AGENTS }, (_, agent) => ferry.registerSource(`agent-${agent}`)),
  );
  /** By the report's own mark: the command that it was for. */
  const sent = new Map<string, string>();
  const acknowledged = new Set<string>();
  let done = false;

  // An order, a poll, a report, as fast as they go; what a crash interrupts is given up and the next round begins.
  const work = async (source_id: string, agent: number) => {
    for (let round = 0; !done; round += 1) {
      try {
        const { id } = await ferry.queue(source_id);
        if ((await ferry.poll(source_id)).id !== id) throw new Error(`another command than ${id} was offered`);
        const mark = `${agent}-${round}`;
        sent.set(mark, id);
        const response = await ferry.report(source_id, { mark, filler: "x".repeat(Math.random() * LARGEST_DETAIL) });
        if (response.status !== 200) throw new Error(`the report was answered ${response.status}`);
        await response.text();
        acknowledged.add(mark);
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        await Bun.sleep(5);
      }
    }
  };
  const agents = Promise.all(sources.map(work));
  let failure: unknown;
  agents.catch((error) => {
    failure = error;
  });

  const startedMs = Date.now();
  let kills = 0;
  while (kills < KILLS && Date.now() - startedMs < LOAD_MS) {
    // A few reports, or very many, and then in the middle of others.
    const goal = acknowledged.size + Math.floor(1 + Math.random() ** 2 * 150);
    await waitUntil(() => acknowledged.size >= goal || failure !== undefined, "reports after a restart", 20_000, 1);
    if (failure) throw failure;
    await ferry.kill();
    kills += 1;
    expect(await integrity(ferry)).toEqual(["ok"]);
    await ferry.start();
  }
  done = true;
  await agents;

  const stored = Map.groupBy(await ferry.results(), ({ result_detail }) => (result_detail as { mark: string }).mark);
  console.log(`${kills} kills, ${sent.size} reports sent, ${acknowledged.size} acknowledged, ${stored.size} stored`);
  expect(kills).toBeGreaterThan(5);
  const kept = ([result, ...more]: Result[] = []) => ({
    kind: result?.kind,
    command_id: result?.command_id,
    more: more.length,
  });
  for (const mark of acknowledged) {
    expect({ mark, ...kept(stored.get(mark)) }).toEqual({
      mark,
      kind: "matched",
      command_id: sent.get(mark) ?? "",
      more: 0,
    });
  }
  for (const [mark, results] of stored) {
    expect({ mark, isSent: sent.has(mark), count: results.length }).toEqual({ mark, isSent: true, count: 1 });
  }
  // Commands and reports are one commit: a command has succeeded exactly if its report is stored.
  const succeeded = new Set(await commandIds(ferry, "succeeded"));
  expect(succeeded).toEqual(new Set([...stored.keys()].map((mark) => sent.get(mark) ?? "")));
  expect(await ferry.stop()).toBe(0);
  expect(await integrity(ferry)).toEqual(["ok"]);
});

async function commandIds(ferry: Ferry, state: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { items: { id: string }[]; next_cursor: string | null } = await ferry.ask(
      "GET",
      `/operate/v1/commands?state=${state}&limit=1000${cursor && `&cursor=${cursor}`}`,
    );
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  return ids;
}

/** What fetch throws when nobody answers, or stops in the middle. */
function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^(ECONN|Connection|FailedToOpenSocket)/.test(String(error.code));
}
