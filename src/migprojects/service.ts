import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { recordOwn } from "../events/service.ts";
import { insertMigproject, type MigprojectRow, selectDefault, selectMigproject } from "./store.ts";

/** Migration projects: what groups an account's sources. */
export class Migprojects {
  readonly #platform: Platform;
  readonly #region: string;

  constructor(platform: Platform, region: string) {
    this.#platform = platform;
    this.#region = region;
  }

  /** The project new sources join; an account's first look makes its SystemProject. */
  async defaultProject(tx: Transaction, account_seq: number): Promise<MigprojectRow> {
    return (await selectDefault(tx, account_seq)) ?? this.#makeSystemProject(tx, account_seq);
  }

  async #makeSystemProject(tx: Transaction, account_seq: number): Promise<MigprojectRow> {
    const made = await insertMigproject(tx, {
      // Source of the values: docs/decisions.md, "Migration projects".
      id: this.#platform.newId(),
      account_seq,
      name: "SystemProject",
      description: "",
      isdefault: true,
      region: this.#region,
      start_target_server: true,
      speed_limit: 0,
      use_public_ip: true,
      exist_server: true,
      type: "MIGRATE_FILE",
      enterprise_project: "default",
      syncing: false,
      start_network_check: false,
      created_at: this.#platform.now(),
    });
    const data = { migproject_id: made.id, name: made.name };
    await recordOwn(tx, account_seq, made.created_at, { type: "migproject.created", data });
    return made;
  }

  /** Throws `notFound` for an id that is not one of the caller's account. */
  async migproject(db: Executor, principal: Principal, id: string): Promise<MigprojectRow> {
    const found = await selectMigproject(db, principal.account_seq, id);
    if (!found) throw new Failure("notFound", `migration project ${id} is unknown`);
    return found;
  }
}
