import type { Principal } from "../auth/principal.ts";
import type { Aftermath } from "../commands/aftermath.ts";
import type { Orders } from "../commands/orders.ts";
import type { Transaction } from "../db/executor.ts";
import type { Sources } from "../sources/service.ts";
import type { Tasks } from "../tasks/service.ts";

/**
 * Deleting tasks and sources: one of them or many, all or nothing. Refused while a source is at work and its agent is
 * there, accepted in any other case. Source: docs/decisions.md, "Deleting".
 */
export class Deletions {
  readonly #sources: Sources;
  readonly #tasks: Tasks;
  readonly #orders: Orders;

  constructor(sources: Sources, tasks: Tasks, orders: Orders) {
    this.#sources = sources;
    this.#tasks = tasks;
    this.#orders = orders;
  }

  /**
   * Deletes tasks with all they hold; their open commands are cancelled. The agent of one that was ever started is told
   * by DELETE. Throws `notFound` for an unknown one and `conflict` (SMS.2015) for one at work.
   */
  async deleteTasks(principal: Principal, ids: readonly string[]): Promise<void> {
    const remove = async (tx: Transaction, aftermath: Aftermath) => {
      const tasks = await this.#tasks.findAll(tx, principal, ids);
      const source_seqs = tasks.map(({ source_seq }) => source_seq);
      await this.#sources.requireNoneAtWork(tx, source_seqs);
      const deleted: ReadonlySet<string | null> = new Set(tasks.map(({ id }) => id));
      const isOfTask = ({ task_id }: { task_id: string | null }) => deleted.has(task_id);
      await this.#orders.cancelAll(tx, principal, source_seqs, "task_deleted", isOfTask, aftermath);
      const told = tasks
        .filter(({ start_date }) => start_date !== null)
        .map(({ id, source_id, source_seq, account_seq }) => ({
          source: { seq: source_seq, id: source_id, account_seq },
          order: { command_name: "DELETE" as const, task_id: id },
        }));
      await this.#orders.orderForAll(tx, principal, told, aftermath);
      await this.#tasks.remove(tx, principal, tasks);
      await this.#sources.place(tx, source_seqs, { state: "waiting", migration_cycle: "setting" });
      for (const seq of source_seqs) aftermath.tasksOf.add(seq);
      return tasks;
    };
    await this.#orders.transaction(remove, (tasks) => this.#tasks.forget(tasks));
  }

  /**
   * Deletes sources with their tasks; their open commands are cancelled, their history stays. Throws `notFound` for an
   * unknown one and `conflict` (SMS.2015) for one at work.
   */
  async deleteServers(principal: Principal, ids: readonly string[]): Promise<void> {
    const remove = async (tx: Transaction, aftermath: Aftermath) => {
      const sources = await this.#sources.findAll(tx, principal, ids);
      const seqs = sources.map(({ seq }) => seq);
      await this.#sources.requireNoneAtWork(tx, seqs);
      await this.#sources.remove(tx, principal, sources);
      const tasks = await this.#tasks.ofSources(tx, seqs);
      await this.#tasks.remove(tx, principal, tasks);
      await this.#orders.cancelAll(tx, principal, seqs, "source_deleted", () => true, aftermath);
      for (const seq of seqs) aftermath.tasksOf.add(seq);
      return { sources, tasks };
    };
    await this.#orders.transaction(remove, ({ sources, tasks }) => {
      this.#tasks.forget(tasks);
      this.#sources.forget(sources);
      for (const { seq } of sources) this.#orders.wake(seq);
    });
  }
}
