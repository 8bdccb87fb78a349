import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { bunPlatform } from "../../src/bun-platform.ts";
import { writeMasterKey } from "../../src/data-folder.ts";
import { migrate as migrateSchema } from "../../src/db/migrate.ts";
import { openFile } from "../../src/db/open-file.ts";
import { unfinishedCopyName } from "../../src/db/unfinished-copy.ts";
import { backup } from "../../src/upkeep/backup.ts";
import { tablesOf } from "../../src/upkeep/contents.ts";
import { placeOf, reading } from "../../src/upkeep/place.ts";
import { checkCopy, restore } from "../../src/upkeep/restore.ts";
import { openSecrets } from "../../src/upkeep/sealed-secrets.ts";
import { type Sqld, sqldProgram, startSqld } from "../edge/sqld.ts";
import { type FilledFerry, filledFerry, MASTER_KEY, settingsFor } from "./filled.ts";
import { keptOutput } from "./output.ts";

const sqldPath = await sqldProgram();
const KEY = Buffer.from(MASTER_KEY, "hex");

let ferry: FilledFerry;
let folder: string;
let copy: string;
const { output, printed, told } = keptOutput();
beforeEach(async () => {
  ferry = await filledFerry();
  folder = mkdtempSync(join(tmpdir(), "ferry-backup-"));
  copy = join(folder, "copy.db");
  printed.length = told.length = 0;
});
afterEach(async () => {
  await ferry.stop();
  rmSync(folder, { recursive: true });
});

const makeCopy = () => backup(copy, settingsFor(ferry.folder), output, false);
const change = async (...sql: string[]) => {
  const client = createClient({ url: `file:${copy}` });
  await client.migrate(sql);
  client.close();
};
const check = (settings = settingsFor(folder)) => checkCopy(copy, settings, output);
const results = async (path: string) => {
  const client = createClient({ url: `file:${path}` });
  const { rows } = await client.execute("SELECT count(*) AS n FROM results");
  client.close();
  return Number(rows[0]?.n);
};

describe("ferry backup", () => {
  test("copies while the service has the database, says what it made and names the key, never the key itself", async () => {
    await makeCopy();
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["copy.db"]);
    expect(await results(copy)).toBe(1);
    const [made, key, ...rest] = printed;
    expect(made).toMatch(
      new RegExp(`^${copy}: [\\d.]+ KB, \\d+ rows in 25 tables, of ferry 0\\.0\\.0-test \\(\\w+\\)$`),
    );
    expect(key).toMatch(
      /^master key to keep with it, in another place: .* \(fingerprint ([0-9a-f]{4}-){3}[0-9a-f]{4}\)$/,
    );
    expect([rest, told]).toEqual([[], []]);
    expect(printed.join()).not.toContain(MASTER_KEY);
  });

  test("leaves a file alone that is there already", async () => {
    writeFileSync(copy, "mine");
    await expect(makeCopy()).rejects.toThrow(`${copy} exists already: it is left as it is`);
    expect([readFileSync(copy, "utf8"), readdirSync(folder)]).toEqual(["mine", ["copy.db"]]);
  });

  test("makes no copy beside a log that SQLite would read into it, nor where a link leads nowhere, nor without a folder", async () => {
    writeFileSync(`${copy}-wal`, "of another database");
    await expect(makeCopy()).rejects.toThrow(`${copy}-wal exists already: it is left as it is`);
    rmSync(`${copy}-wal`);
    symlinkSync("nowhere", copy);
    await expect(makeCopy()).rejects.toThrow(`${copy} exists already`);
    rmSync(copy);
    const nowhere = backup(join(folder, "none", "copy.db"), settingsFor(ferry.folder), output, false);
    await expect(nowhere).rejects.toThrow(`there is no folder ${join(folder, "none")}`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("takes away what a backup that was killed has left, and nothing else", async () => {
    const { pid } = Bun.spawnSync(["true"]);
    writeFileSync(`${copy}.partial-${pid}`, "half");
    writeFileSync(`${copy}.partial-${process.pid}`, "of a container before this one");
    writeFileSync(`${copy}.partial-${process.ppid}`, "at work");
    await makeCopy();
    expect(readdirSync(folder).sort()).toEqual(["copy.db", `copy.db.partial-${process.ppid}`]);
  });

  test("says by exit and words if the key at hand is not the database's", async () => {
    const others = settingsFor(ferry.folder, { FERRY_MASTER_KEY: "08".repeat(32) });
    await expect(backup(copy, others, output, false)).rejects.toThrow("keep that one with it");
    expect(told.join()).toContain("is not the key of this database");
    expect(printed.join()).not.toContain("master key to keep");
    expect(existsSync(copy)).toBe(true);
  });

  test("where there is no database it makes none", async () => {
    await expect(backup(copy, settingsFor(folder), output, false)).rejects.toThrow(`there is no database ${folder}`);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("ferry restore --check", () => {
  test("a sound copy, all of its secrets opened", async () => {
    await makeCopy();
    await check();
    expect(printed.slice(-3).map((line) => line.slice(0, line.indexOf(":")))).toEqual([
      "ok    integrity",
      "ok    schema",
      "ok    master key",
    ]);
    expect(printed.at(-1)).toMatch(
      /opens what is sealed: (\d+) of \1 secret keys, 1 of 1 passwords of templates, 2 of 2 secrets of tasks, 1 of 1 check values of the master key$/,
    );
    expect(readdirSync(folder)).toEqual(["copy.db"]);
  });

  test("another key, no key, a key that others can read", async () => {
    await makeCopy();
    await expect(check(settingsFor(folder, { FERRY_MASTER_KEY: "08".repeat(32) }))).rejects.toThrow(
      "1 of 3 checks failed",
    );
    expect(printed.at(-1)).toMatch(
      /^fail {2}master key: .* is not the key of this database: it opens none of \d+ secret keys/,
    );
    const withoutKey = settingsFor(folder, { FERRY_MASTER_KEY: "" });
    await expect(check(withoutKey)).rejects.toThrow("1 of 3 checks failed");
    expect(printed.at(-1)).toContain(`there is no ${join(folder, "master.key")}, and FERRY_MASTER_KEY is not set`);
    writeMasterKey(folder, KEY);
    await check(withoutKey);
    Bun.spawnSync(["chmod", "644", join(folder, "master.key")]);
    await expect(check(withoutKey)).rejects.toThrow("1 of 3 checks failed");
    expect(printed.at(-1)).toContain("can be read by others");
  });

  test("a secret that was changed is counted; the rest can still be served", async () => {
    await makeCopy();
    await change("UPDATE task_secrets SET sealed = 'v1.' || substr(sealed, 5) WHERE seq = 1");
    await check();
    expect(printed.at(-1)).toMatch(
      /^warn {2}master key: .*1 of 2 secrets of tasks, .*; what does not open was changed/,
    );
  });

  test("a check value that the key does not open: ferry would not start, whatever else it opens", async () => {
    await makeCopy();
    await change("UPDATE master_key_check SET sealed = 'v1.' || substr(sealed, 5)");
    await expect(check()).rejects.toThrow("1 of 3 checks failed");
    expect(printed.at(-1)).toMatch(
      /^fail {2}master key: .* is not the key of this database: it opens .*0 of 1 check values/,
    );
  });

  test("a copy of a newer ferry, half a copy, something else, nothing", async () => {
    await makeCopy();
    await change("INSERT INTO ferry_migrations VALUES ('9999_later', '2.3.0', 1)");
    await expect(check()).rejects.toThrow("1 of 2 checks failed");
    expect(printed.at(-1)).toContain(
      "was written by ferry 2.3.0 (migration 9999_later), which is newer than this ferry",
    );
    await change("DELETE FROM ferry_migrations WHERE name = '9999_later'");
    await change(`INSERT INTO ferry_migrations VALUES ('${unfinishedCopyName("x")}', '0.1.0', 1)`);
    await expect(check()).rejects.toThrow("1 of 2 checks failed");
    expect(printed.at(-1)).toContain("holds a copy that was not finished");
    writeFileSync(copy, "a text, which is no database at all, and longer than a header\n".repeat(100));
    await expect(check()).rejects.toThrow("1 of 1 checks failed");
    expect(printed.at(-1)).toContain("file is not a database");
    writeFileSync(copy, "");
    await expect(check()).rejects.toThrow("1 of 2 checks failed");
    expect(printed.at(-1)).toContain("holds no data of ferry: it is empty");
    rmSync(copy);
    await expect(check()).rejects.toThrow(`there is no file ${copy}`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a damaged page, a row that refers to nothing", async () => {
    await makeCopy();
    await change("DELETE FROM projects");
    await expect(check()).rejects.toThrow("1 of 1 checks failed");
    expect(printed.at(-1)).toMatch(/^fail {2}integrity: \d+ rows of access_keys refer to rows that are missing/);
    rmSync(copy);
    await makeCopy();
    const bytes = readFileSync(copy);
    // Behind the schema's pages, in rows and indexes.
    for (let at = 16 * 4096; at < bytes.length; at += 4096) bytes.fill(0xff, at, at + 64);
    writeFileSync(copy, bytes);
    await expect(check()).rejects.toThrow("1 of 1 checks failed");
    expect(printed.at(-1)).toMatch(/^fail {2}integrity: /);
  });
});

describe("ferry restore", () => {
  test("into an empty folder; the service goes on from there", async () => {
    await makeCopy();
    const data = join(folder, "new", "data");
    await restore(copy, settingsFor(data), output);
    expect(statSync(join(data, "ferry.db")).mode & 0o777).toBe(0o600);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    const { client, close } = await openFile(join(data, "ferry.db"), bunPlatform);
    await migrateSchema(client, "0.1.0", 1);
    expect((await client.execute("SELECT count(*) AS n FROM results")).rows[0]?.n).toBe(1);
    close();
    await expect(restore(copy, settingsFor(data), output)).rejects.toThrow("Stop ferry, move");
  });

  test("takes a plain copy of a database too, with the log beside it", async () => {
    const [db, wal] = ["ferry.db", "ferry.db-wal"].map((name) => join(ferry.folder, name));
    copyFileSync(db ?? "", copy);
    copyFileSync(wal ?? "", `${copy}-wal`);
    const data = join(folder, "data");
    await restore(copy, settingsFor(data), output);
    expect(await results(join(data, "ferry.db"))).toBe(1);
  });

  test("refuses what the service could not serve, and a folder that is used or being used", async () => {
    await makeCopy();
    const data = join(folder, "data");
    const wrong = settingsFor(data, { FERRY_MASTER_KEY: "08".repeat(32) });
    await expect(restore(copy, wrong, output)).rejects.toThrow("1 of 3 checks failed");
    expect(existsSync(data)).toBe(false);
    await expect(restore(copy, settingsFor(ferry.folder), output)).rejects.toThrow("there is a database already");
    const starting = await openFile(join(folder, "ferry.db"), bunPlatform);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, `ferry.db${suffix}`), { force: true });
    await expect(restore(copy, settingsFor(folder), output)).rejects.toThrow("another ferry process has");
    starting.close();
  });
});

test.skipIf(process.getuid?.() !== 0)("root is sent away from a service's folder that is another user's", async () => {
  await makeCopy();
  const data = join(folder, "data");
  mkdirSync(data);
  chownSync(data, 65534, 65534);
  await expect(restore(copy, settingsFor(data), output)).rejects.toThrow(
    "belongs to another user (65534): run this as",
  );
  expect(readdirSync(data)).toEqual([]);
});

test("every column with something sealed is known, and opened with what the services sealed it for", async () => {
  const opened = await reading(placeOf({ url: `file:${join(ferry.folder, "ferry.db")}` }), async (reader) => {
    const columns = (await tablesOf(reader)).flatMap(({ name, columns }) =>
      columns.map((column) => `${name}.${column}`),
    );
    expect(columns.filter((column) => column.includes("sealed"))).toEqual([
      "access_keys.sealed_secret",
      "master_key_check.sealed",
      "task_secrets.sealed",
      "templates.target_password_sealed",
    ]);
    return openSecrets(reader, KEY);
  });
  expect(opened.map(({ what, count, opened }) => [what, count > 0, opened === count])).toEqual([
    ["secret keys", true, true],
    ["passwords of templates", true, true],
    ["secrets of tasks", true, true],
    ["check values of the master key", true, true],
  ]);
});

describe.skipIf(!sqldPath)("over a libSQL server", () => {
  let server: Sqld;
  let remote: Client;
  beforeAll(async () => {
    if (sqldPath === undefined) return;
    server = await startSqld(sqldPath);
    remote = createClient({ url: server.url });
  });
  afterAll(async () => {
    remote?.close();
    await server?.stop();
  });

  test("a copy is restored to an empty server, and a copy is taken from there while it is written to", async () => {
    await makeCopy();
    const settings = settingsFor(folder, { FERRY_DATABASE_URL: server.url });
    await restore(copy, settings, output);
    let events = 0;
    const busy = (async () => {
      for (const end = Date.now() + 1_500; Date.now() < end; events += 1)
        await remote.execute("INSERT INTO events (account_seq, at, type) VALUES (1, 1, 'meanwhile')");
    })();
    await Bun.sleep(200);
    const before = events;
    const second = join(folder, "second.db");
    await backup(second, settings, output, true);
    await busy;
    const client = createClient({ url: `file:${second}` });
    const { rows } = await client.execute("SELECT count(*) AS n FROM events WHERE type = 'meanwhile'");
    client.close();
    expect(Number(rows[0]?.n)).toBeGreaterThanOrEqual(before);
    expect(statSync(second).mode & 0o777).toBe(0o600);
    await checkCopy(second, settings, output);
    await expect(restore(copy, settings, output)).rejects.toThrow("holds data of a ferry already");
  });
});
