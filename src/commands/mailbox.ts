import type { Principal } from "../auth/principal.ts";
import type { SourceRef } from "../sources/service.ts";
import type { CurrentTask } from "../tasks/current.ts";
import type { CommandRow } from "./store.ts";

/** What a poll or a report finds. */
export interface Waiting {
  source: SourceRef;
  /** When its agent was last seen, as stored; null where memory knows better. */
  seen_at: number | null;
  /** Its commands that have not ended. */
  open: readonly CommandRow[];
  task: CurrentTask | null;
}

/**
 * What waits for each source. In a process of its own it is memory, loaded at the start and kept by the writer's
 * commits, so that an empty poll touches no database; processes that share a database read it at each poll.
 */
export interface Mailbox {
  /** Throws as `Sources.find` does, and answers at once where that does. */
  look(principal: Principal, server_id: string): Waiting | Promise<Waiting>;
  /** Right after the start. */
  warmUp(): Promise<void>;
  /** Reads the source's open commands anew, where memory turns out to differ from the file. */
  refresh(source_seq: number): Promise<void>;
  /** Counts one more delivery of a command delivered before: its number, or undefined if it has ended meanwhile. */
  redelivered(command: CommandRow): Promise<number | undefined>;
  /**
   * Watches for something new for the source. Watch first and look then, or what comes in between is missed. Undefined
   * once the mailbox is closed: nobody waits any more.
   */
  watch(source_seq: number): Watch | undefined;
  /** The row with deliveries that are counted but not written yet. */
  current(row: CommandRow): CommandRow;
  /** Writes what is only counted so far. */
  flush(): Promise<void>;
  /** Lets the polls that wait for the source look again. */
  wake(source_seq: number): void;
  /** Lets everybody who waits go. */
  close(): void;

  // Called right after the commit that did it.
  queued(command: CommandRow): void;
  delivered(command: { seq: number; source_seq: number }, at: number, due_at: number | null): void;
  postponed(command: { seq: number; source_seq: number }, due_at: number): void;
  ended(command: { seq: number; source_seq: number }): void;
}

export interface Watch {
  /** Resolves when there may be something new, or after `stop`. */
  changed: Promise<void>;
  stop(): void;
}

/** After writes of which nobody knows whether they were made. */
export function readAnew(mailbox: Mailbox, rows: readonly { source_seq: number }[]): void {
  // Where that fails too, a poll that misses twice reads it anew.
  for (const { source_seq } of rows) mailbox.refresh(source_seq).catch(() => {});
}
