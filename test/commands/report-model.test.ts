import { expect, test } from "bun:test";
import fc from "fast-check";
import type { CommandName, ReportKind } from "../../src/core/words.ts";
import { uuidTextInSql } from "../../src/db/uuid.ts";
import { type Ferry, poll, queue, register, report, startFerry } from "../harness.ts";

/*
 * The set-based SQL of polls and reports against the rules of docs/decisions.md, "Commands", written down once more,
 * one at a time and in plain code.
 */

interface ModelCommand {
  id: string;
  name: CommandName;
  task: string | undefined;
  state: "queued" | "delivered" | "succeeded" | "failed" | "cancelled" | "superseded" | "undelivered" | "overdue";
  attempts: number;
  finishWithinMs: number | undefined;
  dueAt: number | undefined;
  result: string | undefined;
}

const isLog = (name: CommandName) => name === "UPLOAD_LOG" || name === "RSET_LOG_ACL";

class Model {
  now = 0;
  lastPolled: CommandName = "START";
  readonly commands: ModelCommand[] = [];
  readonly reports: { kind: ReportKind; command: string | null }[] = [];

  isOpen = (command: ModelCommand) => command.state === "queued" || command.state === "delivered";
  inTime = (command: ModelCommand) => command.dueAt === undefined || command.dueAt > this.now;

  queue(id: string, name: CommandName, task: string | undefined, finishWithinMs: number | undefined) {
    if (!isLog(name)) {
      for (const older of this.commands.filter(this.isOpen)) {
        if (!isLog(older.name) && older.name !== "DELETE" && older.task === task) older.state = "superseded";
      }
    }
    this.commands.push({
      id,
      name,
      task,
      state: "queued",
      attempts: 0,
      finishWithinMs,
      dueAt: undefined,
      result: undefined,
    });
  }

  poll(): { id: string; attempt: number } | undefined {
    const open = this.commands.filter((command) => this.isOpen(command) && this.inTime(command));
    const command = open.find(({ name }) => !isLog(name)) ?? open[0];
    if (!command) return undefined;
    if (command.state === "queued") {
      command.state = "delivered";
      command.dueAt = command.finishWithinMs === undefined ? undefined : this.now + command.finishWithinMs;
    }
    command.attempts += 1;
    this.lastPolled = command.name;
    return { id: command.id, attempt: command.attempts };
  }

  report(name: CommandName, result: "success" | "fail", detail: number, only: string | undefined) {
    const delivered = this.commands.filter((command) => command.attempts > 0 && command.name === name);
    const [matching] = delivered.filter((command) => command.state === "delivered" && this.inTime(command));
    const target = only === undefined ? (matching ?? delivered.at(-1)) : delivered.find(({ id }) => id === only);
    const text = `${result} ${detail}`;
    let kind: ReportKind = "unsolicited";
    if (target?.state === "delivered") kind = this.inTime(target) ? "matched" : "late";
    else if (target?.state === "succeeded" || target?.state === "failed")
      kind = target.result === text ? "repeat" : "unsolicited";
    else if (target) kind = "late";
    if (target && kind === "matched") {
      target.state = result === "success" ? "succeeded" : "failed";
      target.result = text;
    }
    this.reports.push({ kind, command: kind === "unsolicited" ? null : (target?.id ?? null) });
  }

  cancel(index: number): string | undefined {
    const open = this.commands.filter(this.isOpen);
    const command = open[index % Math.max(open.length, 1)];
    if (command) command.state = "cancelled";
    return command?.id;
  }

  endPastDue() {
    for (const command of this.commands.filter(this.isOpen)) if (!this.inTime(command)) command.state = "overdue";
  }
}

const name = fc.constantFrom<CommandName>("START", "STOP", "DELETE", "UPLOAD_LOG");
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("queue" as const),
      name,
      task: fc.constantFrom("a", undefined, undefined),
      finish: fc.constantFrom(undefined, undefined, 1, 3),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("poll" as const) }) },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      // Mostly about the command an agent got last, as real ones are.
      name: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: name }),
      result: fc.constantFrom<"success" | "fail">("success", "success", "fail"),
      detail: fc.constantFrom(0, 0, 1),
      only: fc.option(fc.nat(), { nil: undefined, freq: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), index: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(500, 1_000, 2_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("jobs" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);
const history = fc.array(step, { minLength: 30, maxLength: 60, size: "max" });
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

async function take(ferry: Ferry, source_id: string, model: Model, { ...doing }: Step): Promise<void> {
  model.now = ferry.clock.now();
  switch (doing.do) {
    case "queue": {
      const more = {
        ...(doing.task !== undefined && { command_param: { task_id: doing.task } }),
        ...(doing.finish !== undefined && { finish_within_s: doing.finish }),
      };
      model.queue(
        await queue(ferry, source_id, doing.name, more),
        doing.name,
        doing.task,
        doing.finish && doing.finish * 1_000,
      );
      return;
    }
    case "poll": {
      const { headers } = await poll(ferry, source_id);
      const id = headers.get("x-command-id");
      expect(id === null ? undefined : { id, attempt: Number(headers.get("x-command-attempt")) }).toEqual(
        model.poll() as never,
      );
      return;
    }
    case "report": {
      const only =
        doing.only === undefined
          ? undefined
          : (model.commands[doing.only % Math.max(model.commands.length, 1)]?.id ?? "none");
      const named = doing.name ?? model.lastPolled;
      model.report(named, doing.result, doing.detail, only);
      await report(
        ferry,
        source_id,
        named,
        doing.result,
        { detail: doing.detail },
        only === undefined ? {} : { "x-command-id": only },
      );
      return;
    }
    case "cancel": {
      const id = model.cancel(doing.index);
      if (id !== undefined) await ferry.call("operator", "POST", `/operate/v1/commands/${id}/cancel`);
      return;
    }
    case "wait":
      return ferry.clock.advance(doing.ms);
    case "jobs":
      model.endPastDue();
      return ferry.runJobs();
    case "restart":
      // A crash may lose later deliveries that were only counted; the file has what jobs have written.
      await ferry.runJobs();
      model.endPastDue();
      return ferry.restart();
  }
}

test("any history ends as the rules say, two sources at a time", async () => {
  await fc.assert(
    fc.asyncProperty(history, history, async (stepsA, stepsB) => {
      const ferry = await startFerry();
      try {
        const sides = [
          { source_id: await register(ferry, "a"), model: new Model(), steps: stepsA },
          { source_id: await register(ferry, "b"), model: new Model(), steps: stepsB },
        ];
        for (let turn = 0; turn < Math.max(stepsA.length, stepsB.length); turn += 1) {
          const both = sides.flatMap(({ steps, ...side }) => {
            const next = steps[turn];
            return next ? [{ ...side, step: next }] : [];
          });
          // What moves the clock or the process moves both; the rest of a turn goes out together, in one group.
          const isShared = ({ step: { do: doing } }: (typeof both)[number]) =>
            doing === "wait" || doing === "jobs" || doing === "restart";
          await Promise.all(
            both.filter((one) => !isShared(one)).map((one) => take(ferry, one.source_id, one.model, one.step)),
          );
          for (const one of both.filter(isShared)) {
            for (const { model } of sides) {
              model.now = ferry.clock.now();
              if (one.step.do !== "wait") model.endPastDue();
            }
            await take(ferry, one.source_id, one.model, one.step);
          }
        }
        for (const { source_id, model } of sides) {
          const reports = await ferry.rows(
            `SELECT r.kind, ${uuidTextInSql("c.id")} AS command FROM results r JOIN sources s ON s.seq = r.source_seq LEFT JOIN commands c ON c.seq = r.command_seq WHERE s.id = ? ORDER BY r.seq`,
            source_id,
          );
          expect(reports).toEqual(model.reports);
          const commands = await ferry.rows(
            `SELECT ${uuidTextInSql("c.id")} AS id, c.state FROM commands c JOIN sources s ON s.seq = c.source_seq WHERE s.id = ? ORDER BY c.seq`,
            source_id,
          );
          expect(commands).toEqual(model.commands.map(({ id, state }) => ({ id, state })));
        }
        const [count] = await ferry.rows(
          "SELECT (SELECT count(*) FROM results) AS results, (SELECT count(*) FROM events WHERE type = 'command.reported') AS events",
        );
        expect(count?.events).toBe(count?.results);
      } finally {
        await ferry.stop();
      }
    }),
    { numRuns: Number(process.env.FERRY_MODEL_RUNS ?? 15), endOnFailure: false },
  );
}, 120_000);
