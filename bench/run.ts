import type { Round } from "./round.ts";
import type { Storage } from "./storage.ts";
import type { Work } from "./subject.ts";
import type { Waiting } from "./waiting.ts";

/** What a run leaves as JSON. */
export interface Run {
  /** ISO 8601. */
  at: string;
  machine: { cpu: string; cores: number; linux: string; bun: string };
  /** `cores`: of the servers; null where nothing was bound. */
  settings: { cores: string | null; connections: number; rounds: number; warmUpMs: number; measureMs: number };
  /** By subject. */
  results: Record<string, Record<Work, Round[]>>;
  /** By subject: memory of its processes after the last round, in bytes. */
  memory: Record<string, { server: number; database: number }>;
  /** By subject: why it had no further rounds. */
  failures: Record<string, string>;
  /** Of a whole run only. */
  storage?: Storage;
  waiting?: Record<string, Waiting | undefined>;
}
