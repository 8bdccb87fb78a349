import type { Principal } from "../auth/principal.ts";
import type { Aftermath } from "../commands/aftermath.ts";
import type { Orders } from "../commands/orders.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { TaskAction } from "../core/words.ts";
import type { Transaction } from "../db/executor.ts";
import { type Doer, ferryItself, record } from "../events/service.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import { awaitedCommands } from "../tasks/lifecycle.ts";
import type { TaskMoves } from "../tasks/moves.ts";
import type { PostTask } from "../tasks/schema.ts";
import type { Task, Tasks } from "../tasks/service.ts";
import type { ReturnedTask, UpdateTaskStatusReq } from "./schema.ts";

/** Tasks one look brings back from passing states. */
const RETURNS_PER_JOB = 100;

/** What an operator does with a task: one action, one commit of command, task, source and event. */
export class TaskActions {
  readonly #platform: Platform;
  readonly #sources: Sources;
  readonly #tasks: Tasks;
  readonly #moves: TaskMoves;
  readonly #orders: Orders;

  constructor(platform: Platform, sources: Sources, tasks: Tasks, moves: TaskMoves, orders: Orders) {
    this.#platform = platform;
    this.#sources = sources;
    this.#tasks = tasks;
    this.#moves = moves;
    this.#orders = orders;
  }

  /**
   * Makes the task of a source; with auto_start its START waits for the agent. Throws `invalid` (SMS.2216) for a source
   * that is unknown or another account's, and `conflict` if it has a task.
   */
  async createTask(principal: Principal, body: PostTask): Promise<{ id: string }> {
    return this.#orders.transaction(async (tx, aftermath) => {
      const source = await this.#sourceOfTask(tx, principal, body.source_server.id);
      const id = await this.#tasks.add(tx, principal, source, body);
      await this.#moves.made(tx, principal, await this.#tasks.find(principal, id, tx));
      aftermath.tasksOf.add(source.seq);
      if (body.auto_start) {
        await this.#orders.order(tx, principal, source, { command_name: "START", task_id: id }, aftermath);
      }
      return { id };
    });
  }

  /**
   * Starts, stops, drills, cuts over ... a task. Throws `conflict` where the task's state does not allow it, and says
   * what is allowed. Source: docs/decisions.md, "States".
   */
  async updateTaskStatus(principal: Principal, task_id: string, { operation }: UpdateTaskStatusReq): Promise<void> {
    await this.#orders.transaction(async (tx, aftermath) => {
      const task = await this.#tasks.find(principal, task_id, tx);
      await this.#act(tx, principal, task, operation, aftermath);
    });
  }

  /** Has the agent upload its logs to a bucket. */
  async collectLog(principal: Principal, task_id: string, log_bucket: string): Promise<void> {
    await this.#orders.transaction(async (tx, aftermath) => {
      const task = await this.#tasks.find(principal, task_id, tx);
      await this.#collectLog(tx, principal, task, log_bucket, aftermath);
    });
  }

  /**
   * Brings a task and its source back from a passing state nobody ends. Throws `conflict` if they are in none, and
   * while a command is open that will end it.
   */
  async returnTask(principal: Principal, task_id: string): Promise<ReturnedTask> {
    await this.#orders.transaction(async (tx, aftermath) => {
      const task = await this.#tasks.find(principal, task_id, tx);
      const [waiting] = await this.#awaited(tx, task);
      if (waiting) {
        throw new Failure(
          "conflict",
          `task ${task_id} waits for ${waiting.command_name} (command ${waiting.id}): cancel that one to go back`,
        );
      }
      await this.#goBack(tx, principal, task, aftermath);
    });
    const { id, state } = await this.#tasks.find(principal, task_id);
    return { id, state };
  }

  /** Brings back what nobody has ended in time. */
  async returnOverdue(): Promise<void> {
    const failures: unknown[] = [];
    for (const { id } of await this.#moves.returning(RETURNS_PER_JOB)) {
      // One that fails holds up no other.
      await this.#returnOverdue(id).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  #returnOverdue(id: string): Promise<void> {
    return this.#orders.transaction(async (tx, aftermath) => {
      const task = await this.#moves.overdue(tx, id);
      if (!task) return;
      if ((await this.#awaited(tx, task)).length > 0) await this.#moves.prolong(tx, task);
      else await this.#goBack(tx, ferryItself(task.account_seq), task, aftermath);
    });
  }

  async #act(tx: Transaction, by: Doer, task: Task, operation: TaskAction, aftermath: Aftermath): Promise<void> {
    if (operation === "network_check") {
      // Nothing waits for it: the agent sends what it measures by updateNetworkCheckInfo.
      const data = { task_id: task.id, operation };
      await record(tx, by, this.#platform.now(), { type: "task.updated", source_id: task.source_id, data });
      return;
    }
    if (operation === "collect_log") {
      await this.#collectLog(tx, by, task, bucketOf(task), aftermath);
      return;
    }
    const open = await this.#orders.open(tx, task.source_seq, task.id);
    const command_name = await this.#moves.act(tx, by, task, operation, open);
    aftermath.tasksOf.add(task.source_seq);
    if (command_name) {
      await this.#orders.order(tx, by, sourceOf(task), { command_name, task_id: task.id }, aftermath);
    }
  }

  async #collectLog(tx: Transaction, by: Doer, task: Task, bucket: string, aftermath: Aftermath): Promise<void> {
    await this.#moves.collectLog(tx, task, bucket);
    const order = { command_name: "UPLOAD_LOG", task_id: task.id, bucket } as const;
    await this.#orders.order(tx, by, sourceOf(task), order, aftermath);
  }

  async #goBack(tx: Transaction, by: Doer, task: Task, aftermath: Aftermath): Promise<void> {
    await this.#moves.goBack(tx, by, task);
    aftermath.tasksOf.add(task.source_seq);
  }

  /** Open commands whose end will end the passing state the task is in. */
  async #awaited(tx: Transaction, task: Task) {
    const open = await this.#orders.open(tx, task.source_seq, task.id);
    return open.filter(
      ({ command_name }) => awaitedCommands.has(command_name) && this.#moves.waitsFor(task, command_name),
    );
  }

  async #sourceOfTask(tx: Transaction, principal: Principal, id: string): Promise<SourceRef> {
    try {
      return await this.#sources.find(principal, id, tx);
    } catch (error) {
      if (error instanceof Failure && error.kind === "notFound") {
        throw new Failure("invalid", `source_server.id: ${error.message}`, { code: "SMS.2216" });
      }
      throw error;
    }
  }
}

/** Where the task's logs go. Throws `conflict` where nobody has said that yet. */
export function bucketOf({ id, log_bucket }: Task): string {
  if (log_bucket !== null) return log_bucket;
  throw new Failure("conflict", `task ${id} has no log bucket yet: POST /v3/tasks/${id}/log names one`);
}

function sourceOf({ source_seq: seq, source_id: id, account_seq }: Task): SourceRef {
  return { seq, id, account_seq };
}
