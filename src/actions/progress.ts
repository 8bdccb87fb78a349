import type { Principal } from "../auth/principal.ts";
import type { Orders } from "../commands/orders.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Group } from "../db/writer.ts";
import { record } from "../events/service.ts";
import type { SourceState } from "../sources/schema.ts";
import type { Sources } from "../sources/service.ts";
import type { TaskMoves } from "../tasks/moves.ts";
import type { Tasks } from "../tasks/service.ts";
import { type ProgressOutcome, type ProgressRow, progressGroup } from "./progress-group.ts";
import type { PutCopyStateReq, UpdateTaskSpeedReq } from "./schema.ts";

/** What an agent tells of its task besides reports. */
export class Progress {
  readonly #platform: Platform;
  readonly #sources: Sources;
  readonly #tasks: Tasks;
  readonly #moves: TaskMoves;
  readonly #orders: Orders;
  readonly #told: Group<ProgressRow, ProgressOutcome>;

  constructor(
    platform: Platform,
    database: Database,
    sources: Sources,
    tasks: Tasks,
    moves: TaskMoves,
    orders: Orders,
  ) {
    this.#platform = platform;
    this.#sources = sources;
    this.#tasks = tasks;
    this.#moves = moves;
    this.#orders = orders;
    const plan = progressGroup(database, (outcomes) =>
      orders.postponed(outcomes.flatMap((postponed) => postponed ?? [])),
    );
    this.#told = database.writer.group({ ...plan, lost: (rows) => orders.lost(rows) });
  }

  /** How far a subtask is. Taken in any state, moves none; the source counts as connected. */
  async updateTaskSpeed(principal: Principal, task_id: string, told: UpdateTaskSpeedReq): Promise<void> {
    const { seq: task_seq, source_seq } = await this.#tasks.ref(principal, task_id);
    this.#sources.presence.touch(source_seq);
    const kept = await this.#told.add({ task_seq, task_id, source_seq, at: this.#platform.now(), told });
    // Gone meanwhile; or kept, where the answer was lost and what is read lags behind: a transaction knows.
    if (!kept) await this.#orders.transaction((tx) => this.#tasks.ref(principal, task_id, tx));
  }

  /** The agent says where its source stands: finished and error end what its task is at. */
  async updateCopyState(principal: Principal, source_id: string, body: PutCopyStateReq): Promise<void> {
    const source: SourceState | undefined = body.copystate === "init" ? "initialize" : body.copystate;
    const said = { source, migration_cycle: body.migrationcycle };
    await this.#orders.transaction(async (tx, aftermath) => {
      const [row] = await this.#sources.findAll(tx, principal, [source_id]);
      if (!row) throw new Error("a source that was found is not there");
      const task = await this.#moves.ofSource(tx, row.seq);
      if (!task) {
        const { state = row.state, migration_cycle = row.migration_cycle } = { ...said, state: source };
        await this.#sources.place(tx, [row.seq], { state, migration_cycle });
        const data = { state, migration_cycle };
        await record(tx, principal, this.#platform.now(), { type: "source.moved", source_id, data });
        return;
      }
      aftermath.tasksOf.add(row.seq);
      const isOver = await this.#moves.changestate(tx, principal, task, said);
      if (isOver) await this.#orders.cancelControl(tx, principal, row.seq, task.id, aftermath);
      await this.#orders.heard(tx, row.seq, task.id, aftermath);
    });
  }
}
