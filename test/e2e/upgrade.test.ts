import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { bunPlatform } from "../../src/bun-platform.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openFile } from "../../src/db/open-file.ts";
import { MASTER_KEY, makeReleased, oldKey, oldSource, released } from "../upkeep/released.ts";
import {
  cleanEnvironment,
  endAll,
  executable,
  Ferry,
  startProgram,
  temporaryFolder,
  testUnless,
} from "./executable.ts";

/* kill -9 at every write of an upgrade: the next start completes it, with the same outcome as one that was left alone. */

const folder = temporaryFolder();
const before = join(folder.path, "before");
const [oldest = ""] = released;
const environment = { FERRY_MASTER_KEY: Buffer.from(MASTER_KEY).toString("hex") };

/** Why processes cannot be killed at a system call here. */
function noStrace(): string | undefined {
  if (process.platform !== "linux" || Bun.which("strace") === null) return "strace is missing";
  const tried = Bun.spawnSync(["strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:signal=KILL", "true"]);
  return tried.success ? undefined : `strace may not trace here: ${tried.stderr.toString().trim()}`;
}
const test = testUnless(noStrace());

beforeAll(async () => {
  mkdirSync(before, { mode: 0o700 });
  await makeReleased(join(before, "ferry.db"), oldest);
  chmodSync(join(before, "ferry.db"), 0o600);
});
afterAll(endAll);

/** A folder with the database of the oldest version. */
function oldFolder(name: string): string {
  const data = join(folder.path, name);
  rmSync(data, { recursive: true, force: true });
  cpSync(before, data, { recursive: true });
  return data;
}

/** Starts ferry on a folder, killed at the so-many-eth call on the database's files; whether it came to its end. */
async function killedAt(data: string, call: "pwrite64" | "fsync", when: number): Promise<"killed" | "ready"> {
  const files = ["", "-wal", "-shm"].flatMap((suffix) => ["-P", join(data, `ferry.db${suffix}`)]);
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${when}`];
  // With -D it is ferry that is our child, and ends by our signal.
  const serve = [executable, "serve", "--data", data, "--listen", "127.0.0.1:0"];
  const { child, printed, ended } = startProgram(
    ["strace", "-D", "-f", "-qq", "-o", "/dev/null", ...files, ...inject, ...serve],
    {
      cwd: folder.home,
      env: cleanEnvironment(folder.path, environment),
    },
  );
  while (child.exitCode === null && child.signalCode === null && !printed.stdout.includes(" is ready on "))
    await Bun.sleep(5);
  if (printed.stdout.includes(" is ready on ")) {
    child.kill("SIGKILL");
    await ended;
    return "ready";
  }
  await ended;
  if (printed.stderr !== "") throw new Error(`ferry was not killed but failed: ${printed.stderr}`);
  return "killed";
}

/** What an upgrade comes to, but for ids and times of its own. */
async function outcome(client: Client): Promise<unknown> {
  const all = async (sql: string) => (await client.execute(sql)).rows.map((row) => ({ ...row }));
  const schema = await all("SELECT name, sql FROM sqlite_schema ORDER BY name");
  const tables = await all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  const rows: Record<string, unknown> = {};
  for (const { name } of tables) rows[String(name)] = await all(`SELECT * FROM "${name}"`);
  // The start writes it, after the upgrade: a kill may come before or behind that.
  delete rows.master_key_check;
  for (const user of rows.users as { id?: unknown }[]) delete user.id;
  for (const migration of rows.ferry_migrations as { applied_at?: unknown }[]) delete migration.applied_at;
  return {
    schema,
    rows,
    integrity: await all("PRAGMA integrity_check"),
    dangling: await all("PRAGMA foreign_key_check"),
  };
}

/** Names of the migrations that were committed before the kill, and what there is once the upgrade is completed. */
async function completed(data: string): Promise<{ committed: number; outcome: unknown }> {
  const { client, close } = await openFile(join(data, "ferry.db"), bunPlatform);
  try {
    const { rows } = await client.execute("SELECT name FROM ferry_migrations");
    await migrate(client, "0.1.0", Date.now());
    return { committed: rows.length, outcome: await outcome(client) };
  } finally {
    close();
  }
}

test("kill -9 at every write and every sync of an upgrade of the oldest database", async () => {
  const { outcome: expected } = await completed(oldFolder("undisturbed"));
  const committed = new Set<number>();
  for (const call of ["pwrite64", "fsync"] as const) {
    let when = 1;
    for (; ; when += 1) {
      const data = oldFolder("killed");
      if ((await killedAt(data, call, when)) === "ready") break;
      const after = await completed(data);
      committed.add(after.committed);
      expect([call, when, after.outcome]).toEqual([call, when, expected]);
    }
    // Every migration writes dozens of pages and syncs once.
    expect(when).toBeGreaterThan(call === "pwrite64" ? 50 : released.length - 1);
  }
  // It was hit before, between and behind the commits.
  expect([...committed].sort()).toEqual(released.map((_, index) => index + 1));

  const data = oldFolder("ferry-data");
  await killedAt(data, "pwrite64", 40);
  const ferry = await Ferry.start({ args: ["--data", data], env: environment });
  const shown = await ferry.ask<{ id: string }>("GET", `/v3/sources/${oldSource}`, undefined, { key: oldKey });
  expect(shown.id).toBe(oldSource);
  const reader = createClient({ url: `file:${join(data, "ferry.db")}` });
  expect((await reader.execute("SELECT count(*) AS n FROM ferry_migrations")).rows[0]?.n).toBe(released.length);
  reader.close();
});
