const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** How long to wait before another try: twice as long each time, at random below that, so that agents spread out. */
export class Backoff {
  #boundMs = FIRST_MS;

  nextMs(): number {
    const ms = jittered(this.#boundMs);
    this.#boundMs = Math.min(this.#boundMs * 2, LONGEST_MS);
    return ms;
  }
}

/** Between half of it and all of it. */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

/** Resolves after the time, or at once when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
