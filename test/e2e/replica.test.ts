import { afterAll, beforeAll, describe, expect } from "bun:test";
import { createClient } from "@libsql/client/web";
import { freeAddress, type Sqld } from "../edge/sqld.ts";
import { endAll, Ferry, testUnless, waitUntil } from "./executable.ts";
import { Balancer, endDatabases, noSqld, sharedEnvironment, startDatabase, startReplica } from "./several.ts";

/*
 * A replica of the libSQL server: it answers reads by itself, a moment behind, and passes writes on. So whoever reads
 * there may not see yet what has just been written, even over the same ferry.
 */

const test = testUnless(noSqld);

/** How far a replica may be behind on a busy machine. */
const LAG_MS = 5_000;
const HEAL_MS = 60_000;

describe.skipIf(noSqld !== undefined)("a ferry on a replica", () => {
  let primary: Sqld;
  let atPrimary: Ferry;
  let atReplica: Ferry;

  beforeAll(async () => {
    const grpc = freeAddress();
    primary = await startDatabase("--grpc-listen-addr", grpc);
    // The schema is brought up to date over the primary: a replica does not show at once what was made through it.
    atPrimary = await Ferry.start({ env: sharedEnvironment(primary.url) });
    const replica = await startReplica(grpc);
    const client = createClient({ url: replica.url });
    const hasSchema = () =>
      client.execute("SELECT 1 FROM access_keys").then(
        ({ rows }) => rows.length === 1,
        () => false,
      );
    await waitUntil(hasSchema, "the replica to have the first key", LAG_MS);
    client.close();
    atReplica = await Ferry.start({ env: sharedEnvironment(replica.url) });
  });
  afterAll(async () => {
    await endAll();
    await endDatabases();
  });

  /** Registered over the primary, and known to the replica. */
  async function register(name: string): Promise<string> {
    const source_id = await atPrimary.registerSource(name);
    const isKnown = async () => (await atReplica.call("GET", `/v3/sources/${source_id}`)).status === 200;
    await waitUntil(isKnown, "the source to be known to the replica", LAG_MS);
    return source_id;
  }

  test("lists what was written over the primary", async () => {
    const source_id = await register("listed");
    const { id } = await atPrimary.queue(source_id);
    const isListed = async () => {
      const { items } = await atReplica.ask<{ items: { id: string }[] }>(
        "GET",
        `/operate/v1/commands?source_id=${source_id}`,
      );
      return items.some((command) => command.id === id);
    };
    await waitUntil(isListed, "the command to be listed", LAG_MS);
  });

  test("a command goes out and comes back, with numbers that hold at both", async () => {
    const source_id = await register("looped");
    const { id } = await atPrimary.queue(source_id);
    const numbers: number[] = [];
    const poll = async (ferry: Ferry) => {
      const offer = await ferry.poll(source_id);
      if (offer.id === id) numbers.push(offer.attempt);
      return offer.id === id;
    };
    await waitUntil(() => poll(atReplica), "the command to be offered", LAG_MS);
    await Promise.all([atReplica, atPrimary, atReplica, atPrimary].map(poll));
    expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5]);

    expect((await atReplica.report(source_id, { pid: 4117 })).status).toBe(200);
    expect(await atPrimary.command(id)).toMatchObject({
      state: "succeeded",
      attempts: 5,
      reports: [{ kind: "matched" }],
    });
    // However far behind it reads: what has ended is not offered again.
    expect((await atReplica.poll(source_id)).id).toBeNull();
    await waitUntil(async () => (await atReplica.command(id)).state === "succeeded", "the replica to know", LAG_MS);
  });

  test("polls at both at once deliver a command once unmarked", async () => {
    const sources = await Promise.all(Array.from({ length: 10 }, (_, place) => register(`both-${place}`)));
    await Promise.all(sources.map((source_id) => atPrimary.queue(source_id)));
    const numbers = await Promise.all(
      sources.map(async (source_id) => {
        const polls = [atReplica, atPrimary, atReplica, atPrimary].map((ferry) => ferry.poll(source_id));
        return (await Promise.all(polls)).filter(({ id }) => id !== null).map(({ attempt }) => attempt);
      }),
    );
    for (const attempts of numbers) {
      expect(attempts.toSorted()).toEqual(attempts.map((_, place) => place + 1));
      expect(attempts.length).toBeGreaterThan(1);
    }
  });

  test("what is there once is made once: an order's key, a user's name", async () => {
    const source_id = await register("ordered");
    const order = { command_name: "START", idempotency_key: "order-1" };
    const made = await Promise.all([atReplica, atPrimary, atReplica].map((ferry) => ferry.queue(source_id, order)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const user = { name: "twice", role: "viewer" };
    const statuses = await Promise.all(
      [atReplica, atPrimary].map(async (ferry) => (await ferry.call("POST", "/operate/v1/users", user)).status),
    );
    expect(statuses.toSorted()).toEqual([201, 400]);
  });

  test("while the primary is gone it goes on reading and stores nothing; then it heals", async () => {
    const source_id = await register("left-alone");
    const balancer = new Balancer([atReplica]);
    const body = { command_name: "START", result: "success", result_detail: {} };
    const report = () => balancer.once(atReplica, "POST", `/v3/sources/${source_id}/command_result`, body);
    expect((await report()).status).toBe(200);

    await primary.kill();
    expect((await atReplica.call("GET", `/v3/sources/${source_id}`)).status).toBe(200);
    // The server it asks is there, so it waits for it, longer than most callers do.
    expect((await report()).status).not.toBe(200);

    await primary.start();
    await waitUntil(async () => (await report()).status === 200, "writes to go through again", HEAL_MS);
  });
});
