import type { Principal } from "../auth/principal.ts";
import type { Commands } from "../commands/service.ts";
import { Failure } from "../core/failure.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import type { PostTask } from "../tasks/schema.ts";
import type { Tasks } from "../tasks/service.ts";

/** What touches several concepts at once. */
export class Actions {
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #tasks: Tasks;
  readonly #commands: Commands;

  constructor(database: Database, sources: Sources, tasks: Tasks, commands: Commands) {
    this.#database = database;
    this.#sources = sources;
    this.#tasks = tasks;
    this.#commands = commands;
  }

  /**
   * Makes the task of a source. Throws `invalid` (SMS.2216) for a source that is unknown or another account's, and
   * `conflict` if it has a task.
   */
  async createTask(principal: Principal, body: PostTask): Promise<{ id: string }> {
    return this.#database.writer.transaction(async (tx) => {
      const source = await this.#sourceOfTask(tx, principal, body.source_server.id);
      return { id: await this.#tasks.add(tx, principal, source, body) };
    });
  }

  /** Deletes a source and cancels its open commands; their history stays. Throws `notFound` for an unknown one. */
  async deleteServer(principal: Principal, source_id: string): Promise<void> {
    await this.#database.writer.transaction(
      async (tx) => {
        const source = await this.#sources.remove(tx, principal, source_id);
        return { source, ended: await this.#commands.cancelAll(tx, principal, source, "source_deleted") };
      },
      ({ source, ended }) => {
        this.#sources.forget(source);
        this.#commands.forget(source, ended);
      },
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
