import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { bunPlatform } from "../../src/bun-platform.ts";
import { Failure } from "../../src/core/failure.ts";
import type { Database } from "../../src/db/database.ts";
import { Lease } from "../../src/db/lease.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openRemote } from "../../src/db/open-remote.ts";
import { deleteOldMarks } from "../../src/db/remote-store.ts";
import type { GroupPlan } from "../../src/db/writer.ts";
import { type Sqld, sqldProgram, startSqld } from "../edge/sqld.ts";
import { type FlakyServer, type Mishap, startFlakyServer } from "./flaky-server.ts";

/* Writes over a connection that loses requests and replies: each is made once, or said not to be. */

const program = await sqldProgram();

describe.skipIf(!program)("over a connection to a libSQL server", () => {
  let sqld: Sqld;
  let line: FlakyServer;
  /** Over the flaky connection. */
  let database: Database;
  /** Beside it. */
  let direct: Database;

  beforeAll(async () => {
    sqld = await startSqld(program as string);
    direct = openRemote({ url: sqld.url }, bunPlatform);
    await migrate(direct.client, "0.0.0-test", 1);
    await direct.client.execute("CREATE TABLE t (n INTEGER PRIMARY KEY CHECK (n < 100000), times INTEGER NOT NULL)");
  });
  afterAll(() => sqld?.stop());
  beforeEach(async () => {
    await direct.client.execute("DELETE FROM t");
    line?.stop();
    line = await startFlakyServer(sqld.url);
    database = openRemote({ url: line.url }, bunPlatform);
  });
  afterAll(() => line?.stop());

  /** Not idempotent by itself: made twice, it counts twice. */
  const count = (n: number) => ({
    sql: "INSERT INTO t VALUES (?, 1) ON CONFLICT (n) DO UPDATE SET times = times + 1",
    args: [n],
  });
  const plan: GroupPlan<number, string> = {
    statements: (rows) => rows.map(count),
    outcomes: (_, rows) => rows.map((n) => `told ${n}`),
    readBack: async (rows) => rows.map((n) => `read back ${n}`),
    key: (n) => n,
    bytes: () => 10,
  };
  const write = (n: number) =>
    database.writer.transaction(async (tx) => {
      await tx.run(sql`SELECT 1`);
      await tx.run(sql`INSERT INTO t VALUES (${n}, 1) ON CONFLICT (n) DO UPDATE SET times = times + 1`);
      return `done ${n}`;
    });
  const stored = async () =>
    (await direct.client.execute("SELECT n, times FROM t ORDER BY n")).rows.map(({ n, times }) => [n, times]);

  test.each([
    ["request lost", "told 1"],
    ["reply lost", "read back 1"],
    ["refused", "told 1"],
    ["gateway error", "read back 1"],
    ["sent twice", "read back 1"],
  ] as const)("a group, %s: made once", async (mishap, outcome) => {
    line.next(mishap);
    expect(await database.writer.group(plan).add(1)).toBe(outcome);
    expect(await stored()).toEqual([[1, 1]]);
    expect(line.seen[0]).toBe(mishap);
  });

  // BEGIN with the mark and the first statement, the second statement, COMMIT.
  test.each(
    (["request lost", "reply lost", "refused", "gateway error", "sent twice"] as const).flatMap((mishap) =>
      [0, 1, 2].map((at) => [mishap, at] as const),
    ),
  )("a transaction, %s at message %i: made once, with its result", async (mishap, at) => {
    line.next(...Array(at).fill(null), mishap);
    expect(await write(1)).toBe("done 1");
    expect(await stored()).toEqual([[1, 1]]);
    expect(line.seen[at]).toBe(mishap);
  });

  test("rows that went out together and came twice are each made once", async () => {
    line.next("sent twice");
    const group = database.writer.group(plan);
    expect(await Promise.all([group.add(1), group.add(2)])).toEqual(["read back 1", "read back 2"]);
    expect(await stored()).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("words in a value are not taken for the server's", async () => {
    const begun = performance.now();
    const failing = database.writer.transaction((tx) => tx.run(sql`INSERT INTO t VALUES (json(${"ETIMEDOUT {"}), 1)`));
    await expect(failing).rejects.toThrow();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test("whether it was made is asked again, where that answer is lost too", async () => {
    line.next(null, null, "reply lost", "reply lost", "request lost");
    expect(await write(1)).toBe("done 1");
    expect(await stored()).toEqual([[1, 1]]);

    line.next(null, null, "request lost", "reply lost", "reply lost");
    expect(await write(2)).toBe("done 2");
    expect(await stored()).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("a reading is asked again", async () => {
    line.next("reply lost", "request lost", "refused");
    expect(await database.reader.all<{ one: number }>(sql`SELECT 1 AS one`)).toMatchObject([{ one: 1 }]);
  });

  test("what the work refuses is not tried again, whatever its words are", async () => {
    let runs = 0;
    const refusing = database.writer.transaction(async (tx) => {
      runs += 1;
      await tx.run(sql`INSERT INTO t VALUES (7, 1)`);
      throw new Failure("conflict", "there is a user named SQLITE_BUSY TimeoutError already");
    });
    await expect(refusing).rejects.toThrow("there is a user named");
    expect([runs, await stored()]).toEqual([1, []]);
  });

  test("what breaks a rule of the database fails at once, and takes no other row of its group with it", async () => {
    const group = database.writer.group(plan);
    const settled = await Promise.allSettled([1, 100_000, 2].map((n) => group.add(n)));
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await expect(write(100_000)).rejects.toThrow();
    expect(await stored()).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("a write that was given up on is not made any more", async () => {
    const mark = { sql: "INSERT INTO ferry_writes (id, made) VALUES (?, true)", args: ["late"] };
    await direct.client.execute({ sql: "INSERT INTO ferry_writes (id, made) VALUES (?, false)", args: ["late"] });
    await expect(direct.client.batch([mark, count(9)], "write")).rejects.toThrow("UNIQUE constraint failed");
    expect(await stored()).toEqual([]);
  });

  test("many groups, mishaps at random: each row is made once", async () => {
    let state = 7;
    const random = () => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
    const kinds: Mishap[] = ["request lost", "reply lost", "refused", "gateway error", "sent twice"];
    line.next(
      ...Array.from({ length: 400 }, () =>
        random() < 0.3 ? (kinds[Math.floor(random() * kinds.length)] as Mishap) : null,
      ),
    );
    const group = database.writer.group(plan);
    const lanes = [0, 1, 2, 3].map(async (lane) => {
      for (let n = lane; n < 120; n += 4) await group.add(n);
    });
    await Promise.all(lanes);
    expect(line.seen.filter((mishap) => mishap !== null).length).toBeGreaterThan(10);
    expect(await stored()).toEqual(Array.from({ length: 120 }, (_, n) => [n, 1]));
  });

  test("one of several processes holds a lease, and the next one has it seconds after the first is gone", async () => {
    const [first, second] = [0, 1].map(
      () => new Lease(bunPlatform, openRemote({ url: sqld.url }, bunPlatform), "test"),
    );
    if (!first || !second) throw new Error("two");
    const at = Date.now();
    expect([await first.isHeld(), await second.isHeld(), await first.isHeld()]).toEqual([true, false, true]);
    // The first one dies: it neither renews nor releases.
    while (!(await second.isHeld()) && Date.now() < at + 15_000) await Bun.sleep(100);
    expect(Date.now() - at).toBeGreaterThan(5_000);
    expect([await second.isHeld(), await first.isHeld()]).toEqual([true, false]);
    await second.release();
    expect([await first.isHeld(), await second.isHeld()]).toEqual([true, false]);
  });

  test("however many ask while the server is silent are told in time, and it is noticed when it speaks again", async () => {
    const asking = openRemote({ url: sqld.url }, bunPlatform);
    sqld.pause();
    try {
      const begun = performance.now();
      const read = () => asking.reader.all(sql`SELECT 1`);
      const asked = await Promise.allSettled(Array.from({ length: 300 }, read));
      expect(asked.filter(({ status }) => status === "fulfilled")).toEqual([]);
      expect(performance.now() - begun).toBeLessThan(20_000);
    } finally {
      sqld.resume();
    }
    expect(await asking.reader.all(sql`SELECT 1 AS one`)).toHaveLength(1);
  });

  test("only old marks are deleted", async () => {
    await direct.client.execute("DELETE FROM ferry_writes");
    await direct.client.execute(
      "INSERT INTO ferry_writes (id, made, at) VALUES ('a', 1, 1), ('b', 0, 1), ('c', 1, unixepoch() * 1000)",
    );
    expect(await direct.writer.transaction((tx) => deleteOldMarks(tx, 10))).toBe(2);
    const { rows } = await direct.client.execute("SELECT id FROM ferry_writes WHERE id < 'd' AND id NOT LIKE '0%'");
    expect(rows.map(({ id }) => id)).toEqual(["c"]);
  });
});
