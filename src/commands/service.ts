import type { Credentials } from "../access/credentials.ts";
import type { Principal } from "../auth/principal.ts";
import { after } from "../core/after.ts";
import { jsonDigest } from "../core/exact-json.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { type Group, type GroupPlan, runAlone } from "../db/writer.ts";
import type { SourceRef, Sources } from "../sources/service.ts";
import { errorOfDetail } from "../tasks/error-json.ts";
import type { TaskMoves } from "../tasks/moves.ts";
import { type DeliveryOutcome, type DeliveryRow, deliveryGroup } from "./delivery-group.ts";
import { type Mailbox, readAnew, type Waiting, type Watch } from "./mailbox.ts";
import { offered } from "./queue.ts";
import { idle, type Offer, toOffer } from "./replies.ts";
import { type ReportOutcome, type ReportRow, reportGroup } from "./report-group.ts";
import type { CommandBody } from "./schema.ts";
import { type CommandRow, selectCommandBySeq } from "./store.ts";
import type { Traffic } from "./traffic.ts";

/** So often a poll goes after a command that turns out to be gone. */
const MOST_MISSES = 8;
/** Hex digits of a report's digest: enough to tell two reports on one command apart. */
const DIGEST_LENGTH = 24;

/** The agent's side: the poll and the report. */
export class Commands {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #sources: Sources;
  readonly #moves: TaskMoves;
  readonly #mailbox: Mailbox;
  readonly #traffic: Traffic;
  readonly #deliveryPlan: GroupPlan<DeliveryRow, DeliveryOutcome>;
  readonly #reportPlan: GroupPlan<ReportRow, ReportOutcome>;
  readonly #deliveries: Group<DeliveryRow, DeliveryOutcome>;
  readonly #reports: Group<ReportRow, ReportOutcome>;

  constructor(
    platform: Platform,
    database: Database,
    credentials: Credentials,
    sources: Sources,
    moves: TaskMoves,
    mailbox: Mailbox,
    traffic: Traffic,
  ) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#sources = sources;
    this.#moves = moves;
    this.#mailbox = mailbox;
    this.#traffic = traffic;
    this.#deliveryPlan = deliveryGroup((outcomes, rows) => {
      outcomes.forEach((outcome, index) => {
        const row = rows[index];
        if (outcome && row) mailbox.delivered(row, row.at, outcome.due_at);
      });
    });
    this.#reportPlan = reportGroup(database, (outcomes, rows) => {
      outcomes.forEach(({ kind, command_seq }, index) => {
        const row = rows[index];
        if (kind === "matched" && command_seq !== null && row)
          mailbox.ended({ seq: command_seq, source_seq: row.source_seq });
      });
    });
    const lost = (rows: readonly { source_seq: number }[]) => readAnew(mailbox, rows);
    this.#deliveries = database.writer.group({ ...this.#deliveryPlan, lost });
    this.#reports = database.writer.group({ ...this.#reportPlan, lost });
  }

  /**
   * The command a source's agent is to carry out, offered again until it ends; its first delivery is on disk before
   * this resolves. Waits up to `waitMs` for one to be queued, or until `caller` is gone. Throws `notFound` for an
   * unknown source.
   */
  showCommand(
    principal: Principal,
    server_id: string,
    waitMs: number,
    caller: { readonly signal: AbortSignal },
  ): Offer | Promise<Offer> {
    return after(this.#mailbox.look(principal, server_id), (waiting) => {
      const now = this.#sources.presence.touch(waiting.source.seq, waiting.seen_at);
      // Nearly every poll ends here. Of what is behind it, the runtime makes a signal only for who asks for one.
      if (waiting.open.length === 0 && waitMs === 0) {
        this.#traffic.polled(waiting.source.account_seq, now);
        return idle(waiting.task);
      }
      return this.#answer(principal, waiting, waitMs, caller.signal);
    });
  }

  async #answer(principal: Principal, waiting: Waiting, waitMs: number, signal: AbortSignal): Promise<Offer> {
    const offer = await this.#offer(principal, waiting, waitMs, signal);
    if (!signal.aborted) this.#traffic.polled(waiting.source.account_seq, this.#platform.now());
    return offer;
  }

  async #offer(principal: Principal, waiting: Waiting, waitMs: number, signal: AbortSignal): Promise<Offer> {
    if (signal.aborted) return idle(null);
    const offer = await this.#take(principal, waiting);
    if (offer) return offer;
    return waitMs === 0 ? idle(waiting.task) : this.#wait(principal, waiting.source, waitMs, signal);
  }

  async #wait(principal: Principal, { id, seq }: SourceRef, waitMs: number, signal: AbortSignal): Promise<Offer> {
    let watch: Watch | undefined;
    let isOver = signal.aborted;
    // Not by comparing times: a clock that is set back must not prolong the wait.
    const end = () => {
      isOver = true;
      watch?.stop();
    };
    const callOff = this.#platform.after(waitMs, end);
    signal.addEventListener("abort", end, { once: true });
    try {
      for (;;) {
        watch = isOver ? undefined : this.#mailbox.watch(seq);
        // Nobody is there to carry the command out: it must not count as delivered.
        if (signal.aborted) return idle(null);
        // Found anew each time: it may have been deleted while this waited.
        const waiting = await this.#mailbox.look(principal, id);
        const offer = await this.#take(principal, waiting);
        if (offer) return offer;
        if (!watch) return idle(waiting.task);
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
    const { source, seen_at, open, task } = await this.#mailbox.look(principal, server_id);
    this.#sources.presence.touch(source.seq, seen_at);
    const row: ReportRow = {
      ...report,
      id: this.#platform.newId(),
      account_seq: source.account_seq,
      source_seq: source.seq,
      digest: digestOf(report.result_detail),
      received_at: this.#platform.now(),
      actor: principal.actor,
      address: principal.address,
    };
    const isOfTask =
      task !== null &&
      open.some(({ task_id, command_name }) => task_id === task.id && command_name === row.command_name);
    const outcome = await (isOfTask ? this.#reportOfTask(principal, source, row) : this.#reports.add(row));
    this.#traffic.reported(source.account_seq, row.received_at);
    return outcome;
  }

  /** A report that may move the source's task: all of it in one commit. */
  #reportOfTask(principal: Principal, source: SourceRef, row: ReportRow): Promise<ReportOutcome> {
    return this.#database.writer.transaction(
      async (tx) => {
        const outcome = await runAlone(tx, this.#reportPlan, row);
        const command = outcome.kind === "matched" && (await selectCommandBySeq(tx, outcome.command_seq ?? 0));
        const task = command && (await this.#moves.ofSource(tx, source.seq));
        if (task && task.id === command.task_id) {
          const error = errorOfDetail(row.result_detail);
          await this.#moves.commandEnded(tx, principal, task, command.command_name, row.result, error);
        }
        return outcome;
      },
      (outcome) => {
        this.#reportPlan.committed?.([outcome], [row]);
        this.#moves.current.changed(source.seq);
      },
    );
  }

  async #take(principal: Principal, found: Waiting): Promise<Offer | undefined> {
    let waiting = found;
    for (let misses = 0; misses < MOST_MISSES; misses += 1) {
      const command = offered(waiting.open, this.#platform.now());
      if (!command) return undefined;
      const attempt =
        command.state === "queued"
          ? await this.#deliver(principal, waiting, command)
          : await this.#mailbox.redelivered(command);
      if (attempt !== undefined) return toOffer(command, attempt);
      // Ended, or delivered to another poll, since it was read: look again. Missed twice, memory is wrong about it.
      if (misses > 0) await this.#mailbox.refresh(waiting.source.seq);
      waiting = await this.#mailbox.look(principal, waiting.source.id);
    }
    // What is read lags behind what is written, as it does over a replica: the agent asks again.
    return undefined;
  }

  async #deliver(principal: Principal, { source, task }: Waiting, command: CommandRow): Promise<number | undefined> {
    const row: DeliveryRow = {
      seq: command.seq,
      account_seq: source.account_seq,
      source_seq: source.seq,
      at: this.#platform.now(),
      actor: principal.actor,
      address: principal.address,
    };
    const startsTask = task !== null && task.id === command.task_id && task.state === "READY";
    const outcome = await (startsTask ? this.#handOut(principal, source, command, row) : this.#deliveries.add(row));
    return outcome && 1;
  }

  /** The first command of a task that waited for its agent: the task runs from now on. */
  #handOut(principal: Principal, source: SourceRef, command: CommandRow, row: DeliveryRow): Promise<DeliveryOutcome> {
    return this.#database.writer.transaction(
      async (tx) => {
        const outcome = await runAlone(tx, this.#deliveryPlan, row);
        const task = outcome && (await this.#moves.ofSource(tx, source.seq));
        if (task) await this.#moves.handedOut(tx, principal, task, command.command_name);
        return outcome;
      },
      (outcome) => {
        this.#deliveryPlan.committed?.([outcome], [row]);
        this.#moves.current.changed(source.seq);
      },
    );
  }
}

function digestOf(result_detail: string): string {
  try {
    return jsonDigest(result_detail).slice(0, DIGEST_LENGTH);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure("invalid", "result_detail (in the body) is nested too deep");
    throw error;
  }
}
