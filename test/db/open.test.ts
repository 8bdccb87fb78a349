import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client/sqlite3";
import { migrate } from "../../src/db/migrate.ts";
import { migrations } from "../../src/db/migrations.ts";
import { lockFile, openFile } from "../../src/db/open-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ferry-open-"));
  path = join(folder, "ferry.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("openFile", () => {
  test("refuses a file another process (here: another lock) holds, by name, and takes it once let go", async () => {
    const first = await openFile(path, { nextTurn: setImmediate, now: Date.now });
    await expect(openFile(path, { nextTurn: setImmediate, now: Date.now })).rejects.toThrow(
      `another ferry process has ${path} open`,
    );
    first.close();
    (await openFile(path, { nextTurn: setImmediate, now: Date.now })).close();
  });

  test("makes no file while another process holds the lock, as a restore does", async () => {
    const lock = await lockFile(path);
    await expect(openFile(path, { nextTurn: setImmediate, now: Date.now })).rejects.toThrow(
      "another ferry process has",
    );
    expect(existsSync(path)).toBe(false);
    lock.release();
  });

  test("the lock is the file's, by whatever link it is reached, also before there is one", async () => {
    const link = join(folder, "link.db");
    symlinkSync("ferry.db", link);
    const first = await openFile(link, { nextTurn: setImmediate, now: Date.now });
    for (const name of [link, path])
      await expect(lockFile(name)).rejects.toThrow(`another ferry process has ${path} open`);
    first.close();
  });

  test("every connection of the pool commits durably: WAL, synchronous FULL, foreign keys", async () => {
    const { client, close } = await openFile(path, { nextTurn: setImmediate, now: Date.now });
    const held = await client.transaction("read");
    await held.execute("SELECT 1");
    for (const connection of [held, client]) {
      const value = async (pragma: string) =>
        Object.values((await connection.execute(`PRAGMA ${pragma}`)).rows[0] ?? {})[0];
      expect([await value("journal_mode"), await value("synchronous"), await value("foreign_keys")]).toEqual([
        "wal",
        2,
        1,
      ]);
    }
    held.close();
    close();
  });
});

describe("migrate", () => {
  test("the migrations in the program are those of drizzle/, in order", () => {
    const files = readdirSync(join(import.meta.dir, "../../drizzle"))
      .filter((name) => name.endsWith(".sql"))
      .sort();
    expect(migrations.map(({ name }) => `${name}.sql`)).toEqual(files);
    for (const { name, sql } of migrations) {
      expect(sql).toBe(readFileSync(join(import.meta.dir, `../../drizzle/${name}.sql`), "utf8"));
    }
  });

  test("applies each once", async () => {
    const client = createClient({ url: `file:${path}` });
    await migrate(client, "1.0.0", 1);
    await migrate(client, "1.0.1", 2);
    const { rows } = await client.execute("SELECT name, ferry_version FROM ferry_migrations");
    expect(rows.map((row) => ({ ...row }))).toEqual(
      migrations.map(({ name }) => ({ name, ferry_version: "1.0.0" })) as never,
    );
    client.close();
  });

  test("refuses a newer database by the version that wrote it", async () => {
    const client = createClient({ url: `file:${path}` });
    await migrate(client, "1.0.0", 1);
    await client.execute("INSERT INTO ferry_migrations VALUES ('9999_later', '2.3.0', 1)");
    await expect(migrate(client, "1.0.0", 2)).rejects.toThrow(
      "the database was written by ferry 2.3.0 (migration 9999_later), which is newer than this ferry 1.0.0",
    );
    client.close();
  });

  test("a database of before there were users keeps its keys, with the role they had, and gains an admin", async () => {
    const client = createClient({ url: `file:${path}` });
    await client.executeMultiple(
      "CREATE TABLE ferry_migrations (name TEXT PRIMARY KEY, ferry_version TEXT NOT NULL, applied_at INTEGER NOT NULL);" +
        "INSERT INTO ferry_migrations VALUES ('0000_initial', '0.1.0', 1);" +
        (migrations[0]?.sql.replaceAll("--> statement-breakpoint", "") ?? ""),
    );
    await client.executeMultiple(`
      INSERT INTO accounts VALUES (1, 'a1', 'default', 5), (2, 'a2', 'other', 6);
      INSERT INTO projects VALUES ('p1', 1, 'region-1', 5), ('p2', 2, 'region-1', 6);
      INSERT INTO access_keys (access_key, account_seq, project_id, role, sealed_secret, created_at, disabled_at) VALUES
        ('ADMIN', 1, 'p1', 'admin', 'v1.x', 5, NULL), ('AGENT', 1, 'p1', 'agent', 'v1.y', 6, 7),
        ('OTHER', 2, 'p2', 'admin', 'v1.z', 6, NULL);`);
    await migrate(client, "0.2.0", 9);
    const { rows } = await client.execute(
      "SELECT access_key, k.role, k.disabled_at, k.account_seq, u.account_seq AS of, u.name, u.role AS user_role FROM access_keys k JOIN users u ON u.seq = k.user_seq ORDER BY k.seq",
    );
    const user = { name: "admin", user_role: "admin" };
    expect(rows.map((row) => ({ ...row })) as object[]).toEqual([
      { access_key: "ADMIN", role: "admin", disabled_at: null, account_seq: 1, of: 1, ...user },
      { access_key: "AGENT", role: "agent", disabled_at: 7, account_seq: 1, of: 1, ...user },
      { access_key: "OTHER", role: "admin", disabled_at: null, account_seq: 2, of: 2, ...user },
    ]);
    expect((await client.execute("PRAGMA foreign_key_check")).rows).toEqual([]);
    client.close();
  });
});
