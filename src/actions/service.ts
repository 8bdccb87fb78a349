import type { Principal } from "../auth/principal.ts";
import type { Commands } from "../commands/service.ts";
import type { Database } from "../db/database.ts";
import type { Sources } from "../sources/service.ts";

/** What touches several concepts at once. */
export class Actions {
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #commands: Commands;

  constructor(database: Database, sources: Sources, commands: Commands) {
    this.#database = database;
    this.#sources = sources;
    this.#commands = commands;
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
}
