import type { CommandRow } from "./store.ts";

/** What a transaction changes that memory has to follow after its commit; see `Orders.transaction`. */
export class Aftermath {
  readonly queued: CommandRow[] = [];
  readonly ended: { seq: number; source_seq: number }[] = [];
  readonly postponed: { command: CommandRow; due_at: number }[] = [];
  /** Sources whose task was made, moved or deleted. */
  readonly tasksOf = new Set<number>();
}
