import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client/sqlite3";
import { sql } from "drizzle-orm";
import { Failure } from "../../src/core/failure.ts";
import type { Database } from "../../src/db/database.ts";
import { openFile } from "../../src/db/open-file.ts";
import type { GroupPlan } from "../../src/db/writer.ts";

let folder: string;
let database: Database;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ferry-writer-"));
  database = await openFile(join(folder, "a b%#?.db"), { nextTurn: setImmediate, now: Date.now });
  await database.client.execute(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT NOT NULL, n INTEGER CHECK (n < 100))",
  );
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

interface Row {
  who: string;
  n: number;
}
let groups: number[] = [];
const plan = (more: Partial<GroupPlan<Row, number>> = {}): GroupPlan<Row, number> => ({
  statements: (rows) => {
    groups.push(rows.length);
    return [
      {
        sql: "INSERT INTO t (who, n) SELECT value ->> 'who', value ->> 'n' FROM json_each(?)",
        args: [JSON.stringify(rows)],
      },
      { sql: "SELECT count(*) AS n FROM t", args: [] },
    ];
  },
  outcomes: (results, rows) => rows.map((row) => row.n + Number(results[1]?.rows[0]?.n) * 1000),
  readBack: () => Promise.reject(new Error("a file answers every commit")),
  key: (row) => row.who,
  bytes: () => 10,
  ...more,
});
const stored = async () =>
  (await database.client.execute("SELECT who, n FROM t ORDER BY id")).rows.map((row) => `${row.who}${row.n}`);
beforeEach(() => {
  groups = [];
});

describe("a group", () => {
  test("takes what comes in one turn of the event loop into one commit", async () => {
    const group = database.writer.group(plan());
    const outcomes = await Promise.all(["a", "b", "c"].map((who, n) => group.add({ who, n })));
    expect([groups, outcomes]).toEqual([[3], [3000, 3001, 3002]]);
  });

  test("rows of one key go out one after the other, in order, and nothing overtakes", async () => {
    const group = database.writer.group(plan());
    await Promise.all([
      group.add({ who: "a", n: 1 }),
      group.add({ who: "a", n: 2 }),
      group.add({ who: "b", n: 3 }),
      group.add({ who: "a", n: 4 }),
    ]);
    expect(groups).toEqual([2, 1, 1]);
    expect((await stored()).filter((row) => row.startsWith("a"))).toEqual(["a1", "a2", "a4"]);
  });

  test("a bad row fails alone", async () => {
    const group = database.writer.group(plan());
    const settled = await Promise.allSettled([1, 200, 2].map((n) => group.add({ who: String(n), n })));
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await stored()).toEqual(["11", "22"]);
  });

  test("is bounded in rows and in bytes", async () => {
    const many = database.writer.group(plan());
    await Promise.all(Array.from({ length: 450 }, (_, index) => many.add({ who: `w${index}`, n: 1 })));
    expect(groups).toEqual([200, 200, 50]);
    groups = [];
    const heavy = database.writer.group(plan({ bytes: () => 10 * 1024 * 1024 }));
    await Promise.all(Array.from({ length: 3 }, (_, index) => heavy.add({ who: `h${index}`, n: 1 })));
    expect(groups).toEqual([1, 1, 1]);
  });

  test("tells memory of the commit before the next write begins", async () => {
    const seen: string[] = [];
    const group = database.writer.group(plan({ committed: (_, rows) => void seen.push(`group ${rows.length}`) }));
    const added = group.add({ who: "a", n: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    const after = database.writer.transaction(async () => void seen.push("transaction"));
    await Promise.all([added, after]);
    expect(seen).toEqual(["group 1", "transaction"]);
  });
});

describe("after the commit", () => {
  test("nothing goes out a second time, whatever goes wrong", async () => {
    const group = database.writer.group(
      plan({
        committed: () => {
          throw new Error("memory failed");
        },
      }),
    );
    const settled = await Promise.allSettled(["a", "b", "c"].map((who, n) => group.add({ who, n })));
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await stored()).toEqual(["a0", "b1", "c2"]);
  });

  test("drain waits for rows that wait for their group", async () => {
    const group = database.writer.group(plan());
    const added = group.add({ who: "a", n: 1 });
    await database.writer.drain();
    expect(await stored()).toEqual(["a1"]);
    await added;
  });

  test("drain waits for more rows than a group takes", async () => {
    const group = database.writer.group(plan());
    let done = 0;
    for (let n = 0; n < 450; n += 1) void group.add({ who: `${n}`, n: n % 100 }).then(() => (done += 1));
    await database.writer.drain();
    expect([done, groups]).toEqual([450, [200, 200, 50]]);
  });

  test("more than memory is good for is refused while it waits, and nothing of what was taken is lost", async () => {
    const group = database.writer.group(plan({ bytes: () => 100 * 1024 * 1024 }));
    const outcomes = await Promise.allSettled(["a", "b", "c", "d"].map((who, n) => group.add({ who, n })));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
    expect((await group.add({ who: "e", n: 5 })) % 1000).toBe(5);
  });
});

describe("a transaction", () => {
  const insert = (n: number) =>
    database.writer.transaction((tx) => tx.run(sql`INSERT INTO t (who, n) VALUES ('x', ${n})`));

  test("is alone and in order: 99 read-modify-writes lose nothing", async () => {
    await insert(0);
    await Promise.all(
      Array.from({ length: 99 }, () =>
        database.writer.transaction(async (tx) => {
          const [row] = await tx.all<{ n: number }>(sql`SELECT n FROM t`);
          await new Promise((resolve) => setImmediate(resolve));
          await tx.run(sql`UPDATE t SET n = ${(row?.n ?? 0) + 1}`);
        }),
      ),
    );
    expect(await stored()).toEqual(["x99"]);
  });

  test("rolls back whole when its work throws, and the queue goes on", async () => {
    const failing = database.writer.transaction(async (tx) => {
      await tx.run(sql`INSERT INTO t (who, n) VALUES ('gone', 1)`);
      throw new Failure("conflict", "no");
    });
    await expect(failing).rejects.toThrow("no");
    await insert(1);
    expect(await stored()).toEqual(["x1"]);
  });

  test("is refused while another program holds the file, and the next one passes as soon as it lets go", async () => {
    const other = createClient({ url: `file:${encodeURIComponent(join(folder, "a b%#?.db")).replaceAll("%2F", "/")}` });
    const held = await other.transaction("write");
    const refused = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await held.rollback();
    other.close();
    await insert(4);
    expect(await stored()).toEqual(["x4"]);
  });

  test("that calls the writer inside is told so instead of waiting for itself", async () => {
    const group = database.writer.group(plan());
    await expect(database.writer.transaction(() => insert(1))).rejects.toThrow("inside a transaction");
    await expect(database.writer.transaction(async () => group.add({ who: "a", n: 1 }))).rejects.toThrow(
      "inside a transaction",
    );
  });

  test("reads beside it see the last commit, not its changes", async () => {
    await database.writer.transaction(async (tx) => {
      await tx.run(sql`INSERT INTO t (who, n) VALUES ('x', 1)`);
      expect(await stored()).toEqual([]);
    });
    expect(await stored()).toEqual(["x1"]);
  });
});
