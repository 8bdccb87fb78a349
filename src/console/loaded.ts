import { useEffect, useRef, useState } from "hono/jsx/dom";
import { Refusal } from "./api.ts";
import { away, type Event, listen } from "./live.ts";

/** After a change the view waits so long for the next one before it asks: many come together. */
const TOGETHER_MS = 300;
/** However much happens, it asks no more often. */
const LEAST_MS = 1_000;

export interface Loaded<T> {
  value: T | undefined;
  error: string | undefined;
  /** Asks again now. */
  again(): void;
}

interface Rhythm {
  /** Changes after which what was loaded may be another. */
  on?: (event: Event) => boolean;
  /** Asks this often in any case, in milliseconds: polls change a view and are no event. */
  everyMs?: number;
}

/** What the service says, kept up to date: asked anew after changes that matter, and after every interruption. */
export function useLoaded<T>(key: string, load: () => Promise<T>, { on, everyMs = 30_000 }: Rhythm): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: string }>({ key });
  const run = useRepeated(key, { everyMs, ...(on && { on }) }, async (isOver) => {
    try {
      const value = await load();
      if (!isOver()) setState({ key, value });
    } catch (error) {
      // What was there stays, marked as old by the line's age.
      if (!isOver()) setState((before) => ({ ...(before.key === key ? before : {}), key, error: messageOf(error) }));
    }
  });
  const isCurrent = state.key === key;
  return { value: isCurrent ? state.value : undefined, error: isCurrent ? state.error : undefined, again: run };
}

/** Runs `work` now, in its rhythm, and one at a time; anew where the key is another. */
export function useRepeated(key: string, rhythm: Rhythm, work: (isOver: () => boolean) => Promise<void>): () => void {
  const latest = useRef({ work, rhythm });
  latest.current = { work, rhythm };
  const runner = useRef(() => {});
  useEffect(() => {
    let isOver = false;
    let isRunning = false;
    let isAskedAgain = false;
    let askedAt = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      isAskedAgain = isRunning;
      // A page nobody looks at asks for nothing; seen again, it asks at once.
      if (isRunning || document.hidden) return;
      isRunning = true;
      askedAt = Date.now();
      await latest.current?.work(() => isOver);
      isRunning = false;
      if (isAskedAgain && !isOver) soon();
    };
    const soon = () => {
      timer ??= setTimeout(
        () => {
          timer = undefined;
          void run();
        },
        Math.max(TOGETHER_MS, askedAt + LEAST_MS - Date.now()),
      );
    };
    runner.current = () => void run();
    void run();
    const beat = setInterval(run, rhythm.everyMs);
    const stops = [
      listen((event) => latest.current?.rhythm.on?.(event) && soon()),
      away.watch(() => away.get() === undefined && soon()),
    ];
    document.addEventListener("visibilitychange", run);
    return () => {
      document.removeEventListener("visibilitychange", run);
      isOver = true;
      clearInterval(beat);
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [key]);
  return () => runner.current?.();
}

export const messageOf = (error: unknown): string =>
  error instanceof Refusal ? error.message : `this page failed: ${error instanceof Error ? error.message : error}`;
