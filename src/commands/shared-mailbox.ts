import type { Principal } from "../auth/principal.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Group } from "../db/writer.ts";
import { ownSource } from "../sources/ownership.ts";
import type { Mailbox, Waiting, Watch } from "./mailbox.ts";
import { type RedeliveryRow, redeliveryGroup } from "./redelivery-group.ts";
import { type CommandRow, selectSourcesWithOpen, selectWaiting } from "./store.ts";
import { Watchers } from "./watchers.ts";

/** How often one look is taken for all polls that wait. */
const LOOK_EVERY_MS = 1_000;

/** For processes that share a database: nothing is remembered, as any of them may change it. */
export class SharedMailbox implements Mailbox {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #redeliveries: Group<RedeliveryRow, number | undefined>;
  readonly #watchers = new Watchers();
  /** Whether a look is taken or due. */
  #isLooking = false;
  /** Calls off the one that is due. */
  #callOff: (() => void) | undefined;

  constructor(platform: Platform, database: Database) {
    this.#platform = platform;
    this.#database = database;
    this.#redeliveries = database.writer.group(redeliveryGroup);
  }

  async look(principal: Principal, server_id: string): Promise<Waiting> {
    const found = await selectWaiting(this.#database.reader, server_id);
    const source = ownSource(principal, server_id, found?.source);
    return { ...(found as NonNullable<typeof found>), source };
  }

  redelivered({ seq }: CommandRow): Promise<number | undefined> {
    return this.#redeliveries.add({ seq, at: this.#platform.now() });
  }

  watch(source_seq: number): Watch | undefined {
    const watch = this.#watchers.watch(source_seq, () => {
      if (this.#watchers.isEmpty()) this.#lookNoMore();
    });
    if (watch) this.#lookLater();
    return watch;
  }

  wake(source_seq: number): void {
    this.#watchers.wake(source_seq);
  }

  close(): void {
    this.#watchers.close();
  }

  queued({ source_seq }: CommandRow): void {
    this.wake(source_seq);
  }

  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#callOff = this.#platform.after(LOOK_EVERY_MS, () => {
      this.#callOff = undefined;
      void this.#lookForAll().then(() => {
        this.#isLooking = false;
        if (!this.#watchers.isEmpty()) this.#lookLater();
      });
    });
  }

  #lookNoMore(): void {
    if (!this.#callOff) return;
    this.#callOff();
    this.#callOff = undefined;
    this.#isLooking = false;
  }

  /** One statement for all that wait. */
  async #lookForAll(): Promise<void> {
    try {
      for (const source_seq of await selectSourcesWithOpen(this.#database.reader, this.#watchers.sources()))
        this.wake(source_seq);
    } catch {
      // Whoever waits looks for himself when his time is over, and is told then.
    }
  }

  current(row: CommandRow): CommandRow {
    return row;
  }

  async warmUp(): Promise<void> {}
  async refresh(): Promise<void> {}
  async flush(): Promise<void> {}
  delivered(): void {}
  postponed(): void {}
  ended(): void {}
}
