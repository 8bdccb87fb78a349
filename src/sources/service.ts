import type { Keys } from "../access/keys.ts";
import type { Principal } from "../auth/principal.ts";
import { after } from "../core/after.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { type Doer, record } from "../events/service.ts";
import type { Migprojects } from "../migprojects/service.ts";
import { Attention } from "./attention.ts";
import { environmentChecks } from "./checks.ts";
import { toCurrentTask, toListedCurrentTask } from "./current-task.ts";
import { applyDiskSettings, applyVolumeGroupSettings, initTargetServer, numbered } from "./disks.ts";
import { selectSourcePage } from "./list-store.ts";
import { SourceLists } from "./lists.ts";
import { ownSource, unknownSource } from "./ownership.ts";
import { Presence } from "./presence.ts";
import { Registrar } from "./registrar.ts";
import {
  countedStates,
  type ListServersQuery,
  type ListServersResponse,
  MAX_SERVERS_PER_PAGE,
  type Place,
  type PutDiskInfoReq,
  type PutSourceServerBody,
  type Registration,
  type ShowOverviewResponse,
  type ShowServerResponse,
  type SourceState,
} from "./schema.ts";
import {
  type BriefSource,
  countByState,
  placeSources,
  removeSources,
  type ShownSourceRow,
  selectOsType,
  selectShownSource,
  selectSource,
  selectSources,
  updateSource,
} from "./store.ts";

/** States in which a source whose agent is there may not be deleted, nor its task. Source: docs/decisions.md, "Deleting". */
const atWork: ReadonlySet<SourceState> = new Set([
  "initialize",
  "stopping",
  "deleting",
  "cloning",
  "replicate",
  "syncing",
  "cutovering",
  "skipping",
  "clearing",
  "premiging",
]);

/** A source as other features name it. */
export interface SourceRef {
  seq: number;
  id: string;
  account_seq: number;
}

/** Source servers: what their agents registered, and whether those are there. */
export class Sources {
  readonly presence: Presence;
  readonly registrar: Registrar;
  readonly lists: SourceLists;
  readonly attention: Attention;
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #migprojects: Migprojects;
  /** Live sources by id; only where no other process can delete them behind our back. */
  readonly #refs = new Map<string, SourceRef>();
  /** Counts deletions: a look-up that began before one must not fill the cache again. */
  #deletions = 0;

  constructor(
    platform: Platform,
    database: Database,
    keys: Keys,
    migprojects: Migprojects,
    connected_within_s: number,
  ) {
    this.#platform = platform;
    this.#database = database;
    this.#migprojects = migprojects;
    this.presence = new Presence(platform, database, connected_within_s);
    this.registrar = new Registrar(platform, database, keys, migprojects);
    this.lists = new SourceLists(platform, database, this.presence);
    this.attention = new Attention(platform, database, this.presence);
  }

  /**
   * Throws `notFound`, in the same words, for an unknown source and for one of another account, and `forbidden` for
   * one the caller's key is not bound to. Give the transaction where the answer has to hold until its commit. Answers
   * at once where the source is remembered.
   */
  find(principal: Principal, id: string, db: Executor = this.#database.reader): SourceRef | Promise<SourceRef> {
    return after(this.#refs.get(id) ?? this.#lookUp(db, id), (ref) => ownSource(principal, id, ref));
  }

  /** A live source, just read: found without the database from now on. */
  remember(source: SourceRef): void {
    if (this.#database.exclusive) this.#refs.set(source.id, source);
  }

  /** What a registered source runs. */
  async osType(db: Executor, source: SourceRef): Promise<Registration["os_type"]> {
    const os_type = await selectOsType(db, source.seq);
    if (os_type === undefined) throw unknownSource(source.id);
    return os_type;
  }

  async listServers(principal: Principal, query: ListServersQuery): Promise<ListServersResponse> {
    const seen = query.connected === undefined ? [] : this.presence.unwrittenConnected();
    const page = { limit: query.limit || MAX_SERVERS_PER_PAGE, offset: query.offset ?? 0 };
    const { count, rows } = await selectSourcePage(
      this.#database.reader,
      principal.account_seq,
      query,
      { ...this.presence.connectedBetween(), seen },
      page,
    );
    const source_servers = rows.map((row) => ({
      ...this.#serverInReplies(row),
      ...(row.task && { current_task: toListedCurrentTask(row.task, row.progress) }),
      is_consistency_result_exist: row.is_consistency_result_exist,
    }));
    return { count, source_servers };
  }

  async showServer(principal: Principal, id: string): Promise<ShowServerResponse> {
    const row = ownSource(principal, id, await selectShownSource(this.#database.reader, id));
    const {
      hostname,
      firmware,
      disks = [],
      volume_groups = [],
      btrfs_list = [],
      networks,
      agent_version,
    } = row.registration;
    return {
      ...this.#serverInReplies(row),
      ...(hostname !== undefined && { hostname }),
      ...(firmware !== undefined && { firmware }),
      disks,
      volume_groups,
      btrfs_list,
      networks,
      agent_version,
      ...(row.task && { current_task: toCurrentTask(row.task, row.progress) }),
    };
  }

  /** Counts the account's sources by state, and those without a task. */
  async showOverview(principal: Principal): Promise<ShowOverviewResponse> {
    const { states, unconfigured } = await countByState(this.#database.reader, principal.account_seq);
    const counts = new Map<string, number>(states.map(({ state, count }) => [state, count]));
    const counters = Object.fromEntries(countedStates.map((state) => [state, counts.get(state) ?? 0]));
    return {
      ...(counters as Record<(typeof countedStates)[number], number>),
      unconfigured,
    };
  }

  /** Changes name, migration project and what is to be migrated; what is absent stays. An empty name is no name. */
  async updateServerName(principal: Principal, id: string, body: PutSourceServerBody): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const row = ownSource(principal, id, await selectSource(tx, id));
      const migproject = body.migprojectid
        ? await this.#migprojects.migproject(tx, principal, body.migprojectid)
        : undefined;
      const { registration } = row;
      const name = body.name || row.name;
      await updateSource(tx, row.seq, {
        name,
        ...(migproject && { migproject_seq: migproject.seq }),
        registration: {
          ...registration,
          ...(registration.disks && body.disks && { disks: applyDiskSettings(registration.disks, body.disks) }),
          ...(registration.volume_groups &&
            body.volume_groups && {
              volume_groups: applyVolumeGroupSettings(registration.volume_groups, body.volume_groups),
            }),
        },
      });
      await record(tx, principal, this.#platform.now(), { type: "source.updated", source_id: id, data: { name } });
    });
  }

  /** Replaces the kinds the body holds, numbered anew; what was set on a disk or volume of the same name stays. */
  async updateDiskInfo(principal: Principal, id: string, body: PutDiskInfoReq): Promise<void> {
    const { disks, volumegroups: volume_groups, btrfs_list } = body;
    await this.#database.writer.transaction(async (tx) => {
      const row = ownSource(principal, id, await selectSource(tx, id));
      const registration = {
        ...row.registration,
        ...numbered({ disks, volume_groups }, row.registration),
        ...(btrfs_list && { btrfs_list }),
      };
      await updateSource(tx, row.seq, { registration });
      await record(tx, principal, this.#platform.now(), {
        type: "source.updated",
        source_id: id,
        data: { name: row.name, changed: Object.keys(body) },
      });
    });
  }

  // Within a transaction of the caller's.

  /** Live sources of the caller's account by id, all of them. Throws `notFound` naming one that is not. */
  async findAll(tx: Transaction, principal: Principal, ids: readonly string[]): Promise<BriefSource[]> {
    const rows = await selectSources(tx, { ids });
    for (const id of ids) {
      ownSource(
        principal,
        id,
        rows.find((row) => row.id === id),
      );
    }
    return rows;
  }

  /** Throws `conflict` (SMS.2015) where one of the sources is at work and its agent is there. */
  async requireNoneAtWork(db: Executor, seqs: readonly number[]): Promise<void> {
    for (const { seq, id, state, seen_at } of await selectSources(db, { seqs })) {
      if (!atWork.has(state) || !this.presence.isConnected(this.presence.seenAt(seq, seen_at))) continue;
      throw new Failure(
        "conflict",
        `source ${id} is ${state} and its agent is connected: stop its task, or its agent, before it is deleted`,
        { code: "SMS.2015" },
      );
    }
  }

  /** Where sources stand from now on. */
  async place(tx: Transaction, seqs: readonly number[], place: Place): Promise<void> {
    await placeSources(tx, seqs, place, this.#platform.now());
  }

  /**
   * Takes sources out of sight. The rows stay, emptied, as the record of their commands names them. Call `forget` after
   * the commit.
   */
  async remove(tx: Transaction, by: Doer, rows: readonly BriefSource[]): Promise<void> {
    const now = this.#platform.now();
    await removeSources(
      tx,
      rows.map(({ seq }) => seq),
      now,
    );
    const changes = rows.map(({ id: source_id, name }) => ({
      type: "source.deleted" as const,
      source_id,
      data: { name },
    }));
    await record(tx, by, now, ...changes);
  }

  /** What memory holds of removed sources goes. */
  forget(refs: readonly SourceRef[]): void {
    this.#deletions += 1;
    for (const { seq, id } of refs) {
      this.#refs.delete(id);
      this.presence.forget(seq);
    }
  }

  async #lookUp(db: Executor, id: string): Promise<SourceRef | undefined> {
    const deletions = this.#deletions;
    const [row] = await selectSources(db, { ids: [id] });
    if (!row) return undefined;
    const ref = { seq: row.seq, id: row.id, account_seq: row.account_seq };
    if (this.#database.exclusive && deletions === this.#deletions) this.#refs.set(id, ref);
    return ref;
  }

  #serverInReplies(row: ShownSourceRow) {
    const { id, name, ip, add_date, state, migration_cycle, state_action_time, stage_action_time, registration } = row;
    const { os_type, os_version, oem_system, cpu_quantity, memory, has_tc, start_type } = registration;
    const seen_at = this.presence.seenAt(row.seq, row.seen_at);
    return {
      id,
      ...(ip !== null && { ip }),
      name,
      // The one enterprise project there is.
      enterprise_project_id: "0",
      add_date,
      os_type,
      os_version,
      ...(oem_system !== undefined && { oem_system }),
      state,
      connected: this.presence.isConnected(seen_at),
      ...(cpu_quantity !== undefined && { cpu_quantity }),
      ...(memory !== undefined && { memory }),
      checks: environmentChecks(registration),
      init_target_server: initTargetServer(registration.disks ?? [], registration.volume_groups ?? []),
      last_visit_time: Math.min(Math.max(row.registered_at, seen_at ?? 0), this.#platform.now()),
      migration_cycle,
      state_action_time,
      stage_action_time,
      ...(has_tc !== undefined && { has_tc }),
      ...(start_type !== undefined && { start_type }),
      ...(row.progress && { replicatesize: row.progress.replicatesize, totalsize: row.progress.totalsize }),
    };
  }
}
