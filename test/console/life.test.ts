import { expect, test } from "bun:test";
import { type Command, isOpen, stepsOf } from "../../src/console/life.ts";

const command: Command = {
  id: "c",
  source_id: "s",
  source_name: "web-1",
  command_name: "START",
  command_param: {},
  state: "queued",
  reason: null,
  attempts: 0,
  created_at: 1_000,
  first_delivered_at: null,
  last_delivered_at: null,
  deliver_by: null,
  finish_within_s: null,
  ended_at: null,
  idempotency_key: null,
};
const words = (more: Partial<Command>) => stepsOf({ ...command, ...more }).map(({ word, at }) => `${word} ${at}`);

test("a command's life is told step by step", () => {
  expect(words({})).toEqual(["queued 1000"]);
  const delivered = { state: "delivered", attempts: 1, first_delivered_at: 2_000, last_delivered_at: 2_000 } as const;
  expect(words(delivered)).toEqual(["queued 1000", "delivered 2000"]);
  const again = { ...delivered, attempts: 3, last_delivered_at: 5_000 };
  expect(words(again)).toEqual(["queued 1000", "delivered 2000", "again, 2 times 5000"]);
  expect(words({ ...again, state: "succeeded", ended_at: 6_000 }).at(-1)).toBe("succeeded 6000");
  expect(words({ state: "undelivered", ended_at: 9_000 })).toEqual(["queued 1000", "undelivered 9000"]);
});

test("a delivery that was counted after the end stands after it", () => {
  const life = {
    state: "succeeded",
    attempts: 2,
    first_delivered_at: 2_000,
    last_delivered_at: 8_000,
    ended_at: 7_000,
  };
  expect(words(life as Partial<Command>)).toEqual(["queued 1000", "delivered 2000", "succeeded 7000", "again 8000"]);
});

test("open is what an agent may still be offered", () => {
  expect((["queued", "delivered", "succeeded", "overdue"] as const).filter((state) => isOpen({ state }))).toEqual([
    "queued",
    "delivered",
  ]);
});
