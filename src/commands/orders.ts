import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { CommandName } from "../core/words.ts";
import type { Database } from "../db/database.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import type { Group } from "../db/writer.ts";
import { type Change, type Doer, ferryItself, record } from "../events/service.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import { AGENT_FAILED } from "../tasks/error-json.ts";
import { awaitedCommands } from "../tasks/lifecycle.ts";
import type { TaskMoves } from "../tasks/moves.ts";
import { Aftermath } from "./aftermath.ts";
import { type CommandEvent, deadlineEvent, nextState } from "./lifecycle.ts";
import { type Mailbox, readAnew } from "./mailbox.ts";
import { type DirectOrder, isPlain, type Order, orderedBefore, orderOf, refusePassed } from "./order.ts";
import { type OrderOutcome, type OrderRow, orderGroup } from "./order-group.ts";
import { isControl, superseded } from "./queue.ts";
import { toCommand, unknownCommand } from "./replies.ts";
import type { Command, QueueCommandBody } from "./schema.ts";
import {
  type CommandRow,
  endCommands,
  insertCommands,
  type NewCommand,
  postponeCommands,
  selectCommand,
  selectOpenCommands,
  selectOpenCommandsOf,
  selectPastDue,
} from "./store.ts";

/** Commands one transaction ends: each takes some statements, and calls on a file hold the process. */
const PAST_DUE_PER_JOB = 100;

/** How long a command of a task may take. */
export interface Patience {
  /** STOP, SKIP and PREMIGRATE: until a poll fetches them. */
  deliver_within_s: number;
  /** From the first delivery, the last progress or the last changestate on. */
  finish_within_s: number;
}

const moving: ReadonlySet<CommandName> = new Set(["START", "STOP", "SYNC", "SKIP", "PREMIGRATE"]);

/** The queue of commands: what is ordered, and how it ends other than by a report. */
export class Orders {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #moves: TaskMoves;
  readonly #mailbox: Mailbox;
  readonly #patience: Patience;
  readonly #plainOrders: Group<OrderRow, OrderOutcome>;

  constructor(
    platform: Platform,
    database: Database,
    sources: Sources,
    moves: TaskMoves,
    mailbox: Mailbox,
    patience: Patience,
  ) {
    this.#platform = platform;
    this.#database = database;
    this.#sources = sources;
    this.#moves = moves;
    this.#mailbox = mailbox;
    this.#patience = patience;
    const plan = orderGroup(database, (outcomes) => {
      for (const outcome of outcomes) {
        for (const command of outcome?.superseded ?? []) mailbox.ended(command);
        if (outcome) mailbox.queued(outcome.command);
      }
    });
    this.#plainOrders = database.writer.group({ ...plan, lost: (rows) => this.lost(rows) });
  }

  /**
   * Queues a command for a source; a control command supersedes an older open one of the same task. One of the
   * source's task moves it as the action does that queues the same, where that is allowed. With an idempotency key
   * used before, answers the command made then (`isNew` false), or throws `conflict` if the order differs.
   */
  async queueCommand(
    principal: Principal,
    source_id: string,
    body: QueueCommandBody,
  ): Promise<{ command: Command; isNew: boolean }> {
    const order = orderOf(body);
    const id = this.#platform.newId();
    const plain = isPlain(order) ? await this.#queuePlain(principal, source_id, order, id) : undefined;
    if (plain) return { command: toCommand(this.#mailbox.current(plain)), isNew: true };
    const { command, isNew } = await this.transaction(async (tx, aftermath) => {
      const source = await this.#sources.find(principal, source_id, tx);
      const earlier = await orderedBefore(tx, source, order);
      if (earlier) return { command: earlier, isNew: false };
      const made = isPlain(order) ? await selectCommand(tx, principal.account_seq, id) : undefined;
      if (made) {
        // By the group, where its answer was lost and what is read lags behind.
        aftermath.queued.push(made);
        return { command: made, isNew: true };
      }
      refusePassed(order, this.#platform.now());
      return { command: await this.#orderDirectly(tx, principal, source, order, aftermath), isNew: true };
    });
    return { command: toCommand(this.#mailbox.current(command)), isNew };
  }

  /** Throws `conflict` if the command has ended. A task that waits for it goes on as if it had failed. */
  async cancelCommand(principal: Principal, id: string): Promise<Command> {
    const row = await this.transaction(async (tx, aftermath) => {
      const row = await selectCommand(tx, principal.account_seq, id);
      if (!row) throw unknownCommand(id);
      if (nextState(row.state, "cancel") === undefined) {
        throw new Failure("conflict", `command ${id} has ended (${row.state}): only an open one can be cancelled`);
      }
      await this.#endUnreported(tx, principal, row, "cancel", "by an operator", aftermath);
      return selectCommand(tx, principal.account_seq, id);
    });
    if (!row) throw unknownCommand(id);
    return toCommand(this.#mailbox.current(row));
  }

  /** Ends what is past its deadline; runs every second, and after a start for what passed meanwhile. */
  async endPastDue(): Promise<void> {
    const due = await selectPastDue(this.#database.reader, this.#platform.now(), PAST_DUE_PER_JOB);
    if (due.length === 0) return;
    await this.transaction(async (tx, aftermath) => {
      // Read again: some may have ended while this waited for its turn.
      for (const row of await selectPastDue(tx, this.#platform.now(), PAST_DUE_PER_JOB)) {
        const event = deadlineEvent(row.state);
        await this.#endUnreported(tx, ferryItself(row.account_seq), row, event, event, aftermath);
      }
    });
    if (due.length === PAST_DUE_PER_JOB) await this.endPastDue();
  }

  /** A transaction after whose commit memory follows what `aftermath` has collected, and then `committed` runs. */
  transaction<T>(
    work: (tx: Transaction, aftermath: Aftermath) => Promise<T>,
    committed?: (result: T) => void,
  ): Promise<T> {
    let aftermath = new Aftermath();
    return this.#database.writer.transaction(
      (tx) => {
        aftermath = new Aftermath();
        return work(tx, aftermath);
      },
      (result) => {
        this.#follow(aftermath);
        committed?.(result);
      },
    );
  }

  // Within `transaction`.

  /** Queues a command for what a task does, with the deadlines such a command has. */
  async order(tx: Transaction, by: Doer, source: SourceRef, order: Order, aftermath: Aftermath): Promise<void> {
    const open = await selectOpenCommands(tx, source.seq);
    await this.#insert(tx, by, source, { ...this.#deadlines(order), ...order }, open, aftermath);
  }

  /** Queues a command for each of many sources, none of which has an open one that it would supersede. */
  async orderForAll(
    tx: Transaction,
    by: Doer,
    orders: readonly { source: SourceRef; order: Order }[],
    aftermath: Aftermath,
  ): Promise<void> {
    const now = this.#platform.now();
    const rows = orders.map(({ source, order }) => this.#newCommand(source, order, now));
    const queued = await insertCommands(tx, rows);
    await record(tx, by, now, ...queued.map((command) => change("command.queued", command)));
    aftermath.queued.push(...queued);
  }

  /** The open commands of a source's task. */
  async open(db: Executor, source_seq: number, task_id: string): Promise<CommandRow[]> {
    return (await selectOpenCommands(db, source_seq)).filter((command) => command.task_id === task_id);
  }

  /** Ends the open commands of many sources that `which` picks, as they go with their task or source: moves nothing. */
  async cancelAll(
    tx: Transaction,
    by: Doer,
    source_seqs: readonly number[],
    reason: string,
    which: (command: CommandRow) => boolean,
    aftermath: Aftermath,
  ): Promise<void> {
    const open = (await selectOpenCommandsOf(tx, source_seqs)).filter(which);
    await this.#endAll(tx, by, open, "cancel", reason, aftermath);
  }

  /** Ends the open control commands of a task that is no longer at work. */
  async cancelControl(tx: Transaction, by: Doer, source_seq: number, task_id: string, aftermath: Aftermath) {
    const isOfTask = (command: CommandRow) => command.task_id === task_id && isControl(command.command_name);
    await this.cancelAll(tx, by, [source_seq], "task_ended", isOfTask, aftermath);
  }

  /** Something was heard of the task: the time its delivered commands may take begins anew. */
  async heard(tx: Transaction, source_seq: number, task_id: string, aftermath: Aftermath): Promise<void> {
    const now = this.#platform.now();
    // One whose time is over has ended, whether or not the job that ends it has come round.
    const waiting = (await this.open(tx, source_seq, task_id)).filter(
      ({ state, finish_within_s, due_at }) =>
        state === "delivered" && finish_within_s !== null && (due_at === null || due_at > now),
    );
    if (waiting.length === 0) return;
    await postponeCommands(
      tx,
      waiting.map(({ seq }) => seq),
      now,
    );
    for (const command of waiting) {
      aftermath.postponed.push({ command, due_at: now + 1000 * (command.finish_within_s ?? 0) });
    }
  }

  // Outside of it.

  /** Deadlines that a group began anew; to be told right after its commit. */
  postponed(commands: readonly { seq: number; source_seq: number; due_at: number }[]): void {
    for (const command of commands) this.#mailbox.postponed(command, command.due_at);
  }

  /** Of a group that may have been made or not. */
  lost(rows: readonly { source_seq: number }[]): void {
    readAnew(this.#mailbox, rows);
  }

  /** Polls that wait for a deleted source look again. */
  wake(source_seq: number): void {
    this.#mailbox.wake(source_seq);
  }

  #follow({ queued, ended, postponed, tasksOf }: Aftermath): void {
    for (const command of ended) this.#mailbox.ended(command);
    for (const { command, due_at } of postponed) this.#mailbox.postponed(command, due_at);
    for (const source_seq of tasksOf) this.#moves.current.changed(source_seq);
    for (const command of queued) this.#mailbox.queued(command);
  }

  /** Goes out with others; undefined if it has to be looked at in a transaction. */
  async #queuePlain(
    principal: Principal,
    source_id: string,
    { task_id: _task, idempotency_key: _key, ...order }: DirectOrder,
    id: string,
  ): Promise<CommandRow | undefined> {
    const source = await this.#found(principal, source_id);
    if (!source) return undefined;
    const created_at = this.#platform.now();
    refusePassed(order, created_at);
    const { seq: source_seq, account_seq } = source;
    const { actor, address } = principal;
    const row = { ...order, id, account_seq, source_seq, source_id, created_at, actor, address };
    return (await this.#plainOrders.add(row))?.command;
  }

  /** The source; undefined where it cannot be seen, which may be as what is read lags behind. */
  async #found(principal: Principal, source_id: string): Promise<SourceRef | undefined> {
    try {
      return await this.#sources.find(principal, source_id);
    } catch (error) {
      if (error instanceof Failure && error.kind === "notFound") return undefined;
      throw error;
    }
  }

  /** What an operator queues by hand. */
  async #orderDirectly(
    tx: Transaction,
    by: Doer,
    source: SourceRef,
    ordered: Order,
    aftermath: Aftermath,
  ): Promise<CommandRow> {
    const open = await selectOpenCommands(tx, source.seq);
    const task = await this.#moves.ofSource(tx, source.seq);
    if (ordered.task_id == null || task?.id !== ordered.task_id) {
      return this.#insert(tx, by, source, ordered, open, aftermath);
    }
    const { command_name } = ordered;
    const isLog = command_name === "UPLOAD_LOG";
    const order = isLog ? { ...ordered, bucket: ordered.bucket ?? task.log_bucket } : ordered;
    const ofTask = open.filter(({ task_id }) => task_id === task.id);
    const moves = await this.#moves.actAsQueued(tx, by, task, order, ofTask);
    aftermath.tasksOf.add(source.seq);
    // One that moves nothing now, but whose end will: in place of an open one of its name, for example.
    const takesOver = this.#moves.waitsFor(task, command_name);
    const deadlines = moves || takesOver ? this.#deadlines(order) : {};
    const patient = {
      ...order,
      deliver_by: order.deliver_by ?? deadlines.deliver_by ?? null,
      finish_within_s: order.finish_within_s ?? deadlines.finish_within_s ?? null,
    };
    const command = await this.#insert(tx, by, source, patient, open, aftermath);
    if (moves) return command;
    // Nothing but one of the same name takes over from what it supersedes: a task that waits for that would wait for ever.
    for (const older of superseded(ofTask, { command_name, task_id: task.id })) {
      if (older.command_name === command_name || !awaitedCommands.has(older.command_name)) continue;
      await this.#moveAsFailed(tx, by, older, `superseded by ${command.id}`);
    }
    return command;
  }

  async #insert(
    tx: Transaction,
    by: Doer,
    source: SourceRef,
    order: Order,
    open: readonly CommandRow[],
    aftermath: Aftermath,
  ): Promise<CommandRow> {
    const now = this.#platform.now();
    const [command] = await insertCommands(tx, [this.#newCommand(source, order, now)]);
    if (!command) throw new Error("the inserted row is not there");
    await record(tx, by, now, change("command.queued", command));
    await this.#endAll(tx, by, superseded(open, command), "supersede", `by ${command.id}`, aftermath);
    aftermath.queued.push(command);
    return command;
  }

  /** Ends a command nobody has reported: its task moves as if it had failed. */
  async #endUnreported(
    tx: Transaction,
    by: Doer,
    command: CommandRow,
    event: CommandEvent,
    reason: string,
    aftermath: Aftermath,
  ): Promise<void> {
    await this.#endAll(tx, by, [command], event, reason, aftermath);
    await this.#moveAsFailed(tx, by, command, `${nextState(command.state, event)}: ${reason}`);
    aftermath.tasksOf.add(command.source_seq);
  }

  async #moveAsFailed(tx: Transaction, by: Doer, command: CommandRow, why: string): Promise<void> {
    if (command.task_id === null) return;
    const task = await this.#moves.ofSource(tx, command.source_seq);
    if (task?.id !== command.task_id) return;
    const error = { error_code: AGENT_FAILED, error_msg: `${command.command_name} was not carried out: ${why}` };
    await this.#moves.commandEnded(tx, by, task, command.command_name, "fail", error);
  }

  async #endAll(
    tx: Transaction,
    by: Doer,
    open: readonly CommandRow[],
    event: CommandEvent,
    reason: string,
    aftermath: Aftermath,
  ): Promise<void> {
    if (open.length === 0) return;
    const now = this.#platform.now();
    const [state, ...others] = new Set(open.map((command) => nextState(command.state, event)));
    if (state === undefined || others.length > 0) throw new Error(`not all of these commands can end by ${event}`);
    await endCommands(
      tx,
      open.map(({ seq }) => seq),
      { state, reason, ended_at: now },
    );
    const type = `command.${state}` as Change["type"];
    await record(tx, by, now, ...open.map((command) => change(type, command, { reason })));
    aftermath.ended.push(...open);
  }

  #deadlines({ command_name }: Order): Pick<Order, "deliver_by" | "finish_within_s"> {
    if (!moving.has(command_name)) return {};
    const { deliver_within_s, finish_within_s } = this.#patience;
    const deliver_by = awaitedCommands.has(command_name) ? this.#platform.now() + deliver_within_s * 1000 : null;
    return { deliver_by, finish_within_s };
  }

  #newCommand(source: SourceRef, order: Order, created_at: number): NewCommand {
    return {
      ...order,
      id: this.#platform.newId(),
      account_seq: source.account_seq,
      source_seq: source.seq,
      state: "queued",
      created_at,
      due_at: order.deliver_by ?? null,
    };
  }
}

function change(type: Change["type"], command: CommandRow, more?: Record<string, unknown>): Change {
  const { source_id, id: command_id } = command;
  return { type, source_id, command_id, ...(more && { data: more }) };
}
