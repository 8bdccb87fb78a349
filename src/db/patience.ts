import type { Platform } from "../core/platform.ts";

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 800;

export type Waiting = Pick<Platform, "now" | "randomBytes" | "after">;

/**
 * Patience of so many milliseconds, from now on; what it returns waits before another try, and answers false once the
 * time for that is over. Pauses double and half of each is chance: processes that failed together must not come back
 * together.
 */
export function patience({ now, randomBytes, after }: Waiting, ms: number): () => Promise<boolean> {
  const begun = now();
  let pauseMs = FIRST_PAUSE_MS;
  return async () => {
    // Over as well where the clock was set back.
    if (now() >= begun + ms || now() < begun) return false;
    const [chance = 0] = randomBytes(1);
    const thisMs = (pauseMs / 2) * (1 + chance / 255);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    await new Promise<void>((resolve) => void after(thisMs, resolve));
    return true;
  };
}
