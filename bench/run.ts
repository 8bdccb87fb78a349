import type { Beside } from "./beside.ts";
import type { Calls } from "./calls.ts";
import type { FlushShare } from "./flushes.ts";
import type { Growth } from "./growth.ts";
import type { MemoryAndStart } from "./memory-and-start.ts";
import type { SlowDisk } from "./slow-disk.ts";
import type { Storage } from "./storage.ts";
import type { Results } from "./turns.ts";
import type { Waiting } from "./waiting.ts";
import type { Wake } from "./wake.ts";

/** What a run leaves as JSON, after each of its measurements; of one that was not made nothing is there. */
export interface Run {
  /** ISO 8601. */
  at: string;
  machine: { cpu: string; cores: number; linux: string; bun: string };
  /** `cores`: of the servers; null where nothing was bound. */
  settings: { cores: string | null; connections: number; rounds: number; warmUpMs: number; measureMs: number };
  /** By subject. */
  results: Results;
  /** By subject: what it is. */
  about: Record<string, string>;
  /** By subject: memory of its processes after the last round, in bytes. */
  memory: Record<string, { server: number; database: number }>;
  /** By measurement, or measurement and subject: why there is no more of it. */
  failures: Record<string, string>;
  lone?: Results;
  slow_disk?: SlowDisk | undefined;
  beside?: Beside[];
  flushes?: FlushShare | undefined;
  storage?: Storage;
  wake?: Wake;
  memory_and_start?: MemoryAndStart;
  growth?: Growth;
  calls?: Calls;
  waiting?: Record<string, Waiting | undefined>;
}
