import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { readSettings } from "../../src/config.ts";
import { writeMasterKey } from "../../src/data-folder.ts";
import { requireFlushedCommits } from "../../src/db/durability.ts";
import { type RunningServer, serve } from "../../src/serve.ts";
import { makeCertificates } from "../../src/tasks/certificates.ts";
import type { Check } from "../../src/upkeep/check.ts";
import { doctor } from "../../src/upkeep/doctor.ts";
import { sqldProgram, startSqld } from "../edge/sqld.ts";
import { keptOutput } from "./output.ts";

const sqldPath = await sqldProgram();
const DAY_MS = 86_400_000;

let folder: string;
let data: string;
let running: RunningServer | undefined;
/** What the run of the tests has set would be told of as unknown. */
const variables = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("FERRY_")));
beforeEach(() => {
  for (const name of Object.keys(variables)) delete process.env[name];
  folder = mkdtempSync(join(tmpdir(), "ferry-doctor-"));
  data = join(folder, "data");
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  Object.assign(process.env, variables);
  rmSync(folder, { recursive: true });
});

const start = async (server: Record<string, string> = {}, environment: Record<string, string> = {}) => {
  running = await serve(readSettings({ listen: "127.0.0.1:0", data, ...server }, environment), () => {});
};
const stop = async () => {
  await running?.stop();
  running = undefined;
};

/** What doctor says of each thing: its word and the message. */
async function examine(flags: Record<string, unknown> = {}) {
  const { output, printed } = keptOutput();
  const failure = await doctor({ data, listen: "127.0.0.1:9", ...flags, json: true }, output).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const checks: Check[] = JSON.parse(printed.join());
  const of = (name: string) => {
    const check = checks.find(({ check }) => check === name);
    return check && `${check.status} ${check.message}`;
  };
  return { checks, failure, of, not_ok: checks.filter(({ status }) => status !== "ok").map(({ check }) => check) };
}
const change = async (sql: string) => {
  const client = createClient({ url: `file:${join(data, "ferry.db")}` });
  await client.execute(sql);
  client.close();
};

test("before the first start: what is missing is said, nothing is made", async () => {
  const { failure, not_ok, of } = await examine();
  expect([failure, not_ok]).toEqual([undefined, ["data folder", "master key", "database", "service"]]);
  expect(of("database")).toMatch(
    /^warn there is no .*ferry\.db yet: ferry serve makes it, ferry restore puts a copy there$/,
  );
  expect(of("service")).toMatch(
    /^warn no service answers at http:\/\/127\.0\.0\.1:9 \(\w+\): start it with ferry serve$/,
  );
  expect(readdirSync(folder)).toEqual([]);
});

test("beside a running service: all is well, and nothing is touched", async () => {
  await start();
  const files = readdirSync(data).sort();
  const { checks, failure, not_ok, of } = await examine();
  expect([failure, not_ok]).toEqual([undefined, []]);
  expect(of("service")).toBe(
    existsSync("/proc/locks")
      ? `ok ferry (process ${process.pid}) runs at ${running?.url} and can write`
      : `ok ferry runs at ${running?.url} and can write`,
  );
  expect(of("secrets")).toContain("opens what is sealed: 1 of 1 secret keys, 1 of 1 check values of the master key");
  expect(checks.map(({ check }) => check)).toEqual([
    "settings",
    "listen",
    "data folder",
    "master key",
    "room",
    "integrity",
    "schema",
    "secrets",
    "record",
    "log",
    "service",
    "clock",
  ]);
  expect(readdirSync(data).sort()).toEqual(files);
  const { output, printed } = keptOutput();
  await doctor({ data, listen: "127.0.0.1:9" }, output);
  expect(printed).toHaveLength(checks.length);
  expect(printed[0]).toBe(`ok    settings: data in ${data}, database ${join(data, "ferry.db")}`);
});

describe("what is wrong is named, with what to do", () => {
  test("settings that cannot be used, variables that mean nothing", async () => {
    const { failure, checks } = await examine({ listen: "nowhere" });
    expect(failure).toBe("1 of 1 checks failed");
    expect(checks[0]?.message).toContain('--listen: "nowhere" is not allowed');
    process.env.FERRY_LISTENN = "x";
    try {
      expect((await examine()).of("settings")).toBe("warn FERRY_LISTENN: no setting, ignored; see ferry serve --help");
    } finally {
      delete process.env.FERRY_LISTENN;
    }
  });

  test("plain HTTP beyond this machine", async () => {
    expect((await examine({ listen: "0.0.0.0:9" })).of("listen")).toMatch(
      /^fail .*would serve plain HTTP beyond this machine/,
    );
    expect((await examine({ listen: "0.0.0.0:9", "insecure-http": true })).of("listen")).toMatch(
      /^warn .*--trusted-proxies/,
    );
    const behind = { listen: "0.0.0.0:9", "insecure-http": true, "trusted-proxies": "10.0.0.0/8" };
    expect((await examine(behind)).of("listen")).toBe("ok plain HTTP on 0.0.0.0:9, behind 10.0.0.0/8");
  });

  test("certificates: missing, of another key, expired, soon to expire", async () => {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const listen = async () => (await examine({ "tls-cert": cert, "tls-key": key })).of("listen");
    expect(await listen()).toMatch(/^fail --tls-cert: .*cert\.pem cannot be read/);
    // They are made for 3653 days.
    const made = async (daysLeft: number) => {
      const platform = { now: () => Date.now() + (daysLeft - 3653) * DAY_MS, randomBytes };
      const pair = await makeCertificates(platform, "t-1");
      writeFileSync(cert, pair.cert);
      writeFileSync(key, pair.private_key);
    };
    await made(-1.5);
    expect(await listen()).toMatch(/^fail .*cert\.pem \(CN=source\.t-1\.internal\) has expired: renew it/);
    await made(3.5);
    expect(await listen()).toMatch(/^warn .* expires in 3 days/);
    await made(90.5);
    expect(await listen()).toBe("ok HTTPS on 127.0.0.1:9; the certificate is good for 90 days");
    writeFileSync(key, (await makeCertificates({ now: Date.now, randomBytes }, "t-2")).private_key);
    expect(await listen()).toMatch(/^fail .*the key is not the certificate's/);
  });

  test("files that others can read, a key that is not the database's", async () => {
    await start();
    await stop();
    chmodSync(join(data, "ferry.db"), 0o644);
    expect((await examine()).of("data folder")).toMatch(/^warn others can read .*ferry\.db: chmod 600$/);
    chmodSync(join(data, "master.key"), 0o640);
    expect((await examine()).of("master key")).toMatch(/^fail .*can be read by others: run chmod 600/);
    chmodSync(join(data, "master.key"), 0o600);
    writeFileSync(join(data, "master.key"), "08".repeat(32));
    const { failure, of } = await examine();
    expect(failure).toMatch(/^1 of \d+ checks failed$/);
    expect(of("secrets")).toMatch(
      /^fail .*master\.key .* is not the key of this database: it opens none of 1 secret keys/,
    );
  });

  test("a database that was lost, is of a newer ferry or of an older one, is damaged", async () => {
    await start();
    await stop();
    expect((await examine()).of("service")).toMatch(/^warn no service answers at /);
    await change("DELETE FROM ferry_migrations WHERE name >= '0002_sms_v3'");
    expect((await examine()).of("schema")).toMatch(
      /^warn of ferry .* brings it up to date \(0002_sms_v3.*\); make a backup first$/,
    );
    await change("INSERT INTO ferry_migrations VALUES ('9999_later', '2.3.0', 1)");
    expect((await examine()).of("schema")).toMatch(/^fail .*which is newer than this ferry/);
    await change("DELETE FROM ferry_migrations WHERE name = '9999_later'");
    await change(`INSERT INTO events (account_seq, at, type) VALUES (1, ${Date.now() + 3_600_000}, 'x')`);
    expect((await examine()).of("record")).toMatch(
      /^fail the newest event is dated \d{4} s later than now: was this machine's clock set back\?/,
    );
    const client = createClient({ url: `file:${join(data, "ferry.db")}` });
    await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    client.close();
    const bytes = readFileSync(join(data, "ferry.db"));
    for (let at = 16 * 4096; at < bytes.length; at += 4096) bytes.fill(0xff, at, at + 64);
    writeFileSync(join(data, "ferry.db"), bytes);
    expect((await examine()).of("integrity")).toMatch(/^fail /);
    for (const name of readdirSync(data).filter((file) => file.startsWith("ferry.db"))) rmSync(join(data, name));
    expect((await examine()).of("database")).toMatch(/^fail .*bootstrap\.env is of an earlier database/);
  });

  test("another program at the address, a service that does not answer", async () => {
    const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    const { of } = await examine({ listen: `127.0.0.1:${other.port}` });
    expect(of("service")).toBe(
      `fail another program than ferry answers at http://127.0.0.1:${other.port}: choose another --listen`,
    );
    await other.stop(true);
  });
});

test("a database URL that is none is told as any other setting, without what it says", async () => {
  for (const url of ["http://user:hidden@[bad", "libsql://user:hidden@host?tls=9&authToken=hidden"]) {
    const { checks, of, failure } = await examine({ "database-url": url });
    expect([checks.length, failure]).toEqual([1, "1 of 1 checks failed"]);
    expect(of("settings")).toMatch(/^fail (a database is file:PATH|the database URL cannot be used)/);
    expect(of("settings")).not.toContain("hidden");
  }
});

describe.skipIf(!sqldPath)("over a libSQL server", () => {
  test("its latency, its clock and what it does at a commit are told; and when it is gone", async () => {
    const server = await startSqld(sqldPath ?? "");
    try {
      const flags = { "database-url": server.url };
      expect((await examine(flags)).of("schema")).toBe(`warn ${server.url} is empty: the first start fills it`);
      await start({ database_url: server.url }, { FERRY_MASTER_KEY: "07".repeat(32) });
      writeMasterKey(data, Buffer.from("07".repeat(32), "hex"));
      const admin = { ...flags, "database-admin-url": server.admin_url };
      expect((await examine(admin)).of("durability")).toMatch(/^warn the server does not flush its commits/);
      await requireFlushedCommits(server.admin_url);
      expect((await examine(admin)).of("durability")).toBe("ok the server flushes each commit to its disk");
      const elsewhere = await examine({ ...flags, "database-admin-url": server.url });
      expect(elsewhere.of("durability")).toMatch(
        /^fail .* answers HTTP 404: it takes what sqld has as --admin-listen-addr/,
      );
      expect(elsewhere.of("secrets")).toStartWith("ok ");
      const { failure, not_ok, of } = await examine(flags);
      expect([failure, not_ok]).toEqual([undefined, ["durability"]]);
      expect(of("database server")).toMatch(new RegExp(`^ok ${server.url} answers in [\\d.]+ ms$`));
      expect(of("database server's clock")).toBe("ok the database server's clock and this machine's agree");
      expect(of("integrity")).toMatch(/^ok every page is sound/);
    } finally {
      await stop();
      await server.stop();
    }
    const { failure, of } = await examine({ "database-url": server.url });
    expect(failure).toMatch(/^1 of \d checks failed$/);
    expect(of("database server")).toMatch(new RegExp(`^fail ${server.url} cannot be used: `));
  });
});
