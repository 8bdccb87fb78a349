import type { Log } from "./log.ts";

/** What the runtime hands in, so that the same code runs on Bun, Deno and workerd, and a test can turn the clock. */
export interface Platform {
  /** Milliseconds since 1970. */
  now(): number;
  /** A new UUIDv7 text (36 characters): time-ordered, so rows arrive in index order. */
  newId(): string;
  randomBytes(count: number): Uint8Array;
  /** Runs `work` after what is already waiting in the event loop. */
  nextTurn(work: () => void): void;
  /** Runs `work` after `ms` milliseconds; call what it returns to call that off. */
  after(ms: number, work: () => void): () => void;
  log: Log;
}
