import { afterAll, expect, test } from "bun:test";
import { endAll, Ferry, waitUntil } from "./executable.ts";

afterAll(endAll);

test("deadlines that pass while nothing runs hold from the first answer after the start", async () => {
  const ferry = await Ferry.start();
  const [never, late, both, later] = await Promise.all(
    ["never", "late", "both", "later"].map((name) => ferry.registerSource(name)),
  );
  if (!never || !late || !both || !later) throw new Error("four sources were registered");
  const deliver_by = Date.now() + 1_500;
  const undelivered = await ferry.queue(never, { command_name: "START", deliver_by });
  const overdue = await ferry.queue(late, { command_name: "START", finish_within_s: 1 });
  const delivered = await ferry.queue(both, { command_name: "START", deliver_by, finish_within_s: 600 });
  const open = await ferry.queue(later, {
    command_name: "START",
    deliver_by: deliver_by + 600_000,
    finish_within_s: 1,
  });
  for (const source_id of [late, both]) expect((await ferry.poll(source_id)).attempt).toBe(1);
  expect(await ferry.command(undelivered.id)).toMatchObject({ state: "queued", ended_at: null });
  const { first_delivered_at } = await ferry.command(overdue.id);
  const finish_by = (first_delivered_at ?? 0) + 1_000;

  await ferry.kill();
  await waitUntil(() => Date.now() > Math.max(deliver_by, finish_by), "the deadlines to pass");
  const startedAt = Date.now();
  await ferry.start();

  const ended = await Promise.all([undelivered, overdue, delivered, open].map(({ id }) => ferry.command(id)));
  expect(ended.map(({ state, reason }) => ({ state, reason }))).toEqual([
    { state: "undelivered", reason: expect.stringContaining("deliver_by") },
    { state: "overdue", reason: expect.stringContaining("finish_within") },
    // In time: this one was fetched before deliver_by, the other one has no finish_within before it is fetched.
    { state: "delivered", reason: null },
    { state: "queued", reason: null },
  ]);
  for (const { ended_at } of ended.slice(0, 2)) expect(ended_at).toBeWithin(startedAt, Date.now() + 1);
  for (const source_id of [never, late])
    expect((await ferry.poll(source_id)).reply).toEqual({ command_name: "TASK_NOT_STARTED" });
  expect(await ferry.poll(both)).toMatchObject({ id: delivered.id, attempt: 2 });

  // The agent that was cut off reports all the same.
  for (const source_id of [never, late]) expect((await ferry.report(source_id, {})).status).toBe(200);
  const reports = (await ferry.results()).map(({ source_id, kind, command_id }) => ({ source_id, kind, command_id }));
  expect(reports).toEqual([
    { source_id: late, kind: "late", command_id: overdue.id },
    { source_id: never, kind: "unsolicited", command_id: null },
  ]);
  const events = await ferry.ask<{ items: { type: string; command_id: string | null }[] }>(
    "GET",
    "/operate/v1/events?limit=1000",
  );
  const ends = events.items
    .filter(({ type }) => /undelivered|overdue/.test(type))
    .map(({ type, command_id }) => [type, command_id]);
  expect(ends.toSorted()).toEqual([
    ["command.overdue", overdue.id],
    ["command.undelivered", undelivered.id],
  ]);
});

test("deadlines that pass while it runs end a command within seconds, without anybody asking", async () => {
  const ferry = await Ferry.start();
  const source_id = await ferry.registerSource();
  const { id } = await ferry.queue(source_id, { command_name: "START", deliver_by: Date.now() + 300 });
  const isListed = async () => {
    const { items } = await ferry.ask<{ items: { id: string }[] }>("GET", "/operate/v1/commands?state=undelivered");
    return items.length === 1;
  };
  await waitUntil(isListed, "the command to end as undelivered", 5_000);
  expect(await ferry.command(id)).toMatchObject({
    state: "undelivered",
    reason: expect.stringContaining("deliver_by"),
  });
});
