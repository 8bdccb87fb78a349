import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { type Doer, record } from "../events/service.ts";
import { valued } from "../http/wire.ts";
import { requireBinding, type SourceRef, type Sources } from "../sources/service.ts";
import { deleteTasks, selectTasksById, selectTasksOfSources } from "./move-store.ts";
import { type ToldProgress, upsertProgress, upsertSubtask } from "./progress-store.ts";
import type {
  ConfigBody,
  ConfigurationRequestBody,
  PostTask,
  PutTaskReq,
  ShowConfigSettingQuery,
  ShowConfigSettingResponse,
  ShowsSpeedLimitsResponse,
  SpeedLimit,
} from "./schema.ts";
import { toListedTask, toShowTask } from "./shown.ts";
import {
  DEFAULT_TASKS_PER_PAGE,
  type ListTasksQuery,
  type ListTasksResponse,
  type ShowTaskResponse,
} from "./shown-schema.ts";
import { selectShownTask, selectSubtasks, selectTaskPage } from "./shown-store.ts";
import {
  insertTask,
  selectTask,
  selectTaskOfSource,
  selectTaskRef,
  type TaskRef,
  type TaskRow,
  updateTask,
} from "./store.ts";
import { changedTarget, newTarget } from "./target.ts";

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

  /** The same with no more than names it. */
  async ref(principal: Principal, id: string, db: Executor = this.#database.reader): Promise<TaskRef> {
    return own(principal, id, await selectTaskRef(db, id));
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
  async saveProgress(tx: Transaction, task: TaskRef, told: ToldProgress): Promise<void> {
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
    const { name, type, os_type, source_server: _s, auto_start: _a, target_server, ...definition } = body;
    const now = this.#platform.now();
    const id = this.#platform.newId();
    const { machine, layout } = newTarget(this.#platform.newId(), target_server);
    await insertTask(tx, {
      id,
      account_seq: source.account_seq,
      source_seq: source.seq,
      name,
      type,
      os_type: os_type ?? (await this.#sources.osType(tx, source)),
      vm_id: machine.vm_id ?? null,
      definition: { ...definition, target_server: machine },
      target_layout: layout,
      state: "READY",
      configurations: [],
      speed_limit: [],
      create_date: now,
    });
    await record(tx, principal, now, { type: "task.created", source_id: source.id, data: { task_id: id, name } });
    return id;
  }

  async showTask(principal: Principal, id: string): Promise<ShowTaskResponse> {
    const { reader } = this.#database;
    const row = own(principal, id, await selectShownTask(reader, id));
    const { seq, source_seq } = row.task;
    const { presence } = this.#sources;
    const isConnected = presence.isConnected(presence.seenAt(source_seq, row.seen_at));
    const subtasks = await selectSubtasks(reader, [seq]);
    return toShowTask(row, subtasks.get(seq) ?? [], isConnected);
  }

  /** The account's tasks, oldest first. */
  async listTasks(principal: Principal, query: ListTasksQuery): Promise<ListTasksResponse> {
    const { reader } = this.#database;
    const page = { limit: query.limit || DEFAULT_TASKS_PER_PAGE, offset: query.offset ?? 0 };
    const { count, rows } = await selectTaskPage(reader, principal.account_seq, query, page);
    const subtasks = await selectSubtasks(
      reader,
      rows.map(({ task }) => task.seq),
    );
    return { count, tasks: rows.map((row) => toListedTask(row, subtasks.get(row.task.seq) ?? [])) };
  }

  /** Changes the members that were sent, whatever the task's state. */
  async updateTask(principal: Principal, id: string, body: PutTaskReq): Promise<{ id: string }> {
    const { name, type, target_server, clone_server, ...members } = body;
    await this.#database.writer.transaction(async (tx) => {
      const { task, source_id, target_layout } = own(principal, id, await selectShownTask(tx, id));
      const { definition } = task;
      const kept = { machine: definition.target_server, layout: target_layout };
      const target = target_server && changedTarget(kept, target_server);
      await updateTask(tx, task.seq, {
        name: name ?? task.name,
        type: type ?? task.type,
        definition: {
          ...definition,
          ...valued(members),
          ...(target && { target_server: target.machine }),
          ...(clone_server && { clone_server: { ...definition.clone_server, ...clone_server } }),
        },
        ...(target && { vm_id: target.machine.vm_id ?? null, target_layout: target.layout }),
      });
      await this.#recordUpdate(tx, principal, { id, source_id }, Object.keys(body));
    });
    return { id };
  }

  async showsSpeedLimits(principal: Principal, id: string): Promise<ShowsSpeedLimitsResponse> {
    const { speed_limit } = await this.find(principal, id);
    return { speed_limit };
  }

  /** Replaces the whole list; without one, clears it. */
  async updateSpeed(principal: Principal, id: string, { speed_limit = [] }: SpeedLimit): Promise<void> {
    await this.#set(principal, id, { speed_limit });
  }

  /** The task's settings, or those of one key. */
  async showConfigSetting(
    principal: Principal,
    id: string,
    { config_key }: ShowConfigSettingQuery,
  ): Promise<ShowConfigSettingResponse> {
    const { os_type, type, configurations } = await this.find(principal, id);
    return {
      task_id: id,
      migrate_type: `${os_type}_${type}`,
      configurations: config_key
        ? configurations.filter((setting) => setting.config_key === config_key)
        : configurations,
    };
  }

  /** Replaces the whole list; without one, clears it. */
  async uploadSpecialConfigurationSetting(
    principal: Principal,
    id: string,
    { configurations = [] }: ConfigurationRequestBody,
  ): Promise<void> {
    await this.#set(principal, id, { configurations: lastOfEachKey(configurations) });
  }

  async #set(
    principal: Principal,
    id: string,
    settings: Partial<Pick<TaskRow, "speed_limit" | "configurations">>,
  ): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const task = await this.find(principal, id, tx);
      await updateTask(tx, task.seq, settings);
      await this.#recordUpdate(tx, principal, task, Object.keys(settings));
    });
  }

  #recordUpdate(
    tx: Transaction,
    principal: Principal,
    { id: task_id, source_id }: Pick<TaskRow, "id" | "source_id">,
    changed: string[],
  ): Promise<void> {
    const data = { task_id, changed };
    return record(tx, principal, this.#platform.now(), { type: "task.updated", source_id, data });
  }
}

/** The task, if the caller may act for its source. */
function own<Row extends { account_seq: number; source_id: string }>(
  principal: Principal,
  id: string,
  row: Row | undefined,
): Row {
  if (!row || row.account_seq !== principal.account_seq) throw new Failure("notFound", `task ${id} is unknown`);
  requireBinding(principal, row.source_id);
  return row;
}

/** Of equal keys the last one, where it stands. */
function lastOfEachKey(configurations: readonly ConfigBody[]): ConfigBody[] {
  const last = new Map(configurations.map((setting) => [setting.config_key, setting]));
  return configurations.filter((setting) => last.get(setting.config_key) === setting);
}
