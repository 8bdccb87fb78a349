import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { type Doer, record } from "../events/service.ts";
import { valued } from "../http/wire.ts";
import { requireBinding } from "../sources/ownership.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import { deleteTasks, selectTasksById, selectTasksOfSources } from "./move-store.ts";
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
  selectTargetLayout,
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

/** Tasks whose names are remembered: as many as may be running, and some MB. */
const REFS_KEPT = 20_000;

/** Migration tasks: what was ordered for a source, and how it stands. */
export class Tasks {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sources: Sources;
  /** By id; only where no other process can delete them behind our back. */
  readonly #refs = new Map<string, TaskRef>();
  /** Counts deletions: a look-up that began before one must not fill the cache again. */
  #deletions = 0;

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

  /** The same with no more than names it. Give the transaction where the answer has to hold until its commit. */
  async ref(principal: Principal, id: string, tx?: Transaction): Promise<TaskRef> {
    return own(principal, id, tx ? await selectTaskRef(tx, id) : (this.#refs.get(id) ?? (await this.#lookUp(id))));
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

  /** Deletes tasks with all they hold, within the caller's transaction. Call `forget` after the commit. */
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

  /** What memory holds of deleted tasks goes. */
  forget(tasks: readonly Pick<TaskRow, "id">[]): void {
    this.#deletions += 1;
    for (const { id } of tasks) this.#refs.delete(id);
  }

  /** Makes a source's task, within the caller's transaction. Throws `conflict` if the source has one. */
  async add(tx: Transaction, principal: Principal, source: SourceRef, body: PostTask): Promise<string> {
    requireNoTask(source, await selectTaskOfSource(tx, source.seq));
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
      const task = await this.find(principal, id, tx);
      const { definition } = task;
      // It may be megabytes: neither read nor written where it stays.
      const layout = target_server && (await selectTargetLayout(tx, task.seq));
      const target = layout && changedTarget({ machine: definition.target_server, layout }, target_server);
      await updateTask(tx, task.seq, {
        name: name ?? task.name,
        type: type ?? task.type,
        definition: {
          ...definition,
          ...valued(members),
          ...(target && { target_server: target.machine }),
          ...(clone_server && { clone_server: { ...definition.clone_server, ...clone_server } }),
        },
        ...(target && { vm_id: target.machine.vm_id ?? null }),
        ...(target && target.layout !== layout && { target_layout: target.layout }),
      });
      await this.#recordUpdate(tx, principal, task, Object.keys(body));
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

  async #lookUp(id: string): Promise<TaskRef | undefined> {
    const deletions = this.#deletions;
    const ref = await selectTaskRef(this.#database.reader, id);
    if (!ref || !this.#database.exclusive || deletions !== this.#deletions) return ref;
    const [oldest] = this.#refs.keys();
    if (oldest !== undefined && this.#refs.size >= REFS_KEPT) this.#refs.delete(oldest);
    this.#refs.set(id, ref);
    return ref;
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

/** Throws `conflict` where the source has this task already. */
export function requireNoTask(source: Pick<SourceRef, "id">, task: Pick<TaskRow, "id"> | undefined): void {
  if (task) throw new Failure("conflict", `source ${source.id} has a task already: ${task.id}`);
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
