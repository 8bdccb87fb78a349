import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type ProgressRow, progressGroup } from "../../src/actions/progress-group.ts";
import { bunPlatform } from "../../src/bun-platform.ts";
import { type OrderRow, orderGroup } from "../../src/commands/order-group.ts";
import type { Database } from "../../src/db/database.ts";
import { openRemote } from "../../src/db/open-remote.ts";
import { uuidTextInSql } from "../../src/db/uuid.ts";
import type { GroupPlan } from "../../src/db/writer.ts";
import {
  type KnownSourceRow,
  knownSourceGroup,
  type NewSourceRow,
  newSourceGroup,
} from "../../src/sources/registration-group.ts";
import { type Sqld, sqldProgram, startSqld } from "../edge/sqld.ts";
import { type Ferry, makeTask, poll, register, registration, startFerry } from "../harness.ts";
import { newPlace } from "../place.ts";
import { type FlakyServer, startFlakyServer } from "./flaky-server.ts";

/* Groups over a connection that loses the answer to a commit: told from what is stored, and made once. */

const program = await sqldProgram();

describe.skipIf(!program)("a commit whose answer was lost", () => {
  let sqld: Sqld;
  let line: FlakyServer;
  let ferry: Ferry;
  /** Over the flaky connection. */
  let database: Database;
  beforeAll(async () => {
    sqld = await startSqld(program as string);
  });
  afterAll(() => sqld?.stop());
  beforeEach(async () => {
    line = await startFlakyServer(sqld.url);
    database = openRemote({ url: line.url }, bunPlatform);
    const direct = openRemote({ url: sqld.url }, bunPlatform);
    const { rows } = await direct.client.execute("SELECT name FROM sqlite_master WHERE type = 'table'");
    await direct.client.migrate(
      rows.map(({ name }) => `DROP TABLE IF EXISTS "${name}"`).filter((sql) => !sql.includes("sqlite_")),
    );
    direct.close();
    ferry = await startFerry({ open: async () => openRemote({ url: sqld.url }, bunPlatform), remove: async () => {} });
  });
  afterEach(async () => {
    database.close();
    line.stop();
    await ferry.stop();
  });

  /** All rows in one group, whose answer is lost after the commit. */
  async function lost<Row, Outcome>(plan: GroupPlan<Row, Outcome>, rows: readonly Row[]): Promise<Outcome[]> {
    line.next("reply lost");
    const group = database.writer.group(plan);
    const outcomes = await Promise.all(rows.map((row) => group.add(row)));
    expect(line.seen[0]).toBe("reply lost");
    return outcomes;
  }
  const doer = { actor: "somebody", address: null };
  const place = { state: "waiting", migration_cycle: "setting" } as const;
  const count = async (table: string, where: string) =>
    (await ferry.rows(`SELECT count(*) AS count FROM ${table} WHERE ${where}`))[0]?.count;

  test("of progress: kept where the task is there", async () => {
    const tasks: ProgressRow[] = [];
    for (const name of ["a", "b", "c"]) {
      const task_id = await makeTask(ferry, await register(ferry, name));
      const [row] = await ferry.rows("SELECT seq AS task_seq, source_seq FROM tasks WHERE id = ?", task_id);
      const told = {
        subtask_name: "SSL_CONFIG",
        progress: 1,
        replicatesize: 1,
        totalsize: 2,
        process_trace: "",
      } as const;
      tasks.push({ ...(row as { task_seq: number; source_seq: number }), task_id, at: ferry.clock.now(), told });
    }
    await ferry.call("operator", "DELETE", `/v3/tasks/${tasks[1]?.task_id}`);
    expect(
      await lost(
        progressGroup(database, () => {}),
        tasks,
      ),
    ).toEqual([[], undefined, []]);
    expect(await count("subtasks", "progress = 1")).toBe(2);
  });

  test("of first registrations: done where there is a migration project to join", async () => {
    await register(ferry, "first");
    const [{ account_seq } = {}] = await ferry.rows("SELECT account_seq FROM sources");
    const rows: NewSourceRow[] = [account_seq, 999, account_seq].map((account, index) => ({
      ...doer,
      ...place,
      id: `id-${index}`,
      account_seq: account as number,
      name: `s${index}`,
      access_key: null,
      ip: null,
      ipv6: null,
      registration: JSON.stringify(registration()),
      at: 1,
    }));
    expect(
      await lost(
        newSourceGroup(database, () => {}),
        rows,
      ),
    ).toEqual([true, false, true]);
    expect(await count("sources", "id LIKE 'id-%'")).toBe(2);
    expect(
      await count(
        "events",
        "source_seq IN (SELECT seq FROM sources WHERE id LIKE 'id-%') AND type = 'source.registered'",
      ),
    ).toBe(2);
  });

  test("of registering again: done where what it was merged with was still there", async () => {
    for (const name of ["a", "b"]) await register(ferry, name);
    const read = await ferry.rows("SELECT seq, registration FROM sources ORDER BY seq");
    const rows: KnownSourceRow[] = read.map(({ seq, registration: before }, index) => ({
      ...doer,
      ...place,
      seq: seq as number,
      before: index === 0 ? (before as string) : "{}",
      name: null,
      ip: null,
      ipv6: null,
      registration: JSON.stringify({ ...registration(), hostname: "h" }),
      at: 1,
    }));
    expect(await lost(knownSourceGroup(database), rows)).toEqual([true, false]);
    expect(await count("sources", "registration ->> 'hostname' = 'h' AND registered_at = 1")).toBe(1);
    expect(await count("events", "type = 'source.reregistered'")).toBe(1);
  });

  test("of orders: queued where the source is there, with the command as it is", async () => {
    for (const name of ["a", "b"]) await register(ferry, name);
    const sources = await ferry.rows(
      "SELECT seq AS source_seq, id AS source_id, account_seq FROM sources ORDER BY seq",
    );
    await ferry.call("operator", "DELETE", `/v3/sources/${sources[0]?.source_id}`);
    const orderId = (index: number) => `00000000-0000-7000-8000-99999999999${index}`;
    const rows = sources.map(
      (source, index) =>
        ({
          ...doer,
          ...source,
          id: orderId(index),
          command_name: "START",
          bucket: null,
          deliver_by: null,
          finish_within_s: null,
          order_digest: "",
          created_at: 1,
        }) as unknown as OrderRow,
    );
    const outcomes = await lost(
      orderGroup(database, () => {}),
      rows,
    );
    expect(outcomes).toMatchObject([undefined, { command: { id: orderId(1), state: "queued", source_name: "b" } }]);
    expect(await count("commands", "created_at = 1")).toBe(1);
    expect(await count("events", "type = 'command.queued'")).toBe(1);
  });
});

test("told as undone by a reading that lags behind, nothing is done twice nor refused", async () => {
  const place = await newPlace();
  let isLagging = false;
  const open = async () => {
    const database = await place.open();
    const { writer } = database;
    const group = writer.group.bind(writer);
    writer.group = <Row, Outcome>(plan: GroupPlan<Row, Outcome>) => {
      const asUndone = (outcomes: Outcome[]) => (isLagging ? outcomes.map(() => undefined as Outcome) : outcomes);
      return group({ ...plan, outcomes: (...answered) => asUndone(plan.outcomes(...answered)) });
    };
    return database;
  };
  const ferry = await startFerry({ ...place, open });
  try {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const task_id = await makeTask(ferry, await register(ferry, "first"));
    isLagging = true;
    const source_id = await register(ferry, "once");
    const enrolled = await ferry.call(key, "POST", "/v3/sources", { body: registration("enrolled") });
    expect(enrolled.status).toBe(200);
    const again = await ferry.call("agent", "POST", "/v3/sources", { body: { id: source_id, hostname: "h" } });
    expect(again.json).toEqual({ id: source_id });
    const ordered = await ferry.call("operator", "POST", `/operate/v1/sources/${source_id}/commands`, {
      body: { command_name: "START" },
    });
    expect([ordered.status, ordered.json.state]).toEqual([201, "queued"]);
    const told = { subtask_name: "SSL_CONFIG", progress: 1, replicatesize: 1, totalsize: 2, process_trace: "" };
    expect((await ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, { body: told })).status).toBe(200);
    isLagging = false;
    expect(await ferry.rows("SELECT id, name FROM sources WHERE name <> 'first' ORDER BY seq")).toEqual([
      { id: source_id, name: "once" },
      { id: enrolled.json.id, name: "enrolled" },
    ]);
    expect(await ferry.rows(`SELECT ${uuidTextInSql("id")} AS id FROM commands`)).toEqual([{ id: ordered.json.id }]);
    expect((await poll(ferry, source_id)).headers.get("x-command-id")).toBe(ordered.json.id);
  } finally {
    await ferry.stop();
  }
});
