/** The demo's time, which may go faster than the real one, and its end. */
export class Clock {
  readonly #speed: number;
  readonly #startedMs = performance.now();
  readonly #ended = new Set<() => void>();
  #isOver = false;

  constructor(speed: number) {
    this.#speed = speed;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Seconds of the story since its beginning. */
  now(): number {
    return ((performance.now() - this.#startedMs) / 1000) * this.#speed;
  }

  /** Real milliseconds that so many seconds of the story take. */
  ms(seconds: number): number {
    return (seconds * 1000) / this.#speed;
  }

  /** Seconds of the story that pass in so many real milliseconds. */
  seconds(ms: number): number {
    return (ms / 1000) * this.#speed;
  }

  /** Waits for so many seconds of the story; the end of the demo ends the wait. */
  async pause(seconds: number): Promise<void> {
    if (this.#isOver) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        off();
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, this.ms(seconds));
      const off = this.onEnd(done);
    });
  }

  /** Calls `work` at the end of the demo; call what it returns to call that off. */
  onEnd(work: () => void): () => void {
    this.#ended.add(work);
    return () => this.#ended.delete(work);
  }

  end(): void {
    this.#isOver = true;
    for (const work of [...this.#ended]) work();
  }
}
