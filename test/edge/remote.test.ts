import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bunPlatform } from "../../src/bun-platform.ts";
import { readSettings } from "../../src/config.ts";
import { flushesCommits, requireFlushedCommits } from "../../src/db/durability.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openRemote } from "../../src/db/open-remote.ts";
import { type RunningServer, serve } from "../../src/serve.ts";
import { BOOTSTRAP, Caller, commandLoop, type Reply, send } from "./command-loop.ts";
import { type Sqld, sqldProgram, startSqld } from "./sqld.ts";

/* `ferry serve --database-url http://...`: two of them over one libSQL server. */

const sqldPath = await sqldProgram();
/** Takes some milliseconds. */
const SLOW = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) SELECT count(*) FROM n";

describe.skipIf(!sqldPath)("over a libSQL server", () => {
  const folder = mkdtempSync(join(tmpdir(), "ferry-remote-"));
  let database: Sqld;
  let servers: RunningServer[] = [];

  beforeAll(async () => {
    if (!sqldPath) return;
    database = await startSqld(sqldPath);
    const environment = { ...BOOTSTRAP, FERRY_MASTER_KEY: "07".repeat(32), FERRY_DATABASE_URL: database.url };
    const start = (name: string) =>
      serve(readSettings({ listen: "127.0.0.1:0", data: join(folder, name) }, environment), () => {});
    servers = await Promise.all([start("one"), start("two")]);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await database?.stop();
    rmSync(folder, { recursive: true });
  });

  const caller = (index = 0) => new Caller(servers[index]?.url ?? "");

  commandLoop(caller);

  test("a waiting poll hears of a command that the other process queued", async () => {
    const source_id = await caller().register();
    const poll = caller(0).poll(source_id, "?wait=10");
    await Bun.sleep(100);
    const { id } = await caller(1).queue(source_id);
    expect(await poll).toMatchObject({ id, attempt: 1 });
  });

  test("polls at both processes at once: delivered once, the rest marked", async () => {
    const sources = await caller().registerMany(10);
    await Promise.all(sources.map((source_id) => caller().queue(source_id)));
    const polls = await Promise.all(
      sources.map((source_id) => Promise.all([0, 1, 0, 1].map((index) => caller(index).poll(source_id)))),
    );
    for (const attempts of polls) expect(attempts.map(({ attempt }) => attempt).sort()).toEqual([1, 2, 3, 4]);
  });

  test("reports at both processes at once: one matches, the other repeats", async () => {
    const sources = await caller().registerMany(10);
    const ids = await Promise.all(sources.map(async (source_id) => (await caller().queue(source_id)).id as string));
    await Promise.all(sources.map((source_id) => caller().poll(source_id)));
    await Promise.all(sources.flatMap((source_id) => [0, 1].map((index) => caller(index).report(source_id, "{}"))));
    const commands = await Promise.all(ids.map(async (id) => (await caller().command(id)).json));
    for (const { reports } of commands)
      expect(reports.map(({ kind }: Reply["json"]) => kind)).toEqual(["matched", "repeat"]);
  });

  test("what is past its deadline ends by itself", async () => {
    const source_id = await caller().register();
    const { id } = await caller().queue(source_id, { command_name: "START", finish_within_s: 1 });
    await caller().poll(source_id);
    for (const end = Date.now() + 10_000; Date.now() < end; await Bun.sleep(100)) {
      if ((await caller().command(id)).json.state !== "delivered") break;
    }
    expect((await caller().command(id)).json).toMatchObject({ state: "overdue", attempts: 1 });
    const events = await caller().call("GET", `/operate/v1/events?command_id=${id}&type=command.overdue`);
    expect(events.json.items).toHaveLength(1);
  });
});

test.skipIf(!sqldPath)("twenty processes bring one empty database up to date, once", async () => {
  const database = await startSqld(sqldPath as string);
  try {
    const connect = () => openRemote({ url: database.url }, bunPlatform).client;
    await Promise.all(Array.from({ length: 20 }, (_, index) => migrate(connect(), "0.0.0-test", index)));
    const { rows } = await connect().execute("SELECT name FROM ferry_migrations");
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  } finally {
    await database.stop();
  }
});

test.skipIf(!sqldPath)("a server that has too much to do is asked again", async () => {
  const database = await startSqld(sqldPath as string, "--max-concurrent-requests", "2");
  try {
    const statement = JSON.stringify({ requests: [{ type: "execute", stmt: { sql: SLOW } }, { type: "close" }] });
    const asked = Array.from({ length: 10 }, () =>
      fetch(`${database.url}/v3/pipeline`, { method: "POST", body: statement }),
    );
    expect((await Promise.all(asked)).map(({ status }) => status)).toContain(429);

    const client = openRemote({ url: database.url }, bunPlatform).client;
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.execute(SLOW)));
    expect(answers.map(({ rows }) => rows.length)).toEqual(answers.map(() => 1));
  } finally {
    await database.stop();
  }
});

test.skipIf(!sqldPath)(
  "a server with namespaces: the one that is named, whatever the host is called; durability lasts there",
  async () => {
    const database = await startSqld(sqldPath as string, "--enable-namespaces");
    const folder = mkdtempSync(join(tmpdir(), "ferry-namespace-"));
    const start = (namespace?: string) =>
      serve(
        readSettings(
          {
            listen: "127.0.0.1:0",
            data: folder,
            database_namespace: namespace,
            database_admin_url: database.admin_url,
          },
          { ...BOOTSTRAP, FERRY_MASTER_KEY: "07".repeat(32), FERRY_DATABASE_URL: database.url },
        ),
        () => {},
      );
    try {
      await expect(start()).rejects.toThrow(
        /HTTP status 404; it takes the first label .* set FERRY_DATABASE_NAMESPACE/,
      );
      const server = await start("default");
      expect(await send(new Request(`${server.url}/readyz`))).toMatchObject({ json: { status: "ok" } });
      await server.stop();
      await database.kill();
      await database.start();
      expect(await flushesCommits(database.admin_url)).toBe(true);
    } finally {
      await database.stop();
      rmSync(folder, { recursive: true });
    }
  },
);

test.skipIf(!sqldPath)(
  "a server that forgets to flush its commits is told again; what is no admin address is named",
  async () => {
    const database = await startSqld(sqldPath as string);
    try {
      expect(await requireFlushedCommits(database.admin_url)).toBe(true);
      expect(await requireFlushedCommits(database.admin_url)).toBe(false);
      await database.kill();
      await database.start();
      expect(await flushesCommits(database.admin_url)).toBe(false);
      expect(await requireFlushedCommits(database.admin_url)).toBe(true);
      await expect(requireFlushedCommits(database.url)).rejects.toThrow("--admin-listen-addr");
      await expect(requireFlushedCommits("http://127.0.0.1:9")).rejects.toThrow(
        "--database-admin-url cannot be reached",
      );
    } finally {
      await database.stop();
    }
  },
);

test("an address that the client refuses is not shown", () => {
  expect(() => openRemote({ url: "http://host:port/?authToken=hidden" }, bunPlatform)).toThrow(
    /^the database URL cannot be used: URL_INVALID$/,
  );
});
