import type { Keys } from "../access/keys.ts";
import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import type { Group } from "../db/writer.ts";
import { record } from "../events/service.ts";
import type { Migprojects } from "../migprojects/service.ts";
import { environmentChecks, stateAfterChecks } from "./checks.ts";
import { numbered } from "./disks.ts";
import { ownSource } from "./ownership.ts";
import { type KnownSourceRow, knownSourceGroup, type NewSourceRow, newSourceGroup } from "./registration-group.ts";
import type { PostSourceServerBody, Registration } from "./schema.ts";
import { hasTask, insertSource, selectRegistration, selectSource, selectSources, updateSource } from "./store.ts";

/** A longer registration is done again alone: together with what it replaces it would hold up all others. */
const LONGEST_IN_GROUP = 256 * 1024;

/** Takes what agents register: usually many at once, in groups. */
export class Registrar {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #keys: Keys;
  readonly #migprojects: Migprojects;
  readonly #newSources: Group<NewSourceRow, boolean>;
  readonly #knownSources: Group<KnownSourceRow, boolean>;

  constructor(platform: Platform, database: Database, keys: Keys, migprojects: Migprojects) {
    this.#platform = platform;
    this.#database = database;
    this.#keys = keys;
    this.#migprojects = migprojects;
    this.#newSources = database.writer.group(
      newSourceGroup(database, (outcomes, rows) => {
        for (const [index, { access_key }] of rows.entries()) {
          if (outcomes[index] && access_key !== null) keys.bound({ credential: { kind: "key", id: access_key } });
        }
      }),
    );
    this.#knownSources = database.writer.group(knownSourceGroup(database));
  }

  /**
   * Registers a source, or with `id` updates that one. An enrolment key becomes bound to the source it first registers,
   * and means that one from then on; if that was deleted, a new one. Throws `notFound` for an unknown id.
   */
  async registerServer(principal: Principal, body: PostSourceServerBody): Promise<{ id: string }> {
    const new_id = this.#platform.newId();
    return (await this.#inGroup(principal, body, new_id)) ?? this.#alone(principal, body, new_id);
  }

  /** The usual cases; undefined for any other, where nothing is done yet. */
  async #inGroup(
    principal: Principal,
    body: PostSourceServerBody,
    new_id: string,
  ): Promise<{ id: string } | undefined> {
    const id = body.id || principal.bound_to;
    return id ? this.#reregisterInGroup(principal, id, body) : this.#registerInGroup(principal, body, new_id);
  }

  async #registerInGroup(
    principal: Principal,
    body: PostSourceServerBody,
    id: string,
  ): Promise<{ id: string } | undefined> {
    const registration = merge(undefined, body);
    const { account_seq, bound_to, credential } = principal;
    const row = {
      id,
      account_seq,
      name: registration.name,
      access_key: bound_to === null ? credential.id : null,
      ...this.#registered(principal, registration),
    };
    return (await this.#newSources.add(row)) ? { id } : undefined;
  }

  async #reregisterInGroup(
    principal: Principal,
    id: string,
    body: PostSourceServerBody,
  ): Promise<{ id: string } | undefined> {
    const found = await selectRegistration(this.#database.reader, id, LONGEST_IN_GROUP);
    const isBoundToOther = principal.bound_to !== undefined && principal.bound_to !== id;
    if (!found || found.account_seq !== principal.account_seq || isBoundToOther) return undefined;
    const { seq, registration: before } = found;
    const row = {
      seq,
      before,
      name: body.name ?? null,
      ...this.#registered(principal, merge(JSON.parse(before), body)),
    };
    if (row.registration.length > LONGEST_IN_GROUP) return undefined;
    return (await this.#knownSources.add(row)) ? { id } : undefined;
  }

  #registered({ actor, address }: Principal, registration: Registration) {
    return {
      ip: registration.ip ?? null,
      ipv6: registration.ipv6 ?? null,
      ...stateAfterChecks(environmentChecks(registration)),
      registration: JSON.stringify(registration),
      at: this.#platform.now(),
      actor,
      address,
    };
  }

  /** Any case, in a transaction. */
  #alone(principal: Principal, body: PostSourceServerBody, new_id: string): Promise<{ id: string }> {
    if (principal.bound_to === undefined) {
      return this.#database.writer.transaction((tx) =>
        body.id ? this.#reregister(tx, principal, body.id, body) : this.#register(tx, principal, body, new_id),
      );
    }
    return this.#database.writer.transaction(
      async (tx) => {
        // As it is now: another registration with this key may have come before.
        const bound = { ...principal, bound_to: await this.#keys.boundTo(tx, principal) };
        if (body.id) return this.#reregister(tx, bound, body.id, body);
        if (bound.bound_to !== null && (await selectSource(tx, bound.bound_to))) {
          return this.#reregister(tx, bound, bound.bound_to, body);
        }
        const registered = await this.#register(tx, principal, body, new_id);
        await this.#keys.bind(tx, principal, registered.id);
        return registered;
      },
      () => this.#keys.bound(principal),
    );
  }

  async #register(
    tx: Transaction,
    principal: Principal,
    body: PostSourceServerBody,
    id: string,
  ): Promise<{ id: string }> {
    // By the group, where its answer was lost and what is read lags behind.
    const isMade = (await selectSources(tx, { ids: [id] })).length > 0;
    if (isMade) return { id };
    const now = this.#platform.now();
    const registration = merge(undefined, body);
    const migproject = await this.#migprojects.defaultProject(tx, principal.account_seq);
    await insertSource(tx, {
      id,
      account_seq: principal.account_seq,
      migproject_seq: migproject.seq,
      name: registration.name,
      ip: registration.ip ?? null,
      ipv6: registration.ipv6 ?? null,
      ...stateAfterChecks(environmentChecks(registration)),
      registration,
      add_date: now,
      registered_at: now,
      state_action_time: now,
      stage_action_time: now,
    });
    await record(tx, principal, now, { type: "source.registered", source_id: id, data: { name: registration.name } });
    return { id };
  }

  async #reregister(
    tx: Transaction,
    principal: Principal,
    id: string,
    body: PostSourceServerBody,
  ): Promise<{ id: string }> {
    const now = this.#platform.now();
    const row = ownSource(principal, id, await selectSource(tx, id));
    const registration = merge(row.registration, body);
    // With a task, where the source stands is the task's matter.
    const { state, migration_cycle } = (await hasTask(tx, row.seq))
      ? row
      : stateAfterChecks(environmentChecks(registration));
    await updateSource(tx, row.seq, {
      // An operator's name stays unless the agent brings one.
      name: body.name ?? row.name,
      ip: registration.ip ?? null,
      ipv6: registration.ipv6 ?? null,
      state,
      migration_cycle,
      registration,
      registered_at: now,
      ...(state !== row.state && { state_action_time: now }),
      ...(migration_cycle !== row.migration_cycle && { stage_action_time: now }),
    });
    await record(tx, principal, now, {
      type: "source.reregistered",
      source_id: id,
      data: { name: body.name ?? row.name },
    });
    return { id };
  }
}

/** The registration as it is after the agent's call: members it left out stay. */
function merge(before: Registration | undefined, body: PostSourceServerBody): Registration {
  const { id: _id, state: _state, migration_cycle: _cycle, disks, volume_groups, ...members } = body;
  return {
    ...before,
    // The schema refuses a new source without the members a registration needs.
    ...(members as Registration),
    ...numbered({ disks, volume_groups }, before),
  };
}
