import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Ferry, makeTask, register, startFerry, taskOf } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const create = (body: object, as: "operator" | "foreign" = "operator") => ferry.call(as, "POST", "/v3/tasks", { body });

test("createTask makes the READY task of a source; os_type is the source's", async () => {
  const source_id = await register(ferry, "win", { os_type: "WINDOWS" });
  const { status, json } = await create(taskOf(source_id));
  expect([status, Object.keys(json)]).toEqual([200, ["id"]]);
  expect(await ferry.rows("SELECT id, name, type, os_type, state, create_date FROM tasks")).toEqual([
    {
      id: json.id,
      name: "MigrationTask",
      type: "MIGRATE_FILE",
      os_type: "WINDOWS",
      state: "READY",
      create_date: ferry.clock.now(),
    },
  ]);
});

test("a source has one task; another source may have one of the same name", async () => {
  const source_id = await register(ferry);
  const task_id = await makeTask(ferry, source_id);
  const { status, json } = await create(taskOf(source_id));
  expect([status, json.error_code, json.error_msg]).toEqual([
    400,
    "SMS.8009",
    `source ${source_id} has a task already: ${task_id}`,
  ]);
  await makeTask(ferry, await register(ferry, "web-2"));
});

test("two at once for one source: one is made", async () => {
  const source_id = await register(ferry);
  const answers = await Promise.all([create(taskOf(source_id)), create(taskOf(source_id))]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
});

test("a source that is unknown or another account's is a fault of the body", async () => {
  const source_id = await register(ferry);
  for (const [as, id] of [
    ["operator", "nobody"],
    ["foreign", source_id],
  ] as const) {
    const { status, json } = await create(taskOf(id), as);
    expect([status, json.error_code, json.error_msg]).toEqual([
      400,
      "SMS.2216",
      `source_server.id: source ${id} is unknown`,
    ]);
  }
});

test("names are anchored; what is missing or out of bounds is refused", async () => {
  const source_id = await register(ferry);
  const refused: [object, string][] = [
    [{ name: "with space" }, "name"],
    [{ name: "x".repeat(65) }, "name"],
    [{ type: "MIGRATE_ALL" }, "type"],
    [{ target_server: undefined }, "target_server"],
    [{ region_id: undefined }, "region_id"],
    [{ speed_limit: 1001 }, "speed_limit"],
    [{ over_speed_threshold: 9.9 }, "over_speed_threshold"],
    [{ auto_start: "yes" }, "auto_start"],
  ];
  for (const [change, member] of refused) {
    const { status, json } = await create({ ...taskOf(source_id), ...change });
    expect([member, status, json.error_code, json.error_msg.startsWith(member)]).toEqual([
      member,
      400,
      "SMS.8001",
      true,
    ]);
  }
  expect(await ferry.rows("SELECT id FROM tasks")).toEqual([]);
});
