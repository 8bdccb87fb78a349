import { describe, expect, test } from "bun:test";
import { type CommandEvent, deadlineEvent, nextState, transitions } from "../../src/commands/lifecycle.ts";
import { type CommandState, commandStates } from "../../src/core/words.ts";

const events: CommandEvent[] = [
  "delivered",
  "success",
  "fail",
  "cancel",
  "supersede",
  "deliver_by_passed",
  "finish_within_passed",
];

/** The whole table once more, row by row: what each state becomes; "-" where the event means nothing there. */
const table: Record<CommandState, (CommandState | "-")[]> = {
  queued: ["delivered", "-", "-", "cancelled", "superseded", "undelivered", "-"],
  delivered: ["-", "succeeded", "failed", "cancelled", "superseded", "-", "overdue"],
  succeeded: ["-", "-", "-", "-", "-", "-", "-"],
  failed: ["-", "-", "-", "-", "-", "-", "-"],
  cancelled: ["-", "-", "-", "-", "-", "-", "-"],
  superseded: ["-", "-", "-", "-", "-", "-", "-"],
  undelivered: ["-", "-", "-", "-", "-", "-", "-"],
  overdue: ["-", "-", "-", "-", "-", "-", "-"],
};

describe("the life of a command", () => {
  test.each(commandStates.map((state) => [state]))("from %s", (state) => {
    expect(events.map((event) => nextState(state, event) ?? "-")).toEqual(table[state]);
  });

  test("no transition is there twice, and every state can be reached", () => {
    const keys = transitions.map(({ from, event }) => `${from} ${event}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(["queued", ...transitions.map(({ to }) => to)]).size).toBe(commandStates.length);
  });

  test("a deadline means what the state makes of it, and always ends the command", () => {
    for (const state of ["queued", "delivered"] as const) expect(nextState(state, deadlineEvent(state))).toBeDefined();
  });
});
