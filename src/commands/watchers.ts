import type { Watch } from "./mailbox.ts";

/** The polls that wait, by source. */
export class Watchers {
  readonly #bySource = new Map<number, Set<() => void>>();
  #closed = false;

  /** Undefined once this is closed: nobody waits any more. */
  watch(source_seq: number, stopped: () => void = () => {}): Watch | undefined {
    if (this.#closed) return undefined;
    const waiting = this.#bySource.get(source_seq) ?? new Set();
    this.#bySource.set(source_seq, waiting);
    let stop = () => {};
    const changed = new Promise<void>((resolve) => {
      stop = () => {
        waiting.delete(stop);
        if (waiting.size === 0 && this.#bySource.get(source_seq) === waiting) this.#bySource.delete(source_seq);
        resolve();
        stopped();
      };
      waiting.add(stop);
    });
    return { changed, stop };
  }

  /** Lets those that wait for the source look again. */
  wake(source_seq: number): void {
    for (const stop of [...(this.#bySource.get(source_seq) ?? [])]) stop();
  }

  close(): void {
    this.#closed = true;
    for (const source_seq of this.sources()) this.wake(source_seq);
  }

  /** Those that somebody waits for. */
  sources(): number[] {
    return [...this.#bySource.keys()];
  }

  isEmpty(): boolean {
    return this.#bySource.size === 0;
  }
}
