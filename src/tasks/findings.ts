import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { record } from "../events/service.ts";
import {
  DEFAULT_ERRORS_PER_PAGE,
  type ListErrorServersQuery,
  type ListErrorServersResponse,
  type UpdateNetworkCheckInfoResponse,
} from "./findings-schema.ts";
import { selectErrorPage } from "./findings-store.ts";
import type { NetworkCheckInfo } from "./schema.ts";
import type { Tasks } from "./service.ts";
import { updateTask } from "./store.ts";

/** What was found out about tasks: how good their networks are, what made them fail. */
export class Findings {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #tasks: Tasks;

  constructor(platform: Platform, database: Database, tasks: Tasks) {
    this.#platform = platform;
    this.#database = database;
    this.#tasks = tasks;
  }

  /** Replaces what an agent measured before. Throws `notFound` for an unknown task. */
  async updateNetworkCheckInfo(
    principal: Principal,
    task_id: string,
    network_check_info: NetworkCheckInfo,
  ): Promise<UpdateNetworkCheckInfoResponse> {
    await this.#database.writer.transaction(async (tx) => {
      const { seq, source_id } = await this.#tasks.ref(principal, task_id, tx);
      await updateTask(tx, seq, { network_check_info });
      await record(tx, principal, this.#platform.now(), {
        type: "task.checked",
        source_id,
        data: { task_id, check: "network" },
      });
    });
    return { task_id };
  }

  /** Each source whose task has an error, oldest task first. */
  async listErrorServers(
    principal: Principal,
    { limit, offset, enterprise_project_id }: ListErrorServersQuery,
  ): Promise<ListErrorServersResponse> {
    // "0" is the one enterprise project there is.
    if (enterprise_project_id && enterprise_project_id !== "0") return { count: 0, migration_errors: [] };
    const page = { limit: limit || DEFAULT_ERRORS_PER_PAGE, offset };
    const { count, rows } = await selectErrorPage(this.#database.reader, principal.account_seq, page);
    const migration_errors = rows.map(({ error_json, host_name, name, source_id, source_ip, target_ip }) => ({
      error_json,
      ...(host_name !== null && { host_name }),
      name,
      source_id,
      ...(source_ip !== null && { source_ip }),
      ...(target_ip !== null && { target_ip }),
    }));
    return { count, migration_errors };
  }
}
