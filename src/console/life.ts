import type { InferResponseType } from "hono/client";
import type { Client } from "../client/typed.ts";

export type Command = InferResponseType<Client["operate"]["v1"]["commands"]["$get"]>["items"][number];

export const isOpen = ({ state }: Pick<Command, "state">): boolean => state === "queued" || state === "delivered";

/** The steps of its life, each with the time since the one before. */
export function stepsOf(command: Command): Step[] {
  const { created_at, first_delivered_at, last_delivered_at, attempts, ended_at, state } = command;
  const steps: Step[] = [{ word: "queued", at: created_at }];
  if (first_delivered_at !== null) steps.push({ word: "delivered", at: first_delivered_at });
  if (attempts > 1 && last_delivered_at !== null) {
    steps.push({ word: attempts === 2 ? "again" : `again, ${attempts - 1} times`, at: last_delivered_at });
  }
  if (ended_at !== null) steps.push({ word: state, at: ended_at });
  // The last delivery may be counted after the end: a poll that was on its way.
  return steps.sort((a, b) => a.at - b.at);
}
export interface Step {
  word: string;
  at: number;
}
