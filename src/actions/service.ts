import type { Orders } from "../commands/orders.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Sources } from "../sources/service.ts";
import type { TaskMoves } from "../tasks/moves.ts";
import type { Tasks } from "../tasks/service.ts";
import { Deletions } from "./deletions.ts";
import { Permitted } from "./permitted.ts";
import { Progress } from "./progress.ts";
import { TaskActions } from "./task-actions.ts";

/** What touches several concepts at once. */
export interface Actions {
  tasks: TaskActions;
  progress: Progress;
  deletions: Deletions;
  permitted: Permitted;
}

export function createActions(
  platform: Platform,
  database: Database,
  sources: Sources,
  tasks: Tasks,
  moves: TaskMoves,
  orders: Orders,
): Actions {
  return {
    tasks: new TaskActions(platform, sources, tasks, moves, orders),
    progress: new Progress(platform, database, sources, tasks, moves, orders),
    deletions: new Deletions(sources, tasks, orders),
    permitted: new Permitted(database, sources, moves, orders),
  };
}
