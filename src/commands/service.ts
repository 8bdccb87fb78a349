import type { Principal } from "../auth/principal.ts";
import { jsonDigest } from "../core/exact-json.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import type { Transaction } from "../db/executor.ts";
import type { Group } from "../db/writer.ts";
import { record, recordOwn } from "../events/service.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import { type DeliveryOutcome, type DeliveryRow, deliveryGroup } from "./delivery-group.ts";
import { deadlineEvent, nextState } from "./lifecycle.ts";
import type { Mailbox } from "./mailbox.ts";
import { offered, superseded } from "./queue.ts";
import { IDLE, type Offer, toCommand, toOffer, unknownCommand } from "./replies.ts";
import { type ReportOutcome, type ReportRow, reportGroup } from "./report-group.ts";
import type { Command, CommandBody, CommandState, QueueCommandBody } from "./schema.ts";
import {
  type CommandRow,
  endCommand,
  insertCommand,
  selectByIdempotencyKey,
  selectCommand,
  selectOpenCommands,
  selectPastDue,
} from "./store.ts";

const PAST_DUE_PER_JOB = 500;

/** The queue of commands, the poll and the report. */
export class Commands {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sources: Sources;
  readonly #mailbox: Mailbox;
  readonly #deliveries: Group<DeliveryRow, DeliveryOutcome>;
  readonly #reports: Group<ReportRow, ReportOutcome>;

  constructor(platform: Platform, database: Database, sources: Sources, mailbox: Mailbox) {
    this.#platform = platform;
    this.#database = database;
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
    const until = this.#platform.now() + waitMs;
    for (;;) {
      const left = signal.aborted ? 0 : until - this.#platform.now();
      const watch = left > 0 ? this.#mailbox.watch(seq, left) : undefined;
      const stop = () => watch?.stop();
      signal.addEventListener("abort", stop, { once: true });
      try {
        // Found anew each time: it may have been deleted while this waited.
        const offer = await this.#take(principal, await this.#sources.find(principal, server_id));
        if (offer) return offer;
        if (!watch) return IDLE;
        await watch.changed;
      } finally {
        stop();
        signal.removeEventListener("abort", stop);
      }
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
      actor: principal.access_key,
      address: principal.address,
    });
  }

  /**
   * Queues a command for a source; a control command supersedes an older open one of the same task. With an
   * idempotency key used before, answers the command made then, or throws `conflict` if the order differs.
   */
  async queueCommand(principal: Principal, source_id: string, order: QueueCommandBody): Promise<Command> {
    const source = await this.#sources.find(principal, source_id);
    const { idempotency_key = null, ...rest } = order;
    const order_digest = idempotency_key === null ? null : jsonDigest(JSON.stringify(rest));
    const { command } = await this.#database.writer.transaction(
      async (tx) => {
        const earlier =
          idempotency_key === null ? undefined : await selectByIdempotencyKey(tx, source.seq, idempotency_key);
        if (earlier) {
          if (earlier.order_digest === order_digest) return { command: earlier, isNew: false, ended: [] };
          throw new Failure("conflict", `idempotency_key ${idempotency_key} was used for another order to this source`);
        }
        const now = this.#platform.now();
        if (order.deliver_by !== undefined && order.deliver_by <= now) {
          throw new Failure(
            "invalid",
            `deliver_by ${order.deliver_by} has passed: it is ${now} now (milliseconds since 1970)`,
          );
        }
        // The source may have been deleted since it was found.
        await this.#sources.find(principal, source_id, tx);
        const command = await this.#insert(tx, source, order, { idempotency_key, order_digest, now });
        const ended = superseded(await selectOpenCommands(tx, source.seq), command).filter(
          ({ seq }) => seq !== command.seq,
        );
        for (const older of ended) {
          await this.#end(tx, older, "superseded", `by ${command.id}`, now);
        }
        const about = (id: string) => ({ source_id, command_id: id });
        await record(
          tx,
          principal,
          now,
          { type: "command.queued", ...about(command.id), data: { command_name: command.command_name } },
          ...ended.map((older) => ({
            type: "command.superseded" as const,
            ...about(older.id),
            data: { command_name: older.command_name, by: command.id },
          })),
        );
        return { command, isNew: true, ended };
      },
      ({ command, isNew, ended }) => {
        for (const older of ended) this.#mailbox.ended(older);
        if (isNew) this.#mailbox.queued(command);
      },
    );
    return toCommand(this.#mailbox.current(command));
  }

  /** Throws `conflict` if the command has ended. */
  async cancelCommand(principal: Principal, id: string): Promise<Command> {
    return this.#database.writer
      .transaction(
        async (tx) => {
          const row = await selectCommand(tx, principal.account_seq, id);
          if (!row) throw unknownCommand(id);
          const state = nextState(row.state, "cancel");
          if (!state)
            throw new Failure("conflict", `command ${id} has ended (${row.state}): only an open one can be cancelled`);
          const ended_at = this.#platform.now();
          const reason = "by an operator";
          await this.#end(tx, row, state, reason, ended_at);
          await record(tx, principal, ended_at, {
            type: "command.cancelled",
            source_id: row.source_id,
            command_id: id,
            data: { command_name: row.command_name, reason },
          });
          return { row, command: toCommand({ ...this.#mailbox.current(row), state, reason, ended_at }) };
        },
        ({ row }) => this.#mailbox.ended(row),
      )
      .then(({ command }) => command);
  }

  /**
   * Ends every open command of a source that is being deleted, within the caller's transaction. Call `forget` with what
   * it returns after the commit.
   */
  async cancelAll(tx: Transaction, principal: Principal, source: SourceRef, reason: string): Promise<CommandRow[]> {
    const now = this.#platform.now();
    const open = await selectOpenCommands(tx, source.seq);
    for (const command of open) await this.#end(tx, command, "cancelled", reason, now);
    await record(
      tx,
      principal,
      now,
      ...open.map((command) => ({
        type: "command.cancelled" as const,
        source_id: source.id,
        command_id: command.id,
        data: { command_name: command.command_name, reason },
      })),
    );
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
        const ended_at = this.#platform.now();
        // Read again: some may have ended while this waited for its turn.
        const past = await selectPastDue(tx, ended_at, PAST_DUE_PER_JOB);
        const changes = past.map((row) => {
          const event = deadlineEvent(row.state as "queued" | "delivered");
          return { row, state: nextState(row.state, event) as "undelivered" | "overdue", reason: event };
        });
        for (const { row, state, reason } of changes) await this.#end(tx, row, state, reason, ended_at);
        await recordOwn(
          tx,
          changes.map(({ row, state }) => ({
            account_seq: row.account_seq,
            at: ended_at,
            type: `command.${state}` as const,
            source_id: row.source_id,
            command_id: row.id,
            data: { command_name: row.command_name },
          })),
        );
        return past;
      },
      (past) => {
        for (const command of past) this.#mailbox.ended(command);
      },
    );
    if (due.length === PAST_DUE_PER_JOB) await this.endPastDue();
  }

  async #take(principal: Principal, source: SourceRef): Promise<Offer | undefined> {
    for (;;) {
      const command = offered(await this.#mailbox.open(source.seq), this.#platform.now());
      if (!command) return undefined;
      const attempt =
        command.state === "queued"
          ? await this.#deliver(principal, source, command)
          : await this.#mailbox.redelivered(command);
      // Ended, or delivered to another poll, since it was read: look again.
      if (attempt !== undefined) return toOffer(command, attempt);
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
      actor: principal.access_key,
      address: principal.address,
    });
    return outcome && 1;
  }

  async #insert(
    tx: Transaction,
    source: SourceRef,
    order: QueueCommandBody,
    {
      idempotency_key,
      order_digest,
      now,
    }: { idempotency_key: string | null; order_digest: string | null; now: number },
  ): Promise<CommandRow> {
    const row = {
      id: this.#platform.newId(),
      account_seq: source.account_seq,
      source_seq: source.seq,
      command_name: order.command_name,
      task_id: order.command_param?.task_id ?? null,
      bucket: order.command_param?.bucket ?? null,
      state: "queued" as const,
      created_at: now,
      deliver_by: order.deliver_by ?? null,
      finish_within_s: order.finish_within_s ?? null,
      due_at: order.deliver_by ?? null,
      idempotency_key,
      order_digest,
    };
    const seq = await insertCommand(tx, row);
    const never = { reason: null, attempts: 0, first_delivered_at: null, last_delivered_at: null, ended_at: null };
    return { ...row, ...never, seq, source_id: source.id };
  }

  async #end(
    tx: Transaction,
    command: CommandRow,
    state: CommandState,
    reason: string,
    ended_at: number,
  ): Promise<void> {
    await endCommand(tx, command.seq, { state, reason, ended_at });
  }
}

function digestOf(result_detail: string): string {
  try {
    return jsonDigest(result_detail);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure("invalid", "result_detail (in the body) is nested too deep");
    throw error;
  }
}
