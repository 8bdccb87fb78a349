import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { CommandName, ReportResult, TaskAction } from "../core/words.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { type Doer, record } from "../events/service.ts";
import type { MigrationCycle, SourceState } from "../sources/schema.ts";
import type { Sources } from "../sources/service.ts";
import { CurrentTasks } from "./current.ts";
import { AGENT_FAILED, errorJson, type TaskError } from "./error-json.ts";
import {
  type ActionRule,
  afterAction,
  afterChangestate,
  afterEnd,
  afterHandOut,
  afterMaking,
  afterReturn,
  allowedActions,
  isAtWork,
  isDone,
  isMovedBy,
  type OpenOrder,
  ruleOf,
  ruleOfCommand,
  type Standing,
  waitsForSource,
} from "./lifecycle.ts";
import { selectReturning } from "./move-store.ts";
import { selectTask, selectTaskOfSource, type TaskRow, updateTask } from "./store.ts";

/** Codes of their own that refused actions have. Source: docs/decisions.md, "Refusals". */
const refusalCodes: Partial<Record<TaskAction, string>> = {
  stop: "SMS.1038",
  error_for_overspeed: "SMS.1038",
  start: "SMS.1039",
  restart: "SMS.1040",
};

/** Commands whose failure is the task's. */
const failing: ReadonlySet<CommandName> = new Set(["START", "SYNC", "PREMIGRATE"]);

const OVERSPEED: TaskError = { error_code: "SMS.9007", error_msg: "paused: the transfer was over its speed threshold" };

/** Moves tasks and their sources from state to state, within the caller's transaction. */
export class TaskMoves {
  /** Tell it of every commit that moved a task. */
  readonly current: CurrentTasks;
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #returnMs: number;

  /** A passing state that no command ends is over after `finish_within_s`. */
  constructor(platform: Platform, database: Database, sources: Sources, finish_within_s: number) {
    this.#platform = platform;
    this.#database = database;
    this.#sources = sources;
    this.#returnMs = finish_within_s * 1000;
    this.current = new CurrentTasks(database);
  }

  /** The task a source has now; give the transaction where that has to hold until its commit. */
  ofSource(db: Executor, source_seq: number): Promise<TaskRow | undefined> {
    return selectTaskOfSource(db, source_seq);
  }

  /** The rule an action of updateTaskStatus follows. Throws `conflict` with what is allowed instead. */
  requireRule(task: TaskRow, action: TaskAction, open: readonly OpenOrder[]): ActionRule {
    const rule = ruleOf(action, standingOf(task), open);
    if (!rule) throw refused(task, action, open);
    return rule;
  }

  /** An action that has a rule: moves, and answers the command to queue. Throws as `requireRule` does. */
  async act(
    tx: Transaction,
    by: Doer,
    task: TaskRow,
    action: TaskAction,
    open: readonly OpenOrder[],
  ): Promise<CommandName | undefined> {
    const rule = this.requireRule(task, action, open);
    await this.#follow(tx, by, task, rule, open);
    return rule.command;
  }

  /** An operator queues a command directly: moves as the action that queues the same, if that is allowed; else false. */
  async actAsQueued(
    tx: Transaction,
    by: Doer,
    task: TaskRow,
    order: { command_name: CommandName; bucket?: string | null | undefined },
    open: readonly OpenOrder[],
  ): Promise<boolean> {
    if (order.command_name === "UPLOAD_LOG" && order.bucket) await this.collectLog(tx, task, order.bucket);
    const rule = ruleOfCommand(order.command_name, standingOf(task), open);
    if (rule) await this.#follow(tx, by, task, rule, open);
    return rule !== undefined;
  }

  /** Whether the task waits for such a command to end. */
  waitsFor(task: TaskRow, name: CommandName): boolean {
    return isMovedBy(name, standingOf(task));
  }

  /** An UPLOAD_LOG is being queued. */
  async collectLog(tx: Transaction, task: TaskRow, log_bucket: string): Promise<void> {
    await updateTask(tx, task.seq, { log_bucket, log_collect_status: "UPLOADING" });
  }

  /** A task has been made, whatever state its source was in. */
  async made(tx: Transaction, by: Doer, task: TaskRow): Promise<void> {
    await this.#move(tx, by, task, afterMaking(standingOf(task)), "made");
  }

  /** A START that waited for its agent is handed out. */
  async handedOut(tx: Transaction, by: Doer, task: TaskRow, name: CommandName): Promise<void> {
    const now = standingOf(task);
    await this.#move(tx, by, task, afterHandOut(name, now), `${name} handed out`);
  }

  /** A command of the task has ended; `error` says why, where it failed. */
  async commandEnded(
    tx: Transaction,
    by: Doer,
    task: TaskRow,
    name: CommandName,
    result: ReportResult,
    error: TaskError,
  ): Promise<void> {
    if (name === "UPLOAD_LOG") {
      await updateTask(
        tx,
        task.seq,
        result === "success"
          ? { log_collect_status: "UPLOADED", log_upload_time: this.#platform.now() }
          : { log_collect_status: "UPLOAD_FAIL" },
      );
      return;
    }
    const failure = result === "fail" && failing.has(name) ? error : undefined;
    await this.#move(tx, by, task, afterEnd(name, result, standingOf(task)), `${name} ${result}`, failure);
  }

  /** The agent says where its source stands. True if the task is no longer at work: its control commands are to end. */
  async changestate(
    tx: Transaction,
    by: Doer,
    task: TaskRow,
    said: { source?: SourceState | undefined; migration_cycle?: MigrationCycle | undefined },
  ): Promise<boolean> {
    const next = afterChangestate(said, standingOf(task));
    const error = { error_code: AGENT_FAILED, error_msg: "the agent reported the state error" };
    await this.#move(tx, by, task, next, "changestate", error);
    return next.task !== task.state;
  }

  /** Back from a passing state. Throws `conflict` if the task is in none. */
  async goBack(tx: Transaction, by: Doer, task: TaskRow): Promise<void> {
    if (task.before === null) {
      throw new Failure(
        "conflict",
        `task ${task.id} is ${task.state} and its source ${task.source_state}: there is no state to return from`,
      );
    }
    await this.#move(tx, by, task, afterReturn(standingOf(task)), "returned");
  }

  /** Tasks whose passing state has lasted its time. */
  returning(limit: number): Promise<{ id: string }[]> {
    return selectReturning(this.#database.reader, this.#platform.now(), limit);
  }

  /** One of them, as the transaction sees it; undefined if it has moved meanwhile. */
  async overdue(tx: Transaction, id: string): Promise<TaskRow | undefined> {
    const task = await selectTask(tx, id);
    return task && (task.return_at ?? Number.POSITIVE_INFINITY) <= this.#platform.now() ? task : undefined;
  }

  /** The passing state begins anew. */
  async prolong(tx: Transaction, task: TaskRow): Promise<void> {
    await updateTask(tx, task.seq, { return_at: this.#platform.now() + this.#returnMs });
  }

  async #follow(tx: Transaction, by: Doer, task: TaskRow, rule: ActionRule, open: readonly OpenOrder[]): Promise<void> {
    const next = afterAction(rule, standingOf(task), open);
    await this.#move(tx, by, task, next, rule.action);
    if (rule.action === "error_for_overspeed") await updateTask(tx, task.seq, { error_json: errorJson(OVERSPEED) });
  }

  /** `error` is kept where this is a failure. */
  async #move(tx: Transaction, by: Doer, task: TaskRow, to: Standing, why: string, error?: TaskError): Promise<void> {
    const from = standingOf(task);
    // What changes nothing begins no time anew.
    if (JSON.stringify(from) === JSON.stringify({ ...from, ...to })) return;
    const now = this.#platform.now();
    const isOther = from.task !== to.task || from.source !== to.source || from.migration_cycle !== to.migration_cycle;
    const begins = !isAtWork(from.task) && isAtWork(to.task);
    const succeeds = isDone(to.task) && to.task !== from.task;
    const finishes = isAtWork(from.task) && !isAtWork(to.task) && to.task !== "ABORT";
    const fails = from.source !== to.source && (to.source === "error" || to.source === "premigfailed");
    await updateTask(tx, task.seq, {
      state: to.task,
      before: to.before,
      stops_unbegun: to.stops_unbegun,
      return_at: waitsForSource(to) ? now + this.#returnMs : null,
      ...(begins && { start_date: task.start_date ?? now, finish_date: null, error_json: null }),
      ...(finishes && { finish_date: now }),
      ...(succeeds && { error_json: null }),
      ...(fails && error && { error_json: errorJson(error) }),
    });
    if (!isOther) return;
    await this.#sources.place(tx, [task.source_seq], { state: to.source, migration_cycle: to.migration_cycle });
    const data = { task_id: task.id, by: why, state: to.task, source_state: to.source };
    await record(tx, by, now, { type: "task.moved", source_id: task.source_id, data });
  }
}

function standingOf({ state: task, source_state: source, migration_cycle, before, stops_unbegun }: TaskRow): Standing {
  return { task, source, migration_cycle, before, stops_unbegun };
}

function refused(task: TaskRow, action: TaskAction, open: readonly OpenOrder[]): Failure {
  const names = open.map(({ command_name }) => command_name);
  const where = [`task ${task.id} is ${task.state}`, `its source ${task.source_state}`];
  if (names.length > 0) where.push(`with ${names.join(", ")} open`);
  const allowed = allowedActions(standingOf(task), open);
  const code = refusalCodes[action];
  return new Failure(
    "conflict",
    `${where.join(", ")}: ${action} is not allowed now; allowed: ${[...allowed, "network_check"].join(", ")}`,
    code === undefined ? {} : { code },
  );
}
