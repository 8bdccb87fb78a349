import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { uuidTextInSql } from "../../src/db/uuid.ts";
import { type Ferry, makeTask, poll, queue, register, report, startFerry } from "../harness.ts";
import { act, changestate, commandsOf, standing, taskThatIs } from "./standing.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const refusal = async (task_id: string, operation: string) => {
  const { status, json } = await ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, { body: { operation } });
  return [status, json.error_code, json.error_msg];
};

describe("updateTaskStatus", () => {
  test("start counts at once, agent or none, and queues START for the task", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
    const { json } = await poll(ferry, source_id);
    expect(json).toEqual({ command_name: "START", command_param: { task_id } });
    await report(ferry, source_id, "START");
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    expect((await poll(ferry, source_id)).json).toEqual({});
  });

  test("start of what is done synchronises; its SYNC fails", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "MIGRATE_SUCCESS");
    expect((await poll(ferry, source_id)).json).toEqual({
      command_name: "TASK_HAS_FINISHED",
      command_param: { task_id },
    });
    await act(ferry, task_id, "start");
    expect(await standing(ferry, task_id)).toBe("SYNCING syncing syncing");
    expect((await poll(ferry, source_id)).json).toEqual({ command_name: "SYNC", command_param: { task_id } });
    await report(ferry, source_id, "SYNC", "fail", { error_code: "SMS.0806", error_msg: "partition" });
    expect(await standing(ferry, task_id)).toBe("SYNC_FAIL error syncing");
    const [row] = await ferry.rows("SELECT error_json FROM tasks");
    expect(row?.error_json).toBe('{"error_code":"SMS.0806","error_msg":"partition"}');
    await act(ferry, task_id, "restart");
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
    expect(await ferry.rows("SELECT error_json FROM tasks")).toEqual([{ error_json: null }]);
  });

  test("a failed START fails the task, with what the agent said, cut so that it fits", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await poll(ferry, source_id);
    await report(ferry, source_id, "START", "fail", { error_code: "c".repeat(100), error_msg: '"'.repeat(300) });
    expect(await standing(ferry, task_id)).toBe("MIGRATE_FAIL error replicating");
    const [row] = await ferry.rows("SELECT error_json, finish_date FROM tasks");
    const text = String(row?.error_json);
    expect(text.length).toBeLessThanOrEqual(255);
    expect(JSON.parse(text)).toEqual({ error_code: "c".repeat(64), error_msg: expect.stringMatching(/^"{60,128}$/) });
    expect(row?.finish_date).toBe(ferry.clock.now());
    expect((await poll(ferry, source_id)).json.command_name).toBe("TASK_HAS_STOPPED");
  });

  test("stop ends an open START as superseded: the agent is told STOP only, and nothing was begun", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await act(ferry, task_id, "stop");
    expect(await standing(ferry, task_id)).toBe("ABORTING stopping replicating");
    expect((await poll(ferry, source_id)).json.command_name).toBe("STOP");
    await report(ferry, source_id, "STOP", "fail");
    expect(await standing(ferry, task_id)).toBe("ABORT stopped replicating");
    expect(await commandsOf(ferry, source_id)).toEqual(["START superseded", "STOP failed"]);
  });

  test("a failed stop goes back to what was stopped", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "stop");
    await poll(ferry, source_id);
    await report(ferry, source_id, "STOP", "fail", { reason: "copy still flushing" });
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    expect(await ferry.rows("SELECT before, error_json FROM tasks")).toEqual([{ before: null, error_json: null }]);
  });

  test("skip and a drill of what is done", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "skip");
    expect(await standing(ferry, task_id)).toBe("SKIPPING skipping replicating");
    await poll(ferry, source_id);
    await report(ferry, source_id, "SKIP");
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    await changestate(ferry, source_id, "finished");
    await act(ferry, task_id, "migration_test");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS premiging replicating");
    expect((await ferry.call("viewer", "GET", `/v3/sources/${source_id}`)).json.state).toBe("premiging");
    await poll(ferry, source_id);
    await report(ferry, source_id, "PREMIGRATE", "fail");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS premigfailed replicating");
  });

  test("cutover and its kin wait for a changestate, and return after a day or when an operator says so", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "MIGRATE_SUCCESS");
    await act(ferry, task_id, "cutover");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS cutovering cutovering");
    await changestate(ferry, source_id, "finished");
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished cutovering");
    await act(ferry, task_id, "clone_test");
    await ferry.clock.advance(DAY_MS - 1);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS cloning cutovering");
    await ferry.clock.advance(1);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished cutovering");
    await act(ferry, task_id, "clear");
    const back = await ferry.call("operator", "POST", `/operate/v1/tasks/${task_id}/return`);
    expect([back.status, back.json]).toEqual([200, { id: task_id, state: "MIGRATE_SUCCESS" }]);
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished cutovering");
    const again = await ferry.call("operator", "POST", `/operate/v1/tasks/${task_id}/return`);
    expect([again.status, again.json.error_code]).toEqual([400, "SMS.8009"]);
  });

  test("a source that was cutovering before it had a task returns to waiting, whatever passes in between", async () => {
    const source_id = await register(ferry);
    await changestate(ferry, source_id, "cutovering");
    const task_id = await makeTask(ferry, source_id);
    expect(await standing(ferry, task_id)).toBe("READY cutovering setting");
    await changestate(ferry, source_id, "cloning");
    const other = await taskThatIs(ferry, "MIGRATE_SUCCESS");
    await act(ferry, other.task_id, "cutover");
    for (let day = 0; day < 2; day += 1) {
      await ferry.clock.advance(DAY_MS);
      await ferry.runJobs();
    }
    expect(await standing(ferry, task_id)).toBe("READY waiting setting");
    expect(await standing(ferry, other.task_id)).toBe("MIGRATE_SUCCESS finished replicating");
    expect(ferry.logged.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("what changes nothing begins the time of a passing state not anew", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "MIGRATE_SUCCESS");
    await act(ferry, task_id, "cutover");
    await ferry.clock.advance(DAY_MS - 1);
    await queue(ferry, source_id, "RSET_LOG_ACL", { command_param: { task_id } });
    await poll(ferry, source_id);
    await report(ferry, source_id, "RSET_LOG_ACL");
    await ferry.clock.advance(1);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished replicating");
  });

  test("a failure keeps its own words, whatever comes after it", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    const detail = { error_code: "SMS.0515", error_msg: "the disks are others now" };
    await poll(ferry, source_id);
    await report(ferry, source_id, "START", "fail", detail);
    await ferry.call("agent", "PUT", `/v3/sources/${source_id}/changestate`, {
      body: { copystate: "error", migrationcycle: "checking" },
    });
    expect(await standing(ferry, task_id)).toBe("MIGRATE_FAIL error checking");
    expect(await ferry.rows("SELECT error_json FROM tasks")).toEqual([{ error_json: JSON.stringify(detail) }]);
  });

  test("returnTask does not overtake a command that will end the state", async () => {
    const { task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "stop");
    const { status, json } = await ferry.call("operator", "POST", `/operate/v1/tasks/${task_id}/return`);
    expect([status, json.error_msg]).toEqual([400, expect.stringContaining("waits for STOP")]);
  });

  test("sync_failed_rollback ends by changestate", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "SYNC_FAIL");
    await act(ferry, task_id, "sync_failed_rollback");
    expect(await standing(ferry, task_id)).toBe("SYNC_F_ROLLBACKING error syncing");
    await changestate(ferry, source_id, "finished");
    expect(await standing(ferry, task_id)).toBe("SYNC_F_ROLLBACK_SUCCESS finished syncing");
  });

  test("what the state does not allow is refused with the state, the action and what is allowed", async () => {
    const { task_id } = await taskThatIs(ferry, "READY");
    expect(await refusal(task_id, "stop")).toEqual([
      400,
      "SMS.1038",
      `task ${task_id} is READY, its source waiting: stop is not allowed now; allowed: start, network_check`,
    ]);
    expect((await refusal(task_id, "restart"))[1]).toBe("SMS.1040");
    expect((await refusal(task_id, "cutover"))[1]).toBe("SMS.8009");
    await act(ferry, task_id, "start");
    expect((await refusal(task_id, "start"))[1]).toBe("SMS.1039");
    expect(await refusal(task_id, "skip")).toEqual([
      400,
      "SMS.8009",
      `task ${task_id} is RUNNING, its source initialize, with START open: skip is not allowed now; allowed: stop, error_for_overspeed, network_check`,
    ]);
    expect((await refusal(task_id, "dance"))[1]).toBe("SMS.8001");
    expect((await refusal("nobody", "start"))[0]).toBe(404);
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
  });

  test("two starts at once never both win", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "READY");
    const start = () => ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, { body: { operation: "start" } });
    const answers = await Promise.all([start(), start(), start()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    expect(await commandsOf(ferry, source_id)).toEqual(["START queued"]);
  });

  test("error_for_overspeed stops and says why; network_check moves nothing", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "network_check");
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    await act(ferry, task_id, "error_for_overspeed");
    expect(await standing(ferry, task_id)).toBe("ABORTING stopping replicating");
    const [row] = await ferry.rows("SELECT error_json FROM tasks");
    expect(JSON.parse(String(row?.error_json)).error_code).toBe("SMS.9007");
    expect((await poll(ferry, source_id)).json.command_name).toBe("STOP");
    await changestate(ferry, source_id, "finished");
    expect(await ferry.rows("SELECT state, error_json FROM tasks")).toEqual([
      { state: "MIGRATE_SUCCESS", error_json: null },
    ]);
  });

  test("the trail has each move with its reason", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await poll(ferry, source_id);
    await report(ferry, source_id, "START");
    const { json } = await ferry.call("viewer", "GET", `/operate/v1/events?source_id=${source_id}&order=oldest`);
    expect(json.items.map(({ type, data }: { type: string; data: { by?: string } }) => [type, data.by])).toEqual([
      ["source.registered", undefined],
      ["task.created", undefined],
      ["task.moved", "start"],
      ["command.queued", undefined],
      ["command.delivered", undefined],
      ["command.reported", undefined],
      ["task.moved", "START success"],
    ]);
    expect(json.items[6].data).toEqual({ task_id, by: "START success", state: "RUNNING", source_state: "replicate" });
  });
});

describe("deadlines of a task's commands", () => {
  test("a STOP nobody fetches within a day ends undelivered, and the task is as before", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "stop");
    await ferry.clock.advance(DAY_MS - 1);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("ABORTING stopping replicating");
    await ferry.clock.advance(1);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    expect(await commandsOf(ferry, source_id)).toEqual(["START succeeded", "STOP undelivered"]);
  });

  test("a START has a day from its delivery, begun anew by each progress and changestate", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await ferry.clock.advance(3 * DAY_MS);
    await ferry.runJobs();
    await poll(ferry, source_id);
    await ferry.clock.advance(DAY_MS - 1);
    const { status } = await ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
      body: {
        subtask_name: "MIGRATE_LINUX_FILE",
        progress: 1,
        replicatesize: 1,
        totalsize: 100,
        process_trace: "",
      },
    });
    expect(status).toBe(200);
    await ferry.clock.advance(DAY_MS - 1);
    await changestate(ferry, source_id, "replicate");
    await ferry.clock.advance(DAY_MS - 1);
    await ferry.runJobs();
    expect((await poll(ferry, source_id)).json.command_name).toBe("START");
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    await ferry.clock.advance(1);
    expect((await poll(ferry, source_id)).json).toEqual({});
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("MIGRATE_FAIL error replicating");
    const [row] = await ferry.rows("SELECT error_json FROM tasks");
    expect(JSON.parse(String(row?.error_json))).toEqual({
      error_code: "SMS.8010",
      error_msg: "START was not carried out: overdue: finish_within_passed",
    });
  });

  test("a cancelled STOP goes back to what was stopped", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "stop");
    const [stop] = await ferry.rows(`SELECT ${uuidTextInSql("id")} AS id FROM commands WHERE command_name = 'STOP'`);
    expect((await ferry.call("operator", "POST", `/operate/v1/commands/${stop?.id}/cancel`)).status).toBe(200);
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
    expect((await poll(ferry, source_id)).json).toEqual({});
  });
});

describe("commands an operator queues directly", () => {
  test("of the source's task move it as the action does; of another task or none they move nothing", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "READY");
    await queue(ferry, source_id, "START");
    await queue(ferry, source_id, "START", { command_param: { task_id: "another" } });
    expect(await standing(ferry, task_id)).toBe("READY waiting setting");
    await queue(ferry, source_id, "START", { command_param: { task_id } });
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
    const [row] = await ferry.rows("SELECT finish_within_s, deliver_by FROM commands WHERE task_id = ?", task_id);
    expect(row).toEqual({ finish_within_s: 86_400, deliver_by: null });
    await poll(ferry, source_id);
    await report(ferry, source_id, "START", "success");
    // The oldest open one was that without a task.
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
  });

  test("one that the state does not allow moves nothing, and neither does its report", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "READY");
    await queue(ferry, source_id, "SYNC", { command_param: { task_id } });
    await poll(ferry, source_id);
    await report(ferry, source_id, "SYNC", "fail");
    expect(await standing(ferry, task_id)).toBe("READY waiting setting");
  });

  test("a second STOP takes over from the first: its report stops the task, and so does its deadline", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "stop");
    await queue(ferry, source_id, "STOP", { command_param: { task_id } });
    expect(await standing(ferry, task_id)).toBe("ABORTING stopping replicating");
    const [row] = await ferry.rows("SELECT deliver_by, finish_within_s FROM commands ORDER BY seq DESC LIMIT 1");
    expect(row).toEqual({ deliver_by: ferry.clock.now() + DAY_MS, finish_within_s: 86_400 });
    await poll(ferry, source_id);
    await report(ferry, source_id, "STOP");
    expect(await standing(ferry, task_id)).toBe("ABORT stopped replicating");
  });

  test("a START over a START has its deadlines", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "RUNNING");
    await queue(ferry, source_id, "START", { command_param: { task_id } });
    await poll(ferry, source_id);
    await ferry.clock.advance(DAY_MS);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("MIGRATE_FAIL error replicating");
  });

  test("a STOP that ends nothing keeps no cutover from returning", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "MIGRATE_SUCCESS");
    await act(ferry, task_id, "cutover");
    await queue(ferry, source_id, "STOP", { command_param: { task_id } });
    const { status, json } = await ferry.call("operator", "POST", `/operate/v1/tasks/${task_id}/return`);
    expect([status, json.state]).toEqual([200, "MIGRATE_SUCCESS"]);
    expect(await standing(ferry, task_id)).toBe("MIGRATE_SUCCESS finished replicating");
  });

  test("UPLOAD_LOG goes to the bucket named last; without one it tells nothing of the task", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "READY");
    const status = async () => (await ferry.rows("SELECT log_collect_status FROM tasks"))[0]?.log_collect_status;
    await queue(ferry, source_id, "UPLOAD_LOG", { command_param: { task_id } });
    expect(await status()).toBe("INIT");
    await ferry.call("operator", "POST", `/v3/tasks/${task_id}/log`, { body: { log_bucket: "logs" } });
    await queue(ferry, source_id, "UPLOAD_LOG", { command_param: { task_id } });
    expect(await ferry.rows("SELECT bucket FROM commands ORDER BY seq")).toEqual([
      { bucket: null },
      { bucket: "logs" },
      { bucket: "logs" },
    ]);
  });

  test("one that supersedes a STOP without taking over leaves no task waiting for it", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "copying");
    await act(ferry, task_id, "stop");
    await queue(ferry, source_id, "SYNC", { command_param: { task_id } });
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
  });
});

describe("auto_start", () => {
  test("the task stays READY until the agent takes its START, and runs from then on", async () => {
    const source_id = await register(ferry);
    const task_id = await makeTask(ferry, source_id, { auto_start: true });
    await ferry.clock.advance(10 * DAY_MS);
    await ferry.runJobs();
    expect(await standing(ferry, task_id)).toBe("READY waiting setting");
    const { json, headers } = await poll(ferry, source_id);
    expect(json).toEqual({ command_name: "START", command_param: { task_id } });
    expect(headers.get("x-command-attempt")).toBe("1");
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
    expect((await poll(ferry, source_id)).headers.get("x-command-attempt")).toBe("2");
    await report(ferry, source_id, "START");
    expect(await standing(ferry, task_id)).toBe("RUNNING replicate replicating");
  });

  test("a start before that supersedes it; after a crash nothing is forgotten", async () => {
    const source_id = await register(ferry);
    const task_id = await makeTask(ferry, source_id, { auto_start: true });
    await act(ferry, task_id, "start");
    expect(await commandsOf(ferry, source_id)).toEqual(["START superseded", "START queued"]);
    await ferry.restart();
    expect((await poll(ferry, source_id)).json.command_name).toBe("START");
    expect(await standing(ferry, task_id)).toBe("RUNNING initialize replicating");
  });
});
