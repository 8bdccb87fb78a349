import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client/sqlite3";
import { migrate } from "../../src/db/migrate.ts";
import { migrations } from "../../src/db/migrations.ts";
import { openFile } from "../../src/db/open-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ferry-open-"));
  path = join(folder, "ferry.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("openFile", () => {
  test("refuses a file another process (here: another lock) holds, by name, and takes it once let go", async () => {
    const first = await openFile(path, setImmediate);
    await expect(openFile(path, setImmediate)).rejects.toThrow(`another ferry process has ${path} open`);
    first.close();
    (await openFile(path, setImmediate)).close();
  });

  test("every connection of the pool commits durably: WAL, synchronous FULL, foreign keys", async () => {
    const { client, close } = await openFile(path, setImmediate);
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
});
