import { followEvents, type StreamedEvent, StreamRefused } from "../client/event-stream.ts";
import { caller, HEADERS, MOUNT } from "./api.ts";
import { Watched } from "./watched.ts";

export type Event = StreamedEvent;

/** Since when the service is out of reach, in milliseconds since 1970; undefined while the line to it holds. */
export const away = new Watched<number | undefined>(undefined);

const listeners = new Set<(event: Event) => void>();

/** Tells of every change from now on; call what it returns to hear no more. */
export function listen(listener: (event: Event) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** A page nobody looks at lets go of its connection after this: a browser has six for a service, over all its pages. */
const UNSEEN_MS = 10_000;

/** Follows the account's events, where it left off, for as long as the page is looked at. */
export function follow(): () => void {
  let position: number | undefined;
  let running: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    running?.abort();
    running = undefined;
  };
  const start = () => {
    running ??= run(position, (reached) => {
      position = reached;
    });
  };
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(stop, UNSEEN_MS);
    else start();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    stop();
  };
}

function run(position: number | undefined, reached: (position: number) => void): AbortController {
  const ended = new AbortController();
  const { signal } = ended;
  const open = (last: number | undefined, signal: AbortSignal) =>
    fetch(`${MOUNT}/operate/v1/events`, {
      headers: {
        ...HEADERS,
        Accept: "text/event-stream",
        ...(last !== undefined && { "Last-Event-ID": String(last) }),
      },
      signal,
    });
  followEvents({
    open,
    signal,
    now: Date.now,
    position,
    onEvent: (event) => {
      for (const listener of listeners) listener(event);
    },
    onPosition: reached,
    onState: (state) => away.set(state.kind === "live" ? undefined : (state.heard_at ?? Date.now())),
    // All that is shown is of another past.
    onRewound: () => location.reload(),
  }).catch((error) => {
    if (error instanceof StreamRefused && error.response.status === 401) caller.set(null);
    else if (!signal.aborted) throw error;
  });
  return ended;
}
