import type { TaskState } from "../core/words.ts";
import type { Database } from "../db/database.ts";
import { selectCurrentTask } from "./move-store.ts";

/** A source's task as a poll needs it. */
export interface CurrentTask {
  id: string;
  state: TaskState;
}

/**
 * Which task each source has and how it stands, remembered until a commit changes it, so that an empty poll touches no
 * database. For a process that alone writes its database.
 */
export class CurrentTasks {
  readonly #database: Database;
  readonly #known = new Map<number, CurrentTask | null>();
  /** Counts changes: what was read before one must not be remembered after it. */
  #changes = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** At once where it is remembered. */
  of(source_seq: number): CurrentTask | null | Promise<CurrentTask | null> {
    const known = this.#known.get(source_seq);
    return known === undefined ? this.#read(source_seq) : known;
  }

  /** As it was just read. */
  remember(source_seq: number, task: CurrentTask | null): void {
    this.#known.set(source_seq, task);
  }

  /** To be called right after the commit that made, moved or deleted a source's task. */
  changed(source_seq: number): void {
    this.#changes += 1;
    this.#known.delete(source_seq);
  }

  async #read(source_seq: number): Promise<CurrentTask | null> {
    const changes = this.#changes;
    const read = (await selectCurrentTask(this.#database.reader, source_seq)) ?? null;
    if (changes === this.#changes) this.#known.set(source_seq, read);
    return read;
  }
}
