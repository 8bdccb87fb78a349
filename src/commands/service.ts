import type { Credentials } from "../access/credentials.ts";
import type { Principal } from "../auth/principal.ts";
import { jsonDigest } from "../core/exact-json.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import type { Group } from "../db/writer.ts";
import { type Change, record, recordOwn } from "../events/service.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import { type DeliveryOutcome, type DeliveryRow, deliveryGroup } from "./delivery-group.ts";
import { type CommandEvent, deadlineEvent, nextState } from "./lifecycle.ts";
import type { Mailbox, Watch } from "./mailbox.ts";
import { offered, superseded } from "./queue.ts";
import { IDLE, type Offer, toCommand, toOffer, unknownCommand } from "./replies.ts";
import { type ReportOutcome, type ReportRow, reportGroup } from "./report-group.ts";
import type { Command, CommandBody, QueueCommandBody } from "./schema.ts";
import {
  type CommandRow,
  endCommand,
  insertCommand,
  selectByIdempotencyKey,
  selectCommand,
  selectOpenCommands,
  selectPastDue,
} from "./store.ts";

/** Commands one transaction ends: each takes some statements, and calls on a file hold the process. */
const PAST_DUE_PER_JOB = 100;

/** The queue of commands, the poll and the report. */
export class Commands {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #sources: Sources;
  readonly #mailbox: Mailbox;
  readonly #deliveries: Group<DeliveryRow, DeliveryOutcome>;
  readonly #reports: Group<ReportRow, ReportOutcome>;

  constructor(platform: Platform, database: Database, credentials: Credentials, sources: Sources, mailbox: Mailbox) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#sources = sources;
    this.#mailbox = mailbox;
    this.#deliveries = database.writer.group(
      deliveryGroup((outcomes, rows) => {
        outcomes.forEach((outcome, index) => {
          const row = rows[index];
          if (outcome && row) mailbox.delivered(row, row.at, outcome.due_at);
        });
      }),
    );
    this.#reports = database.writer.group(
      reportGroup((outcomes, rows) => {
        outcomes.forEach(({ kind, command_seq }, index) => {
          const row = rows[index];
          if (kind === "matched" && command_seq !== null && row)
            mailbox.ended({ seq: command_seq, source_seq: row.source_seq });
        });
      }),
    );
  }

  /**
   * The command a source's agent is to carry out, offered again until it ends; its first delivery is on disk before
   * this resolves. Waits up to `waitMs` for one to be queued. Throws `notFound` for an unknown source.
   */
  async showCommand(principal: Principal, server_id: string, waitMs: number, signal: AbortSignal): Promise<Offer> {
    const { seq } = await this.#sources.find(principal, server_id);
    await this.#sources.presence.touch(seq);
    let watch: Watch | undefined;
    let isOver = waitMs === 0 || signal.aborted;
    // Not by comparing times: a clock that is set back must not prolong the wait.
    const end = () => {
      isOver = true;
      watch?.stop();
    };
    const callOff = isOver ? () => {} : this.#platform.after(waitMs, end);
    signal.addEventListener("abort", end, { once: true });
    try {
      for (;;) {
        watch = isOver ? undefined : this.#mailbox.watch(seq);
        // Nobody is there to carry the command out: it must not count as delivered.
        if (signal.aborted) return IDLE;
        // Found anew each time: it may have been deleted while this waited.
        const offer = await this.#take(principal, await this.#sources.find(principal, server_id));
        if (offer) return offer;
        if (!watch) return IDLE;
        await watch.changed;
        await this.#credentials.requireActive(principal);
      }
    } finally {
      callOff();
      watch?.stop();
      signal.removeEventListener("abort", end);
    }
  }

  /**
   * Stores a report, whatever it is for, and ends the command it matches. `result_detail` is JSON text as received;
   * `only_command_id` names the one command to look at. Throws `notFound` for an unknown source.
   */
  async updateCommandResult(
    principal: Principal,
    server_id: string,
    report: Pick<CommandBody, "command_name" | "result"> & { result_detail: string; only_command_id: string | null },
  ): Promise<ReportOutcome> {
    const source = await this.#sources.find(principal, server_id);
    await this.#sources.presence.touch(source.seq);
    return this.#reports.add({
      ...report,
      id: this.#platform.newId(),
      account_seq: source.account_seq,
      source_seq: source.seq,
      source_id: source.id,
      digest: `${report.result} ${digestOf(report.result_detail)}`,
      received_at: this.#platform.now(),
      actor: principal.actor,
      address: principal.address,
    });
  }

  /**
   * Queues a command for a source; a control command supersedes an older open one of the same task. With an
   * idempotency key used before, answers the command made then (`isNew` false), or throws `conflict` if the order
   * differs.
   */
  async queueCommand(
    principal: Principal,
    source_id: string,
    order: QueueCommandBody,
  ): Promise<{ command: Command; isNew: boolean }> {
    const order_digest = digestOfOrder(order);
    const { command, isNew } = await this.#database.writer.transaction(
      async (tx) => {
        const source = await this.#sources.find(principal, source_id, tx);
        const earlier = await this.#orderedBefore(tx, source, order, order_digest);
        if (earlier) return { command: earlier, isNew: false, ended: [] };
        const now = this.#platform.now();
        if (order.deliver_by !== undefined && order.deliver_by <= now) {
          const { deliver_by } = order;
          throw new Failure(
            "invalid",
            `deliver_by ${deliver_by} has passed: it is ${now} now (milliseconds since 1970)`,
          );
        }
        const open = await selectOpenCommands(tx, source.seq);
        const command = await this.#insert(tx, source, order, order_digest, now);
        const ended = superseded(open, command);
        const changes: Change[] = [];
        for (const older of ended) changes.push(await end(tx, older, "supersede", `by ${command.id}`, now));
        await record(tx, principal, now, change("command.queued", command), ...changes);
        return { command, isNew: true, ended };
      },
      ({ command, isNew, ended }) => {
        for (const older of ended) this.#mailbox.ended(older);
        if (isNew) this.#mailbox.queued(command);
      },
    );
    return { command: toCommand(this.#mailbox.current(command)), isNew };
  }

  /** Throws `conflict` if the command has ended. */
  async cancelCommand(principal: Principal, id: string): Promise<Command> {
    const row = await this.#database.writer.transaction(
      async (tx) => {
        const row = await selectCommand(tx, principal.account_seq, id);
        if (!row) throw unknownCommand(id);
        if (nextState(row.state, "cancel") === undefined) {
          throw new Failure("conflict", `command ${id} has ended (${row.state}): only an open one can be cancelled`);
        }
        const now = this.#platform.now();
        await record(tx, principal, now, await end(tx, row, "cancel", "by an operator", now));
        return selectCommand(tx, principal.account_seq, id);
      },
      (ended) => ended && this.#mailbox.ended(ended),
    );
    if (!row) throw unknownCommand(id);
    return toCommand(this.#mailbox.current(row));
  }

  /**
   * Ends every open command of a source that is being deleted, within the caller's transaction. Call `forget` with what
   * it returns after the commit.
   */
  async cancelAll(tx: Transaction, principal: Principal, source: SourceRef, reason: string): Promise<CommandRow[]> {
    const now = this.#platform.now();
    const open = await selectOpenCommands(tx, source.seq);
    const changes: Change[] = [];
    for (const command of open) changes.push(await end(tx, command, "cancel", reason, now));
    await record(tx, principal, now, ...changes);
    return open;
  }

  /** What memory holds of a deleted source's commands goes, and polls that wait for it look again. */
  forget(source: SourceRef, ended: readonly CommandRow[]): void {
    for (const command of ended) this.#mailbox.ended(command);
    this.#mailbox.wake(source.seq);
  }

  /** Ends what is past its deadline; runs every second, and after a start for what passed meanwhile. */
  async endPastDue(): Promise<void> {
    const due = await selectPastDue(this.#database.reader, this.#platform.now(), PAST_DUE_PER_JOB);
    if (due.length === 0) return;
    await this.#database.writer.transaction(
      async (tx) => {
        const at = this.#platform.now();
        // Read again: some may have ended while this waited for its turn.
        const past = await selectPastDue(tx, at, PAST_DUE_PER_JOB);
        for (const row of past) {
          const event = deadlineEvent(row.state);
          await recordOwn(tx, row.account_seq, at, await end(tx, row, event, event, at));
        }
        return past;
      },
      (past) => {
        for (const command of past) this.#mailbox.ended(command);
      },
    );
    if (due.length === PAST_DUE_PER_JOB) await this.endPastDue();
  }

  async #take(principal: Principal, source: SourceRef): Promise<Offer | undefined> {
    for (let missed: number | undefined; ; ) {
      const command = offered(await this.#mailbox.open(source.seq), this.#platform.now());
      if (!command) return undefined;
      const attempt =
        command.state === "queued"
          ? await this.#deliver(principal, source, command)
          : await this.#mailbox.redelivered(command);
      if (attempt !== undefined) return toOffer(command, attempt);
      // Ended, or delivered to another poll, since it was read: look again. Missed twice, memory is wrong about it.
      if (missed === command.seq) await this.#mailbox.refresh(source.seq);
      missed = command.seq;
    }
  }

  async #deliver(principal: Principal, source: SourceRef, command: CommandRow): Promise<number | undefined> {
    const outcome = await this.#deliveries.add({
      seq: command.seq,
      command_id: command.id,
      command_name: command.command_name,
      account_seq: source.account_seq,
      source_seq: source.seq,
      source_id: source.id,
      at: this.#platform.now(),
      actor: principal.actor,
      address: principal.address,
    });
    return outcome && 1;
  }

  /** The command an earlier order with the same idempotency key made. Throws `conflict` if that order was another one. */
  async #orderedBefore(
    tx: Transaction,
    source: SourceRef,
    { idempotency_key: key }: QueueCommandBody,
    order_digest: string,
  ): Promise<CommandRow | undefined> {
    const earlier = key === undefined ? undefined : await selectByIdempotencyKey(tx, source.seq, key);
    if (earlier && earlier.order_digest !== order_digest) {
      throw new Failure("conflict", `idempotency_key ${key} was used for another order to this source`);
    }
    return earlier;
  }

  async #insert(
    tx: Transaction,
    source: SourceRef,
    order: QueueCommandBody,
    order_digest: string,
    created_at: number,
  ): Promise<CommandRow> {
    const row = {
      id: this.#platform.newId(),
      account_seq: source.account_seq,
      source_seq: source.seq,
      command_name: order.command_name,
      task_id: order.command_param?.task_id ?? null,
      bucket: order.command_param?.bucket ?? null,
      state: "queued" as const,
      created_at,
      deliver_by: order.deliver_by ?? null,
      finish_within_s: order.finish_within_s ?? null,
      due_at: order.deliver_by ?? null,
      idempotency_key: order.idempotency_key ?? null,
      order_digest,
    };
    return insertCommand(tx, row);
  }
}

/** Ends an open command by what happened to it, within the transaction; answers what to record. */
async function end(
  tx: Transaction,
  command: CommandRow,
  event: CommandEvent,
  reason: string,
  ended_at: number,
): Promise<Change> {
  const state = nextState(command.state, event);
  if (state === undefined) throw new Error(`a command that is ${command.state} cannot end by ${event}`);
  await endCommand(tx, command.seq, { state, reason, ended_at });
  return change(`command.${state}` as Change["type"], command, { reason });
}

function change(type: Change["type"], command: CommandRow, more: Record<string, unknown> = {}): Change {
  const { source_id, id: command_id, command_name } = command;
  return { type, source_id, command_id, data: { command_name, ...more } };
}

/** Equal for orders that mean the same. */
function digestOfOrder({ command_name, command_param, deliver_by, finish_within_s }: QueueCommandBody): string {
  const { task_id, bucket } = command_param ?? {};
  return jsonDigest(
    JSON.stringify([command_name, task_id ?? null, bucket ?? null, deliver_by ?? null, finish_within_s ?? null]),
  );
}

function digestOf(result_detail: string): string {
  try {
    return jsonDigest(result_detail);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure("invalid", "result_detail (in the body) is nested too deep");
    throw error;
  }
}
