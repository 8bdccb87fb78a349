import type { TaskState } from "../core/words.ts";
import type { MigrationCycle, SourceState } from "../sources/schema.ts";

/** Where a task and its source stand together. */
export interface Condition {
  task: TaskState;
  source: SourceState;
  migration_cycle: MigrationCycle;
}
