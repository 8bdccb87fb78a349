import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { migrate as migrateSchema } from "../../src/db/migrate.ts";
import { uuidTextInSql } from "../../src/db/uuid.ts";
import { tablesOf } from "../../src/upkeep/contents.ts";
import { copyDatabase } from "../../src/upkeep/copy.ts";
import { committed } from "../../src/upkeep/copy-mark.ts";
import { duplicate } from "../../src/upkeep/duplicate.ts";
import { migrate } from "../../src/upkeep/migrate.ts";
import { placeOf, reading } from "../../src/upkeep/place.ts";
import { type Sqld, sqldProgram, startSqld } from "../edge/sqld.ts";
import { type FilledFerry, filledFerry, settingsFor } from "./filled.ts";
import { keptOutput } from "./output.ts";

const sqldPath = await sqldProgram();

const ends = (from?: string, to?: string, from_namespace?: string, to_namespace?: string) => ({
  from: { url: from, namespace: from_namespace },
  to: { url: to, namespace: to_namespace },
});

/** Every value of every table, to the byte, with the numbers given out. */
async function everything(client: Pick<Client, "execute">): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const { name, columns } of await tablesOf(client)) {
    const values = columns.map((column) => `typeof("${column}") || hex("${column}") || quote("${column}")`);
    const { rows } = await client.execute(`SELECT ${values.join(" || '|' || ")} AS line FROM "${name}" ORDER BY 1`);
    found[name] = rows.map(({ line }) => String(line));
  }
  const { rows } = await client.execute("SELECT name || ' ' || seq AS line FROM sqlite_sequence ORDER BY 1");
  found.sequences = rows.map(({ line }) => String(line));
  const schema = await client.execute(
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
  );
  found.schema = schema.rows.map(({ sql }) => String(sql));
  return found;
}

describe.skipIf(!sqldPath)("ferry migrate", () => {
  let server: Sqld;
  let remote: Client;
  let ferry: FilledFerry;
  let folder: string;
  let source: string;
  const { output, printed, told } = keptOutput();
  const settings = () => settingsFor(join(folder, "none"));
  const toServer = () => migrate(ends(`file:${source}`, server.url), settings(), output, false);

  beforeAll(async () => {
    if (sqldPath === undefined) return;
    server = await startSqld(sqldPath);
    remote = createClient({ url: server.url });
  });
  afterAll(async () => {
    remote?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    ferry = await filledFerry();
    folder = mkdtempSync(join(tmpdir(), "ferry-migrate-"));
    source = join(ferry.folder, "ferry.db");
    printed.length = told.length = 0;
    const tables = await tablesOf(remote);
    await remote.migrate(tables.map(({ name }) => `DROP TABLE "${name}"`));
  });
  afterEach(async () => {
    await ferry.stop();
    rmSync(folder, { recursive: true });
  });

  test("to a libSQL server and back: every value, number and index as it was", async () => {
    const before = await everything(ferry.database.client);
    ferry.database.close();
    await toServer();
    expect(await everything(remote)).toEqual(before);
    const back = join(folder, "new", "ferry.db");
    await migrate(ends(server.url, `file:${back}`), settings(), output, true);
    const client = createClient({ url: `file:${back}` });
    expect(await everything(client)).toEqual(before);
    expect((await client.execute("PRAGMA integrity_check")).rows[0]?.[0]).toBe("ok");
    client.close();
    expect(readdirSync(join(folder, "new")).filter((name) => name !== "ferry.db-lock")).toEqual(["ferry.db"]);
    expect(JSON.parse(printed.at(-1) ?? "")).toMatchObject({ from: server.url, to: back });
    expect(before.events?.join()).toContain("9007199254740995");
    expect(before.sequences).toContain("events 9007199254740994");
  });

  test("marks of the moment stay behind, their tables do not", async () => {
    await ferry.database.client.executeMultiple(
      "INSERT INTO ferry_writes (id, made) VALUES ('x', 1); INSERT INTO ferry_leases VALUES ('background', 'x', 1)",
    );
    ferry.database.close();
    await toServer();
    expect((await remote.execute("SELECT id FROM ferry_writes UNION SELECT name FROM ferry_leases")).rows).toEqual([]);
  });

  test("refuses a server on which a ferry is at work, as its lease tells", async () => {
    ferry.database.close();
    await toServer();
    const back = () => migrate(ends(server.url, `file:${join(folder, "back.db")}`), settings(), output, false);
    await remote.execute("INSERT INTO ferry_leases VALUES ('background', 'x', unixepoch() * 1000 + 60000)");
    await expect(back()).rejects.toThrow(`a ferry is at work on ${server.url}: stop every one`);
    expect(existsSync(join(folder, "back.db"))).toBe(false);
    await remote.execute("UPDATE ferry_leases SET until = 1");
    await back();
    expect(existsSync(join(folder, "back.db"))).toBe(true);
  });

  test("refuses a source that a ferry has open, and leaves the target empty", async () => {
    await expect(toServer()).rejects.toThrow(`another ferry process has ${source} open: stop it first`);
    expect(await tablesOf(remote)).toEqual([]);
  });

  test("refuses a target that is in use", async () => {
    await migrateSchema(remote, "0.1.0", 1);
    ferry.database.close();
    await expect(toServer()).rejects.toThrow("holds data of a ferry already: give an empty database");
    await remote.execute("DROP TABLE ferry_migrations");
    await expect(toServer()).rejects.toThrow("holds tables of another program already");
    const file = join(folder, "ferry.db");
    await Bun.write(file, "something");
    await expect(migrate(ends(`file:${source}`, `file:${file}`), settings(), output, false)).rejects.toThrow(
      "there is a database already",
    );
    expect(await Bun.file(file).text()).toBe("something");
  });

  test("what broke off in the middle is refused by ferry, and cleared by the next run", async () => {
    ferry.database.close();
    const from = placeOf({ url: `file:${source}` });
    let pages = 0;
    const brokenOff = reading(from, (reader) =>
      copyDatabase(reader, remote, {
        now: () => Date.now() - 3_600_000,
        beforeDone: async () => {},
        progress: () => {
          pages += 1;
          if (pages === 6) throw new Error("killed");
        },
      }),
    );
    await expect(brokenOff).rejects.toThrow("killed");
    const refusal = "the database holds a copy that was not finished";
    await expect(migrateSchema(remote, "0.1.0", 1)).rejects.toThrow(refusal);
    await expect(migrate(ends(server.url, `file:${join(folder, "x.db")}`), settings(), output, false)).rejects.toThrow(
      "holds a copy that was not finished",
    );
    await toServer();
    await migrateSchema(remote, "0.1.0", 1);
  });

  test("a copy that may still be at work is left alone", async () => {
    ferry.database.close();
    const from = placeOf({ url: `file:${source}` });
    const beforeDone = async () => {
      await expect(toServer()).rejects.toThrow(/another copy into this database was at work a moment ago: .* in \d+ s/);
    };
    // The source's lock is not what stands in the way.
    await duplicate(from, placeOf({ url: server.url }), output, beforeDone);
    await migrateSchema(remote, "0.1.0", 1);
  });

  test("a row that the server would refuse is found and named before anything is written", async () => {
    const id = (await ferry.rows(`SELECT ${uuidTextInSql("id")} AS id FROM results`))[0]?.id;
    await ferry.database.client.execute("UPDATE results SET result_detail = replace(hex(zeroblob(2500000)), '0', 'x')");
    ferry.database.close();
    await expect(toServer()).rejects.toThrow(
      new RegExp(`takes no row of 5000000 bytes or more, and ${source} has 1: results ${id} \\(5000\\d{3} bytes\\)`),
    );
    expect(await tablesOf(remote)).toEqual([]);
  });

  test("a row just below the server's bound goes over, quotes and all", async () => {
    await ferry.database.client.execute(
      "UPDATE results SET result_detail = replace(hex(zeroblob(2499800)), '00', '\"\\')",
    );
    ferry.database.close();
    await toServer();
    expect((await remote.execute("SELECT length(result_detail) AS n FROM results")).rows[0]?.n).toBe(4_999_600);
  });

  test("a source that was written to meanwhile makes no copy", async () => {
    ferry.database.close();
    await toServer();
    const writer = createClient({ url: server.url });
    const to = join(folder, "ferry.db");
    let isCopying = true;
    const busy = (async () => {
      for (; isCopying; await Bun.sleep(2))
        await writer.execute("INSERT INTO events (account_seq, at, type) VALUES (1, 1, 'meanwhile')");
    })();
    const copying = migrate(ends(server.url, `file:${to}`), settings(), output, false);
    await expect(copying).rejects.toThrow("was written to meanwhile: stop every ferry on it");
    isCopying = false;
    await busy;
    writer.close();
    expect(existsSync(to)).toBe(false);
    expect(told).toContain(
      `every ferry on ${server.url} must be stopped: what it writes from now on would stay behind`,
    );
  });

  test("wants an end, and two different ones", async () => {
    const run = (from?: string, to?: string) => migrate(ends(from, to), settings(), output, false);
    await expect(run()).rejects.toThrow("takes --from URL or --to URL");
    await expect(run(`file:${source}`, `file:${source}`)).rejects.toThrow("are the same database");
    await expect(run("postgres://x", server.url)).rejects.toThrow("a database is file:PATH, or http://");
    await expect(run(`file:${folder}/nothing.db`, server.url)).rejects.toThrow("there is no database");
    await expect(run("http://127.0.0.1:9", `file:${folder}/a.db`)).rejects.toThrow("cannot be reached");
  });

  test("from one database to another of one server that has several, and back", async () => {
    const several = await startSqld(sqldPath ?? "", "--enable-namespaces");
    try {
      for (const name of ["one", "two", "padded"])
        await fetch(`${several.admin_url}/v1/namespaces/${name}/create`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: "{}",
        });
      const before = await everything(ferry.database.client);
      ferry.database.close();
      const own = settingsFor(folder, { FERRY_DATABASE_URL: several.url, FERRY_DATABASE_NAMESPACE: "one" });
      const go = (...given: Parameters<typeof ends>) => migrate(ends(...given), own, output, false);
      await go(`file:${source}`);
      await go(undefined, several.url, undefined, "padded");
      expect(told.at(-1)).toContain("FERRY_DATABASE_URL set to it, FERRY_DATABASE_NAMESPACE=padded and the same");
      await expect(go(several.url, undefined, "padded")).rejects.toThrow(
        "(namespace one) holds data of a ferry already",
      );
      await expect(go(several.url, several.url)).rejects.toThrow("are the same database");
      await expect(go(undefined, several.url, undefined, "none")).rejects.toThrow("has no such database");
      await expect(go(several.url, undefined, undefined, "two")).rejects.toThrow("--to-namespace goes with --to");
      const back = join(folder, "back.db");
      await go(several.url, `file:${back}`, "padded");
      const client = createClient({ url: `file:${back}` });
      expect(await everything(client)).toEqual(before);
      client.close();
    } finally {
      await several.stop();
    }
  });

  test("the service's token goes to the service's server only", async () => {
    // A server of its own for each: a client may still say good-bye later.
    const heard = async (database: (url: string) => string) => {
      const seen = new Set<string | null>();
      const fetch = (request: Request) => {
        seen.add(request.headers.get("authorization"));
        return new Response("no", { status: 401 });
      };
      const ear = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
      const url = `http://127.0.0.1:${ear.port}`;
      const own = settingsFor(folder, { FERRY_DATABASE_URL: database(url), FERRY_DATABASE_AUTH_TOKEN: "own" });
      const run = migrate(ends(url, `file:${folder}/x.db`), own, output, false);
      await expect(run).rejects.toThrow("refuses the token, or wants one");
      await ear.stop(true);
      return [...seen];
    };
    expect(await heard((url) => `${url}/`)).toEqual(["Bearer own"]);
    expect(await heard(() => server.url)).toEqual([null]);
  });
});

test("a commit that a busy server refuses is tried again, one that went wrong otherwise is not", async () => {
  const refusals = (...messages: string[]) => {
    const calls: string[][] = [];
    const migrate = async (statements: string[]) => {
      calls.push(statements);
      const message = messages[calls.length - 1];
      if (message !== undefined) throw new Error(message);
    };
    return { calls, client: { migrate } as unknown as Client };
  };
  const busy = refusals("SQLITE_BUSY: SQLite error: database is locked");
  await committed(busy.client, ["x"]);
  expect(busy.calls).toEqual([["x"], ["x"]]);
  const lost = refusals("SQLITE_BUSY: database is locked", "PROXY_ERROR: connection lost");
  await expect(committed(lost.client, ["x"])).rejects.toThrow("connection lost");
  expect(lost.calls).toHaveLength(2);
});
