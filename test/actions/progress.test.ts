import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { uuidTextInSql } from "../../src/db/uuid.ts";
import { type Ferry, poll, register, report, START, startFerry } from "../harness.ts";
import { act, changestate, commandsOf, standing, taskThatIs } from "./standing.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const told = {
  subtask_name: "MIGRATE_LINUX_FILE",
  progress: 40,
  replicatesize: 4096,
  totalsize: 10_240,
  process_trace: "copying /home",
};
const progress = (task_id: string, more: object = {}) =>
  ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, { body: { ...told, ...more } });

describe("updateTaskSpeed", () => {
  test("keeps one row a subtask, in place, and the newest numbers; moves nothing", async () => {
    const { task_id } = await taskThatIs(ferry, "READY");
    expect((await progress(task_id, { subtask_name: "FORMAT_DISK_LINUX_FILE", progress: 100 })).text).toBe("{}");
    await ferry.clock.advance(1000);
    await progress(task_id, { migrate_speed: 12.5, remain_time: 60, total_cpu_usage: 99.5 });
    await ferry.clock.advance(1000);
    await progress(task_id, { progress: 100, replicatesize: 10_240 });
    expect(await standing(ferry, task_id)).toBe("READY waiting setting");
    expect(
      await ferry.rows("SELECT name, progress, start_date, end_date, migrate_speed, process_trace FROM subtasks"),
    ).toEqual([
      {
        name: "FORMAT_DISK_LINUX_FILE",
        progress: 100,
        start_date: START,
        end_date: START,
        migrate_speed: null,
        process_trace: "copying /home",
      },
      {
        name: "MIGRATE_LINUX_FILE",
        progress: 100,
        start_date: START + 1000,
        end_date: START + 2000,
        migrate_speed: null,
        process_trace: "copying /home",
      },
    ]);
    const [newest] = await ferry.rows(
      "SELECT replicatesize, totalsize, remain_time, total_cpu_usage FROM task_progress",
    );
    expect(newest).toEqual({ replicatesize: 10_240, totalsize: 10_240, remain_time: null, total_cpu_usage: null });
  });

  test("a subtask that begins again has no end until it is done again; its first end stays through repeats", async () => {
    const { task_id } = await taskThatIs(ferry, "RUNNING");
    const ends = async () => (await ferry.rows("SELECT end_date FROM subtasks"))[0]?.end_date;
    await progress(task_id, { progress: 100 });
    await ferry.clock.advance(1000);
    await progress(task_id, { progress: 100 });
    expect(await ends()).toBe(START);
    await progress(task_id, { progress: 10 });
    expect(await ends()).toBeNull();
  });

  test("makes the source connected", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    const show = async () => (await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json;
    expect((await show()).connected).toBe(false);
    await ferry.clock.advance(5000);
    await progress(task_id);
    expect(await show()).toMatchObject({ connected: true, last_visit_time: START + 5000 });
  });

  test("refuses what is out of bounds, and an unknown task", async () => {
    const { task_id } = await taskThatIs(ferry, "RUNNING");
    for (const [more, status] of [
      [{ progress: 101 }, 400],
      [{ progress: 1.5 }, 400],
      [{ subtask_name: "DANCE" }, 400],
      [{ totalsize: undefined }, 400],
      [{ total_cpu_usage: 100.1 }, 400],
    ] as const) {
      expect((await progress(task_id, more)).status).toBe(status);
    }
    expect((await progress("nobody")).status).toBe(404);
    expect(await ferry.rows("SELECT * FROM subtasks")).toEqual([]);
  });
});

describe("updateCopyState", () => {
  test("without a task moves the source as said, init as initialize; one of the two is enough", async () => {
    const source_id = await register(ferry);
    const say = (body: object) => ferry.call("agent", "PUT", `/v3/sources/${source_id}/changestate`, { body });
    const show = async () => {
      const { state, migration_cycle, state_action_time, stage_action_time } = (
        await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)
      ).json;
      return [state, migration_cycle, state_action_time - START, stage_action_time - START];
    };
    await ferry.clock.advance(1000);
    expect((await say({ copystate: "init" })).text).toBe("{}");
    expect(await show()).toEqual(["initialize", "setting", 1000, 0]);
    await ferry.clock.advance(1000);
    await say({ migrationcycle: "ready_for_test" });
    expect(await show()).toEqual(["initialize", "ready_for_test", 1000, 2000]);
    await say({ copystate: "stopped", migrationcycle: "syncing" });
    expect(await show()).toEqual(["stopped", "syncing", 2000, 2000]);
  });

  test("finished and error end the task's work and its open control commands; what comes later is late", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await poll(ferry, source_id);
    await changestate(ferry, source_id, "finished");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished replicating");
    expect(await commandsOf(ferry, source_id)).toEqual(["START cancelled"]);
    await report(ferry, source_id, "START", "fail");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished replicating");
    const { json } = await ferry.call("viewer", "GET", `/operate/v1/results?source_id=${source_id}`);
    expect(json.items[0].kind).toBe("late");
    expect(await ferry.rows("SELECT reason FROM commands")).toEqual([{ reason: "task_ended" }]);
  });

  test("error fails the task and says so; a log command goes on", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await ferry.call("operator", "POST", `/v3/tasks/${task_id}/log`, { body: { log_bucket: "logs" } });
    await act(ferry, task_id, "stop");
    await changestate(ferry, source_id, "error");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_FAIL error replicating");
    expect(await commandsOf(ferry, source_id)).toEqual(["START succeeded", "UPLOAD_LOG queued", "STOP cancelled"]);
    const [row] = await ferry.rows("SELECT error_json FROM tasks");
    expect(JSON.parse(String(row?.error_json)).error_code).toBe("SMS.8010");
  });

  test("is no sign of life, and takes no other words", async () => {
    const source_id = await register(ferry);
    await changestate(ferry, source_id, "replicate");
    expect((await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json.connected).toBe(false);
    for (const body of [{}, { copystate: "initialize" }, { copystate: "" }, { migrationcycle: "done" }]) {
      const { status, json } = await ferry.call("agent", "PUT", `/v3/sources/${source_id}/changestate`, { body });
      expect([body, status, json.error_code]).toEqual([body, 400, "SMS.8001"]);
    }
  });
});

describe("collectLog", () => {
  const collect = (task_id: string, body: object = { log_bucket: "logs" }) =>
    ferry.call("operator", "POST", `/v3/tasks/${task_id}/log`, { body });
  const status = async () => (await ferry.rows("SELECT log_bucket, log_collect_status, log_upload_time FROM tasks"))[0];

  test("queues UPLOAD_LOG with the bucket; its report tells how it went, the task stays", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    expect((await collect(task_id)).text).toBe("{}");
    expect(await status()).toEqual({ log_bucket: "logs", log_collect_status: "UPLOADING", log_upload_time: null });
    const { json } = await poll(ferry, source_id);
    expect(json).toEqual({ command_name: "UPLOAD_LOG", command_param: { task_id, bucket: "logs" } });
    await ferry.clock.advance(1000);
    await report(ferry, source_id, "UPLOAD_LOG");
    expect(await status()).toEqual({
      log_bucket: "logs",
      log_collect_status: "UPLOADED",
      log_upload_time: START + 1000,
    });
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
  });

  test("any other end is UPLOAD_FAIL; collect_log asks again for the bucket known", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "READY");
    const first = await ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, {
      body: { operation: "collect_log" },
    });
    expect([first.status, first.json.error_code]).toEqual([400, "SMS.8009"]);
    await collect(task_id);
    const [command] = await ferry.rows(`SELECT ${uuidTextInSql("id")} AS id FROM commands`);
    await ferry.call("operator", "POST", `/operate/v1/commands/${command?.id}/cancel`);
    expect((await status())?.log_collect_status).toBe("UPLOAD_FAIL");
    await act(ferry, task_id, "collect_log");
    expect((await status())?.log_collect_status).toBe("UPLOADING");
    await poll(ferry, source_id);
    await report(ferry, source_id, "UPLOAD_LOG", "fail");
    expect((await status())?.log_collect_status).toBe("UPLOAD_FAIL");
  });

  test("takes a bucket", async () => {
    const { task_id } = await taskThatIs(ferry, "READY");
    expect((await collect(task_id, {})).status).toBe(400);
    expect((await collect(task_id, { log_bucket: "x".repeat(256) })).status).toBe(400);
    expect((await collect("nobody")).status).toBe(404);
  });
});
