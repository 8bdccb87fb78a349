import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Failure } from "../../src/core/failure.ts";
import { type TaskAction, type TaskState, taskActions, taskStates } from "../../src/core/words.ts";
import { type SourceState, shownSourceStates } from "../../src/sources/schema.ts";
import type { PostTask } from "../../src/tasks/schema.ts";
import { type Caller, type Ferry, makeTask, poll, queue, register, startFerry, taskOf } from "../harness.ts";
import { taskThatIs } from "./standing.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

interface Told {
  action: string;
  allowed: boolean;
  reason: string | null;
}

async function actions(source_id: string, as: Caller = "operator"): Promise<Told[]> {
  const { status, json } = await ferry.call(as, "GET", `/operate/v1/sources/${source_id}/actions`);
  expect(status).toBe(200);
  return json.items;
}

/** What the action itself answers; thousands of times, so past the routes, whose roles a test of their own looks at. */
async function attempt(action: string, { source_id, task_id }: { source_id: string; task_id: string }) {
  const { tasks, deletions } = ferry.services.actions;
  const operator = await ferry.principalOf(ferry.keys.operator);
  try {
    if (action === "create_task") await tasks.createTask(operator, taskOf(source_id) as PostTask);
    else if (action === "delete_task") await deletions.deleteTasks(operator, [task_id]);
    else if (action === "delete_source") await deletions.deleteServers(operator, [source_id]);
    else await tasks.updateTaskStatus(operator, task_id, { operation: action as TaskAction });
    return { allowed: true, reason: null };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { allowed: false, reason: error.message };
  }
}

/** Every action twice: what it would be is told, then it is tried. `renew` brings all to where it was. */
async function equalsWhatHappens(
  where: string,
  renew: () => Promise<{ source_id: string; task_id: string }>,
): Promise<string[]> {
  let objects = await renew();
  const first = objects;
  const told = await actions(objects.source_id);
  for (const { action, allowed, reason } of told) {
    // What was deleted has been made again, under other ids.
    const words = reason?.replaceAll(first.source_id, objects.source_id).replaceAll(first.task_id, objects.task_id);
    const happened = await attempt(action, objects);
    expect([where, action, allowed, words ?? null]).toEqual([where, action, happened.allowed, happened.reason]);
    if (happened.allowed) objects = await renew();
  }
  return told.filter(({ allowed }) => allowed).map(({ action }) => action);
}

describe("listSourceActions", () => {
  test("is one line for each action there is, in the words of the refusals", async () => {
    const source_id = await register(ferry);
    const none = await actions(source_id);
    expect(none.map(({ action }) => action)).toEqual(["create_task", ...taskActions, "delete_task", "delete_source"]);
    expect(none.filter(({ allowed }) => allowed).map(({ action }) => action)).toEqual(["create_task", "delete_source"]);
    expect(none.find(({ action }) => action === "start")?.reason).toBe(`source ${source_id} has no task`);
    const task_id = await makeTask(ferry, source_id);
    const ready = new Map((await actions(source_id)).map((told) => [told.action, told]));
    expect(ready.get("create_task")?.reason).toBe(`source ${source_id} has a task already: ${task_id}`);
    expect(ready.get("stop")?.reason).toBe(
      `task ${task_id} is READY, its source waiting: stop is not allowed now; allowed: start, network_check`,
    );
    expect(ready.get("start")).toEqual({ action: "start", allowed: true, reason: null });
    expect(ready.get("collect_log")?.reason).toBe(
      `task ${task_id} has no log bucket yet: POST /v3/tasks/${task_id}/log names one`,
    );
  });

  test("names the role, for who may do none of it", async () => {
    const { source_id } = await taskThatIs(ferry, "READY");
    const reason = "role viewer may not do this: it takes operator or admin";
    const told = await actions(source_id, "viewer");
    expect(told.length).toBe(16);
    for (const { allowed, ...rest } of told)
      expect([rest.action, allowed, rest.reason]).toEqual([rest.action, false, reason]);
    expect(await actions(source_id, "admin")).toEqual(await actions(source_id, "operator"));
    // A key of an operator that is narrower may do what both may.
    const { json: user } = await ferry.call("admin", "POST", "/operate/v1/users", {
      body: { name: "o", role: "operator" },
    });
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", {
      body: { user: user.name, role: "viewer" },
    });
    expect((await actions(source_id, key)).every(({ allowed }) => !allowed)).toBe(true);
  });

  test("is of the account's own sources only", async () => {
    const source_id = await register(ferry);
    const asked = async (id: string, as: Caller) =>
      (await ferry.call(as, "GET", `/operate/v1/sources/${id}/actions`)).json.error_msg?.replace(id, "ID");
    expect(await asked(source_id, "foreign")).toBe("source ID is unknown");
    expect(await asked("nobody", "operator")).toBe("source ID is unknown");
    expect((await ferry.call("agent", "GET", `/operate/v1/sources/${source_id}/actions`)).status).toBe(403);
  });
});

describe("what listSourceActions tells equals what then happens", () => {
  /** Puts a source and its task where they are to be, whatever happened to them. */
  async function stand(
    standing: { task: TaskState; source: SourceState; connected?: boolean; open?: string; bucket?: boolean },
    known: { source_id: string; task_id: string },
  ): Promise<{ source_id: string; task_id: string }> {
    const rows = await ferry.rows(
      "SELECT tasks.id FROM tasks JOIN sources ON sources.seq = source_seq WHERE tasks.id = ?",
      known.task_id,
    );
    if (rows.length === 0) {
      const source_id = await register(ferry);
      const made = { source_id, task_id: await makeTask(ferry, source_id) };
      Object.assign(known, made);
    }
    const { source_id, task_id } = known;
    const source_seq = "(SELECT seq FROM sources WHERE id = ?)";
    await ferry.rows(
      `UPDATE commands SET ended_at = 1, state = 'cancelled' WHERE source_seq = ${source_seq} AND ended_at IS NULL`,
      source_id,
    );
    if (standing.open) await queue(ferry, source_id, standing.open, { command_param: { task_id } });
    const before = JSON.stringify({ task: "READY", source: "waiting", migration_cycle: "setting" });
    await ferry.rows(
      "UPDATE tasks SET state = ?, before = ?, stops_unbegun = 0, log_bucket = ? WHERE id = ?",
      standing.task,
      before,
      standing.bucket ? "logs" : null,
      task_id,
    );
    await ferry.rows("UPDATE sources SET state = ? WHERE id = ?", standing.source, source_id);
    if (standing.connected) await poll(ferry, source_id);
    return { source_id, task_id };
  }

  test("in every state of task and source", async () => {
    // Thousands of commits, none of which has to outlast anything.
    if (ferry.database.exclusive) await ferry.rows("PRAGMA synchronous = OFF");
    const known = { source_id: "none", task_id: "none" };
    const everAllowed = new Set<string>();
    let cells = 0;
    for (const task of taskStates) {
      for (const source of shownSourceStates) {
        const where = `${task} ${source}`;
        const allowed = await equalsWhatHappens(where, () => stand({ task, source }, known));
        for (const action of allowed) everAllowed.add(action);
        cells += 1;
      }
    }
    expect(cells).toBe(14 * 20);
    const never = ["create_task", ...taskActions, "delete_task", "delete_source"].filter(
      (action) => !everAllowed.has(action),
    );
    // It takes a bucket; the other a source without a task.
    expect(never).toEqual(["create_task", "collect_log"]);
  }, 180_000);

  test("while the agent is there, in every state of the source", async () => {
    for (const source of shownSourceStates) {
      const known = { source_id: "none", task_id: "none" };
      await equalsWhatHappens(source, () => stand({ task: "RUNNING", source, connected: true }, known));
    }
  }, 120_000);

  test("while commands are open, and once there is a bucket", async () => {
    for (const task of ["RUNNING", "SYNCING", "MIGRATE_SUCCESS"] as const) {
      for (const open of ["START", "SYNC", "STOP", "UPLOAD_LOG"]) {
        const known = { source_id: "none", task_id: "none" };
        const allowed = await equalsWhatHappens(`${task} ${open}`, () =>
          stand({ task, source: "premigready", open, bucket: true }, known),
        );
        expect([task, open, allowed.includes("collect_log")]).toEqual([task, open, true]);
        const begun = open !== "START" && open !== "SYNC";
        expect([task, open, allowed.includes("skip")]).toEqual([task, open, begun && task !== "MIGRATE_SUCCESS"]);
      }
    }
  }, 120_000);

  test("without a task, in every state", async () => {
    for (const source of shownSourceStates) {
      for (const connected of [false, true]) {
        for (const action of ["create_task", "delete_source"]) {
          const source_id = await register(ferry);
          await ferry.rows("UPDATE sources SET state = ? WHERE id = ?", source, source_id);
          if (connected) await poll(ferry, source_id);
          const told = (await actions(source_id)).find((one) => one.action === action);
          const happened = await attempt(action, { source_id, task_id: "none" });
          expect([source, connected, told]).toEqual([source, connected, { action, ...happened }]);
        }
      }
    }
  }, 120_000);

  test("for a role that may do none of it, in the words each call has", async () => {
    const { source_id, task_id } = await taskThatIs(ferry, "READY");
    const calls: Record<string, [method: string, path: string, body?: object]> = {
      create_task: ["POST", "/v3/tasks", taskOf(source_id)],
      ...Object.fromEntries(
        taskActions.map((operation) => [operation, ["POST", `/v3/tasks/${task_id}/action`, { operation }]]),
      ),
      delete_task: ["DELETE", `/v3/tasks/${task_id}`],
      delete_source: ["DELETE", `/v3/sources/${source_id}`],
    };
    const told = await actions(source_id, "viewer");
    expect(told.map(({ action }) => action)).toEqual(Object.keys(calls));
    for (const { action, allowed, reason } of told) {
      const [method, path, body] = calls[action] ?? ["", ""];
      const { status, json } = await ferry.call("viewer", method, path, body ? { body } : {});
      expect([action, allowed, reason, status]).toEqual([action, false, json.error_msg, 403]);
    }
  });
});
