import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { record } from "../events/service.ts";
import { requireBinding, type SourceRef, type Sources } from "../sources/service.ts";
import type { PostTask, TaskDefinition } from "./schema.ts";
import { insertTask, selectTask, selectTaskOfSource, type TaskRow } from "./store.ts";

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
    const row = await selectTask(db, id);
    if (!row || row.account_seq !== principal.account_seq) throw new Failure("notFound", `task ${id} is unknown`);
    requireBinding(principal, row.source_id);
    return row;
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

/** To be: ids on the target machine's disks and volumes. */
function withTargetIds(definition: TaskDefinition): TaskDefinition {
  return definition;
}
