import type { Principal } from "../auth/principal.ts";
import type { Orders } from "../commands/orders.ts";
import { Failure } from "../core/failure.ts";
import type { Database } from "../db/database.ts";
import { requireRole } from "../http/operation.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import type { TaskMoves } from "../tasks/moves.ts";
import { requireNoTask, type Task } from "../tasks/service.ts";
import { actors, type ListSourceActionsResponse, type SourceAction, sourceActions } from "./schema.ts";
import { bucketOf } from "./task-actions.ts";

/** What an action would meet now. */
interface Scene {
  source: SourceRef;
  task: Task | undefined;
  open: Awaited<ReturnType<Orders["open"]>>;
}

/** What would be allowed or refused now: found out by asking what allows and refuses. */
export class Permitted {
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #moves: TaskMoves;
  readonly #orders: Orders;

  constructor(database: Database, sources: Sources, moves: TaskMoves, orders: Orders) {
    this.#database = database;
    this.#sources = sources;
    this.#moves = moves;
    this.#orders = orders;
  }

  /** Of a source and its task. Throws as `Sources.find` does. */
  async listSourceActions(principal: Principal, source_id: string): Promise<ListSourceActionsResponse> {
    const { reader } = this.#database;
    const source = await this.#sources.find(principal, source_id);
    const task = await this.#moves.ofSource(reader, source.seq);
    const open = task ? await this.#orders.open(reader, source.seq, task.id) : [];
    const items: ListSourceActionsResponse["items"] = [];
    for (const action of sourceActions) {
      const reason = await refusalOf(async () => {
        requireRole(principal, actors);
        await this.#require(action, { source, task, open });
      });
      items.push({ action, allowed: reason === null, reason });
    }
    return { items };
  }

  /** Throws as the action would. */
  async #require(action: SourceAction, { source, task, open }: Scene): Promise<void> {
    if (action === "create_task") return requireNoTask(source, task);
    if (action === "delete_source") return this.#sources.requireNoneAtWork(this.#database.reader, [source.seq]);
    if (!task) throw new Failure("conflict", `source ${source.id} has no task`);
    switch (action) {
      case "delete_task":
        return this.#sources.requireNoneAtWork(this.#database.reader, [source.seq]);
      case "collect_log":
        bucketOf(task);
        return;
      case "network_check":
        return;
      default:
        this.#moves.requireRule(task, action, open);
    }
  }
}

/** Why it is refused; null where it is not. */
async function refusalOf(attempt: () => Promise<void>): Promise<string | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    if (error instanceof Failure && (error.kind === "conflict" || error.kind === "forbidden")) return error.message;
    throw error;
  }
}
