import type { CommandState, ReportResult } from "../core/words.ts";

export type CommandEvent =
  | "delivered"
  | ReportResult
  | "cancel"
  | "supersede"
  | "deliver_by_passed"
  | "finish_within_passed";

/** Every change of state there is: a command is open while it is queued or delivered, and ends once. */
export const transitions: readonly { from: "queued" | "delivered"; event: CommandEvent; to: CommandState }[] = [
  { from: "queued", event: "delivered", to: "delivered" },
  { from: "delivered", event: "success", to: "succeeded" },
  { from: "delivered", event: "fail", to: "failed" },
  { from: "queued", event: "cancel", to: "cancelled" },
  { from: "delivered", event: "cancel", to: "cancelled" },
  { from: "queued", event: "supersede", to: "superseded" },
  { from: "delivered", event: "supersede", to: "superseded" },
  { from: "queued", event: "deliver_by_passed", to: "undelivered" },
  { from: "delivered", event: "finish_within_passed", to: "overdue" },
];

/** The state after the event; undefined if a command in that state does not take it. */
export function nextState(from: CommandState, event: CommandEvent): CommandState | undefined {
  return transitions.find((transition) => transition.from === from && transition.event === event)?.to;
}

/** What the passing of an open command's deadline means, by the state it is in. */
export function deadlineEvent(state: CommandState): CommandEvent {
  return state === "queued" ? "deliver_by_passed" : "finish_within_passed";
}
