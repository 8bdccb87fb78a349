import { describe, expect, test } from "bun:test";
import {
  type CommandName,
  type ReportResult,
  type TaskAction,
  type TaskState,
  taskActions,
} from "../../src/core/words.ts";
import type { SourceState } from "../../src/sources/schema.ts";
import {
  actionRules,
  afterAction,
  afterChangestate,
  afterEnd,
  afterHandOut,
  afterReturn,
  allowedActions,
  awaitedCommands,
  endRules,
  isPassing,
  type OpenOrder,
  outcomeRules,
  ruleOf,
  type Standing,
  waitsForSource,
} from "../../src/tasks/lifecycle.ts";

const standing = (task: TaskState, source: SourceState, more: Partial<Standing> = {}): Standing => ({
  task,
  source,
  migration_cycle: "replicating",
  before: null,
  stops_unbegun: false,
  ...more,
});
const ready = standing("READY", "waiting", { migration_cycle: "setting" });
const open = (command_name: CommandName, state: OpenOrder["state"] = "delivered"): OpenOrder => ({
  command_name,
  state,
});

function act(action: TaskAction, now: Standing, orders: OpenOrder[] = []): Standing {
  const rule = ruleOf(action, now, orders);
  if (!rule) throw new Error(`${action} is not allowed while ${now.task}, ${now.source}`);
  return afterAction(rule, now, orders);
}

describe("actions", () => {
  test("each starts from exactly the states its rule names", () => {
    const from = (action: TaskAction) =>
      actionRules.filter((rule) => rule.action === action).flatMap((rule) => rule.from);
    expect(Object.fromEntries(taskActions.map((action) => [action, [...new Set(from(action))]]))).toEqual({
      start: [
        "READY",
        "ABORT",
        "MIGRATE_FAIL",
        "SYNC_FAIL",
        "MIGRATE_SUCCESS",
        "SYNC_SUCCESS",
        "SYNC_F_ROLLBACK_SUCCESS",
      ],
      restart: ["ABORT", "MIGRATE_FAIL", "SYNC_FAIL"],
      stop: ["RUNNING", "SYNCING", "SKIPPING"],
      error_for_overspeed: ["RUNNING", "SYNCING", "SKIPPING"],
      skip: ["RUNNING", "SYNCING"],
      migration_test: ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS", "RUNNING", "SYNCING"],
      test: ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"],
      cutover: ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"],
      clone_test: ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"],
      clear: ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"],
      sync_failed_rollback: ["SYNC_FAIL"],
      network_check: [],
      collect_log: [],
    });
  });

  test("start copies at first and synchronises what is done", () => {
    expect(act("start", ready)).toEqual(standing("RUNNING", "initialize"));
    const synced = act("start", standing("MIGRATE_SUCCESS", "finished"));
    expect(synced).toEqual(standing("SYNCING", "syncing", { migration_cycle: "syncing" }));
    expect(ruleOf("start", standing("MIGRATE_SUCCESS", "finished"), [])?.command).toBe("SYNC");
    expect(act("start", standing("SYNC_FAIL", "error")).task).toBe("RUNNING");
  });

  test("skip and a drill wait until START or SYNC has been reported", () => {
    const running = standing("RUNNING", "replicate");
    expect(ruleOf("skip", running, [open("START", "queued")])).toBeUndefined();
    expect(ruleOf("skip", running, [open("START")])).toBeUndefined();
    expect(ruleOf("skip", running, [])).toBeDefined();
    expect(ruleOf("migration_test", running, [])).toBeUndefined();
    expect(ruleOf("migration_test", standing("RUNNING", "premigready"), [])).toBeDefined();
    expect(ruleOf("migration_test", standing("RUNNING", "premigready"), [open("START")])).toBeUndefined();
  });

  test("while the source is cutovering, cloning, clearing or premiging what leads there is refused; start takes over", () => {
    for (const source of ["cutovering", "cloning", "clearing", "premiging"] as const) {
      const now = standing("MIGRATE_SUCCESS", source, { before: { ...ready, task: "MIGRATE_SUCCESS" } });
      expect(allowedActions(now, [])).toEqual(["start"]);
      expect(act("start", now).before).toBeNull();
    }
  });
});

describe("ends of commands", () => {
  const stopped = act("stop", standing("RUNNING", "replicate"), []);

  test("the table: what success and fail make of a task", () => {
    const row = (name: CommandName, now: Standing) =>
      (["success", "fail"] as ReportResult[]).map((result) => {
        const { task, source } = afterEnd(name, result, now);
        return `${task} ${source}`;
      });
    expect(row("START", standing("RUNNING", "initialize"))).toEqual(["RUNNING replicate", "MIGRATE_FAIL error"]);
    expect(row("SYNC", standing("SYNCING", "syncing"))).toEqual(["SYNCING syncing", "SYNC_FAIL error"]);
    expect(row("STOP", stopped)).toEqual(["ABORT stopped", "RUNNING replicate"]);
    expect(row("SKIP", act("skip", standing("SYNCING", "syncing")))).toEqual(["SYNCING syncing", "SYNCING syncing"]);
    const drill = act("migration_test", standing("SYNC_SUCCESS", "finished"));
    expect(row("PREMIGRATE", drill)).toEqual(["SYNC_SUCCESS premiged", "SYNC_SUCCESS premigfailed"]);
    expect(endRules.map(({ command }) => command)).toEqual(["START", "SYNC", "STOP", "SKIP", "PREMIGRATE"]);
  });

  test("one that comes in another state moves nothing", () => {
    for (const name of ["START", "SYNC", "STOP", "SKIP", "PREMIGRATE", "DELETE"] as const) {
      expect(afterEnd(name, "fail", ready)).toBe(ready);
    }
  });

  test("a failed stop that cut a skip short goes back to before the skip", () => {
    const skipping = act("skip", standing("RUNNING", "replicate"));
    expect(afterEnd("STOP", "fail", act("stop", skipping))).toEqual(standing("RUNNING", "replicate"));
  });

  test("a stop whose START no agent has seen leads to ABORT however it ends", () => {
    const running = standing("RUNNING", "initialize");
    const stopping = act("stop", running, [open("START", "queued")]);
    expect(stopping.stops_unbegun).toBe(true);
    expect(afterEnd("STOP", "fail", stopping)).toEqual(standing("ABORT", "stopped"));
    expect(act("stop", running, [open("START")]).stops_unbegun).toBe(false);
  });

  test("START of an auto_start task makes it run when it is handed out, nothing else does", () => {
    expect(afterHandOut("START", ready)).toEqual(standing("RUNNING", "initialize"));
    expect(afterHandOut("STOP", ready)).toBe(ready);
    expect(afterHandOut("START", stopped)).toBe(stopped);
  });
});

describe("changestate", () => {
  const says = (source: SourceState, now: Standing) => afterChangestate({ source }, now);

  test("finished and error end what the task is at, a stop or skip over it too", () => {
    for (const { from, finished, error } of outcomeRules) {
      const now = standing(from, "replicate");
      expect([says("finished", now).task, says("error", now).task]).toEqual([finished, error]);
      if (from === "SYNC_F_ROLLBACKING") continue;
      for (const over of ["stop", "skip"] as const) {
        expect([says("finished", act(over, now)).task, says("error", act(over, now)).task]).toEqual([finished, error]);
        expect(says("finished", act(over, now)).before).toBeNull();
      }
    }
    expect(outcomeRules.map(({ from }) => from)).toEqual(["RUNNING", "SYNCING", "SYNC_F_ROLLBACKING"]);
  });

  test("moves the source as said, the stage only if it is said, and no other task", () => {
    expect(says("replicate", ready)).toEqual({ ...ready, source: "replicate" });
    expect(afterChangestate({ migration_cycle: "testing" }, ready)).toEqual({ ...ready, migration_cycle: "testing" });
    expect(says("finished", standing("ABORT", "stopped"))).toEqual(standing("ABORT", "finished"));
  });

  test("ends a cutover, whatever it says; one passing state after another goes back to before the first", () => {
    const done = standing("MIGRATE_SUCCESS", "finished");
    const cutting = act("cutover", done);
    expect([cutting.source, cutting.migration_cycle]).toEqual(["cutovering", "cutovering"]);
    expect(says("stopped", cutting)).toEqual(standing("MIGRATE_SUCCESS", "stopped", { migration_cycle: "cutovering" }));
    expect(afterReturn(says("cloning", cutting))).toEqual(done);
    expect(afterReturn(cutting)).toEqual(done);
  });
});

describe("the whole table", () => {
  type Place = { now: Standing; orders: OpenOrder[] };
  const key = (place: Place) => JSON.stringify(place);

  /** A new control command ends the older ones of the task. */
  const queued = (name: CommandName | undefined, orders: OpenOrder[]) =>
    name === undefined ? orders : [open(name, "queued")];

  /** Everything that can happen, by name. */
  function* events({ now, orders }: Place): Generator<[name: string, Place]> {
    for (const action of allowedActions(now, orders)) {
      const rule = ruleOf(action, now, orders);
      if (rule)
        yield [`action ${action}`, { now: afterAction(rule, now, orders), orders: queued(rule.command, orders) }];
    }
    for (const { command_name, state } of orders) {
      if (state === "queued") {
        yield [`handed out ${command_name}`, { now: afterHandOut(command_name, now), orders: [open(command_name)] }];
      } else yield [`success ${command_name}`, { now: afterEnd(command_name, "success", now), orders: [] }];
      yield [`fail ${command_name}`, { now: afterEnd(command_name, "fail", now), orders: [] }];
    }
    for (const source of ["replicate", "premigready", "premiging", "cutovering", "finished", "error"] as const) {
      const next = says(source, now);
      yield [`changestate ${source}`, { now: next, orders: next.task === now.task ? orders : [] }];
    }
    const awaited = orders.some(({ command_name }) => awaitedCommands.has(command_name));
    if (now.before && !awaited) yield ["return", { now: afterReturn(now), orders }];
  }
  const says = (source: SourceState, now: Standing) => afterChangestate({ source }, now);

  function everyPlace(): Map<string, Place> {
    const first: Place = { now: ready, orders: [] };
    const places = new Map([[key(first), first]]);
    const waiting = [first, { now: ready, orders: [open("START", "queued")] }];
    for (let place = waiting.pop(); place; place = waiting.pop()) {
      for (const [, next] of events(place)) {
        if (places.has(key(next))) continue;
        places.set(key(next), next);
        waiting.push(next);
      }
    }
    return places;
  }

  test("from every reachable state a task gets to where it can be started again; a passing one ends without its agent", () => {
    const places = everyPlace();
    const seen = new Set([...places.values()].map(({ now }) => now.task));
    expect([...seen].sort()).toEqual([
      "ABORT",
      "ABORTING",
      "MIGRATE_FAIL",
      "MIGRATE_SUCCESS",
      "READY",
      "RUNNING",
      "SKIPPING",
      "SYNCING",
      "SYNC_FAIL",
      "SYNC_F_ROLLBACKING",
      "SYNC_F_ROLLBACK_SUCCESS",
      "SYNC_SUCCESS",
    ]);
    const edges = [...places].flatMap(([from, place]) =>
      [...events(place)].map(([name, to]) => ({ from, name, to: key(to) })),
    );
    /** Places from which such events lead to one that is as wanted. */
    const leading = (which: RegExp, is: (place: Place) => boolean) => {
      const good = new Set([...places].filter(([, place]) => is(place)).map(([name]) => name));
      for (let before = -1; before !== good.size; ) {
        before = good.size;
        for (const { from, name, to } of edges) if (which.test(name) && good.has(to)) good.add(from);
      }
      return good;
    };
    const startable = leading(/./, ({ now, orders }) => ruleOf("start", now, orders) !== undefined);
    expect([...places.keys()].filter((place) => !startable.has(place))).toEqual([]);
    // Without agent and operator: what nobody reports fails in time, and what nobody ends returns.
    const settled = leading(/^(fail|return)/, ({ now }) => !isPassing(now));
    expect([...places.keys()].filter((place) => !settled.has(place))).toEqual([]);
  });

  test("a state that passes has a state before it and something that ends it; any other has none", () => {
    for (const { now, orders } of everyPlace().values()) {
      expect([now, now.before !== null]).toEqual([now, isPassing(now)]);
      if (!isPassing(now)) continue;
      const names = orders.map(({ command_name }) => command_name);
      const ends = waitsForSource(now) || names.includes("STOP") || names.includes("SKIP");
      expect([now, names, ends]).toEqual([now, names, true]);
    }
  });

  test("a state before is never one that passes", () => {
    for (const { now } of everyPlace().values()) {
      if (now.before) expect([now, isPassing(now.before)]).toEqual([now, false]);
    }
  });
});
