import { expect, test } from "bun:test";
import fc from "fast-check";
import { type ProgressRow, progressGroup } from "../../src/actions/progress-group.ts";
import { type Ferry, makeTask, poll, register, startFerry } from "../harness.ts";

/* Progress goes out in groups: each task is told of as if it were alone. */

const PATIENCE_MS = 86_400_000;

interface Told {
  subtask_name: string;
  progress: number;
  replicatesize: number;
  totalsize: number;
  process_trace: string;
  migrate_speed: number | undefined;
  remain_time: number | undefined;
  total_cpu_usage: number | undefined;
  need_migration_test: boolean | undefined;
}

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const fraction = (max: number) => fc.nat(max * 1_000).map((value) => value / 1_000);
const told: fc.Arbitrary<Told> = fc.record({
  subtask_name: fc.constantFrom("SSL_CONFIG", "MIGRATE_LINUX_FILE"),
  progress: fc.oneof(fc.constant(100), fc.nat(100)),
  replicatesize: fc.maxSafeNat(),
  totalsize: fc.maxSafeNat(),
  process_trace: fc.oneof(fc.constantFrom("", "?", 'it\'s "quoted" \\ and 😀'), fc.string({ maxLength: 20 })),
  migrate_speed: optional(fraction(10_000)),
  remain_time: optional(fc.nat()),
  total_cpu_usage: optional(fraction(100)),
  need_migration_test: optional(fc.boolean()),
});
type Step = { do: "tell"; what: Told } | { do: "delete" } | { do: "nothing" };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: told.map((what): Step => ({ do: "tell", what })) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: "nothing" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "delete" }) },
);
const TASKS = 4;
const turn = fc.record({
  steps: fc.array(step, { minLength: TASKS, maxLength: TASKS }),
  wait: fc.constantFrom(0, 1_000, PATIENCE_MS / 2, PATIENCE_MS),
});

/** The rules, one task at a time and in plain code. */
class Model {
  readonly subtasks = new Map<string, Record<string, unknown>>();
  newest: Record<string, unknown> | undefined;
  isDeleted = false;
  due: number;

  constructor(now: number) {
    this.due = now + PATIENCE_MS;
  }

  tell(now: number, { subtask_name: name, progress, process_trace, ...numbers }: Told): void {
    const before = this.subtasks.get(name);
    const migrate_speed = numbers.migrate_speed ?? null;
    const end = progress === 100 ? (before?.end_date ?? now) : null;
    const start_date = before?.start_date ?? now;
    this.subtasks.set(name, { name, progress, start_date, end_date: end, migrate_speed, process_trace });
    this.newest = {
      reported_at: now,
      replicatesize: numbers.replicatesize,
      totalsize: numbers.totalsize,
      migrate_speed,
      remain_time: numbers.remain_time ?? null,
      total_cpu_usage: numbers.total_cpu_usage ?? null,
      need_migration_test: numbers.need_migration_test === undefined ? null : Number(numbers.need_migration_test),
    };
    if (this.due > now) this.due = now + PATIENCE_MS;
  }

  delete(): void {
    this.isDeleted = true;
    this.subtasks.clear();
    this.newest = undefined;
  }
}

/** A started task whose agent has fetched its START. */
async function startedTask(ferry: Ferry, name: string): Promise<{ source_id: string; task_id: string }> {
  const source_id = await register(ferry, name);
  const task_id = await makeTask(ferry, source_id);
  await ferry.call("operator", "POST", `/v3/tasks/${task_id}/action`, { body: { operation: "start" } });
  await poll(ferry, source_id);
  // As if the agent had gone: a task may be deleted at any time.
  await ferry.clock.advance(61_000);
  return { source_id, task_id };
}

const tell = (ferry: Ferry, task_id: string, body: object) =>
  ferry.call("agent", "PUT", `/v3/tasks/${task_id}/progress`, { body });

async function take(ferry: Ferry, task_id: string, model: Model, doing: Step): Promise<void> {
  if (doing.do === "nothing") return;
  if (doing.do === "tell") {
    const { status } = await tell(ferry, task_id, doing.what);
    expect(status).toBe(model.isDeleted ? 404 : 200);
    if (!model.isDeleted) model.tell(ferry.clock.now(), doing.what);
    return;
  }
  const { status } = await ferry.call("operator", "DELETE", `/v3/tasks/${task_id}`);
  // Refused while its agent is there.
  if (status === 200) model.delete();
}

test("any progress of several tasks at once is kept as the rules say", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 5, maxLength: 15 }), async (turns) => {
      const ferry = await startFerry();
      try {
        const sides: { source_id: string; task_id: string; model: Model }[] = [];
        for (let index = 0; index < TASKS; index += 1) {
          const task = await startedTask(ferry, `s${index}`);
          sides.push({ ...task, model: new Model(ferry.clock.now() - 61_000) });
        }
        for (const { steps, wait } of turns) {
          await Promise.all(
            sides.map(({ task_id, model }, index) => take(ferry, task_id, model, steps[index] as Step)),
          );
          await ferry.clock.advance(wait);
        }
        for (const { source_id, task_id, model } of sides) {
          const ofTask = "task_seq = (SELECT seq FROM tasks WHERE id = ?)";
          const subtasks = await ferry.rows(
            `SELECT name, progress, start_date, end_date, migrate_speed, process_trace FROM subtasks WHERE ${ofTask} ORDER BY seq`,
            task_id,
          );
          expect(subtasks).toEqual([...model.subtasks.values()] as never);
          const [newest] = await ferry.rows(
            `SELECT reported_at, replicatesize, totalsize, migrate_speed, remain_time, total_cpu_usage, need_migration_test FROM task_progress WHERE ${ofTask}`,
            task_id,
          );
          expect(newest).toEqual(model.newest as never);
          if (model.isDeleted) continue;
          const [command] = await ferry.rows("SELECT due_at FROM commands WHERE task_id = ?", task_id);
          expect(command?.due_at).toBe(model.due);
          // Memory knows it too.
          const isOffered = (await poll(ferry, source_id)).headers.has("x-command-id");
          expect(isOffered).toBe(model.due > ferry.clock.now());
        }
        expect(await ferry.rows(`SELECT * FROM subtasks WHERE task_seq NOT IN (SELECT seq FROM tasks)`)).toEqual([]);
      } finally {
        await ferry.stop();
      }
    }),
    { numRuns: Number(process.env.FERRY_MODEL_RUNS ?? 8), endOnFailure: true },
  );
}, 120_000);

const plain = {
  subtask_name: "MIGRATE_LINUX_FILE",
  progress: 40,
  replicatesize: 1,
  totalsize: 2,
  process_trace: "",
} as const;

/** One that SQLite reads from JSON as a neighbour of it. */
const migrate_speed = 3316.474226339805;

test("many at once share a few commits; what was answered survives a crash", async () => {
  const ferry = await startFerry();
  try {
    const tasks: string[] = [];
    for (let index = 0; index < 20; index += 1) tasks.push(await makeTask(ferry, await register(ferry, `s${index}`)));
    const { client } = ferry.database;
    const batch = client.batch.bind(client);
    let commits = 0;
    client.batch = (...args) => {
      commits += 1;
      return batch(...args);
    };
    const replies = await Promise.all(
      tasks.map((task_id, replicatesize) => tell(ferry, task_id, { ...plain, replicatesize, migrate_speed })),
    );
    expect(replies.map(({ status }) => status)).toEqual(tasks.map(() => 200));
    expect(commits).toBeLessThan(tasks.length / 2);
    await ferry.restart();
    const kept = await ferry.rows(
      "SELECT tasks.id, replicatesize, migrate_speed FROM task_progress JOIN tasks ON seq = task_seq ORDER BY replicatesize",
    );
    expect(kept).toEqual(tasks.map((id, replicatesize) => ({ id, replicatesize, migrate_speed })));
  } finally {
    await ferry.stop();
  }
});

test("one that cannot be kept is refused whole, and takes no other with it", async () => {
  const ferry = await startFerry();
  try {
    const tasks: string[] = [];
    for (let index = 0; index < 3; index += 1) tasks.push(await makeTask(ferry, await register(ferry, `s${index}`)));
    await ferry.database.client.execute(
      "CREATE TRIGGER refusing BEFORE INSERT ON task_progress WHEN new.replicatesize = 1 BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    const replies = await Promise.all(
      tasks.map((task_id, replicatesize) => tell(ferry, task_id, { ...plain, replicatesize })),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 500, 200]);
    const kept = "SELECT tasks.id FROM tasks WHERE seq IN (SELECT task_seq FROM subtasks) ORDER BY seq";
    expect(await ferry.rows(kept)).toEqual([{ id: tasks[0] as string }, { id: tasks[2] as string }]);
  } finally {
    await ferry.stop();
  }
});

test("a task that is deleted between the look-up and the commit is told of as unknown, and leaves nothing", async () => {
  const ferry = await startFerry();
  try {
    const { source_id, task_id } = await startedTask(ferry, "web-1");
    const [row] = await ferry.rows("SELECT seq, source_seq FROM tasks");
    const { seq: task_seq, source_seq } = row as { seq: number; source_seq: number };
    const stale: ProgressRow = { task_seq, task_id, source_seq, at: ferry.clock.now() + 1, told: plain };
    expect((await tell(ferry, task_id, plain)).status).toBe(200);
    const command = (await poll(ferry, source_id)).headers.get("x-command-id");
    await ferry.clock.advance(61_000);
    await ferry.call("operator", "DELETE", `/v3/tasks/${task_id}`);
    // An open one in its name, as an operator may queue for any task.
    await ferry.database.client.execute({
      sql: "UPDATE commands SET ended_at = NULL, state = 'delivered' WHERE id = ?",
      args: [command],
    });
    const due = await ferry.rows("SELECT seq, due_at FROM commands ORDER BY seq");
    const group = ferry.database.writer.group(progressGroup(ferry.database, () => {}));
    expect(await group.add(stale)).toBeUndefined();
    expect((await tell(ferry, task_id, plain)).status).toBe(404);
    // Nobody remembers it either.
    expect((await ferry.call("viewer", "GET", `/v3/tasks/${task_id}/consistency-result`)).status).toBe(404);
    expect(await ferry.rows("SELECT seq, due_at FROM commands ORDER BY seq")).toEqual(due);
    expect(await ferry.rows("SELECT task_seq FROM subtasks UNION SELECT task_seq FROM task_progress")).toEqual([]);
  } finally {
    await ferry.stop();
  }
});
