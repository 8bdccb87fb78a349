import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { type Doer, record } from "../events/service.ts";
import { requireBinding, type SourceRef, type Sources } from "../sources/service.ts";
import { deleteTasks, selectTasksById, selectTasksOfSources } from "./move-store.ts";
import { type ToldProgress, upsertProgress, upsertSubtask } from "./progress-store.ts";
import type { PostTask, TaskDefinition } from "./schema.ts";
import { insertTask, selectTask, selectTaskOfSource, type TaskRow } from "./store.ts";

/** A task as other features know it. */
export type Task = TaskRow;

/** Migration tasks: what was ordered for a source, and how it stands. */
export class Tasks {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sources: Sources;

  constructor(platform: Platform, database: Database, sources: Sources) {
    this.#platform = platform;
    this.#database = database;
    this.#sources = sources;
  }

  /**
   * Throws `notFound`, in the same words, for an unknown task and for one of another account, and `forbidden` for one
   * whose source the caller's key is not bound to.
   */
  async find(principal: Principal, id: string, db: Executor = this.#database.reader): Promise<TaskRow> {
    return own(principal, id, await selectTask(db, id));
  }

  /** All of them, within the caller's transaction. Throws `notFound` naming one that is unknown or another account's. */
  async findAll(tx: Transaction, principal: Principal, ids: readonly string[]): Promise<TaskRow[]> {
    const rows = await selectTasksById(tx, ids);
    for (const id of ids) {
      own(
        principal,
        id,
        rows.find((row) => row.id === id),
      );
    }
    return rows;
  }

  ofSources(tx: Transaction, source_seqs: readonly number[]): Promise<TaskRow[]> {
    return selectTasksOfSources(tx, source_seqs);
  }

  /** Deletes tasks with all they hold, within the caller's transaction. */
  async remove(tx: Transaction, by: Doer, tasks: readonly TaskRow[]): Promise<void> {
    if (tasks.length === 0) return;
    await deleteTasks(
      tx,
      tasks.map(({ seq }) => seq),
    );
    const changes = tasks.map(({ id: task_id, source_id, name }) => ({
      type: "task.deleted" as const,
      source_id,
      data: { task_id, name },
    }));
    await record(tx, by, this.#platform.now(), ...changes);
  }

  /** Keeps what an agent tells of its progress, within the caller's transaction; what it leaves out is not known now. */
  async saveProgress(tx: Transaction, task: TaskRow, told: ToldProgress): Promise<void> {
    const now = this.#platform.now();
    const { subtask_name: name, progress, process_trace, migrate_speed = null } = told;
    await upsertSubtask(tx, {
      task_seq: task.seq,
      name,
      progress,
      start_date: now,
      end_date: progress === 100 ? now : null,
      migrate_speed,
      process_trace,
    });
    await upsertProgress(tx, {
      task_seq: task.seq,
      reported_at: now,
      replicatesize: told.replicatesize,
      totalsize: told.totalsize,
      migrate_speed,
      compress_rate: told.compress_rate ?? null,
      remain_time: told.remain_time ?? null,
      total_cpu_usage: told.total_cpu_usage ?? null,
      agent_cpu_usage: told.agent_cpu_usage ?? null,
      total_mem_usage: told.total_mem_usage ?? null,
      agent_mem_usage: told.agent_mem_usage ?? null,
      total_disk_io: told.total_disk_io ?? null,
      agent_disk_io: told.agent_disk_io ?? null,
      need_migration_test: told.need_migration_test ?? null,
    });
  }

  /** Makes a source's task, within the caller's transaction. Throws `conflict` if the source has one. */
  async add(tx: Transaction, principal: Principal, source: SourceRef, body: PostTask): Promise<string> {
    const existing = await selectTaskOfSource(tx, source.seq);
    if (existing) throw new Failure("conflict", `source ${source.id} has a task already: ${existing.id}`);
    const { name, type, os_type, source_server: _s, auto_start: _a, ...definition } = body;
    const now = this.#platform.now();
    const id = this.#platform.newId();
    await insertTask(tx, {
      id,
      account_seq: source.account_seq,
      source_seq: source.seq,
      name,
      type,
      os_type: os_type ?? (await this.#sources.osType(tx, source)),
      vm_id: definition.target_server.vm_id ?? null,
      definition: withTargetIds(definition),
      state: "READY",
      configurations: [],
      speed_limit: [],
      create_date: now,
    });
    await record(tx, principal, now, { type: "task.created", source_id: source.id, data: { task_id: id, name } });
    return id;
  }
}

/** The task, if the caller may act for it. */
function own(principal: Principal, id: string, row: TaskRow | undefined): TaskRow {
  if (!row || row.account_seq !== principal.account_seq) throw new Failure("notFound", `task ${id} is unknown`);
  requireBinding(principal, row.source_id);
  return row;
}

/** To be: ids on the target machine's disks and volumes. */
function withTargetIds(definition: TaskDefinition): TaskDefinition {
  return definition;
}
