import { describe, expect, test } from "bun:test";
import { ago, byState, bytes, counted, duration, plain, tone } from "../../src/console/words.ts";

describe("duration", () => {
  const cases: [number, string][] = [
    [0, "0 ms"],
    [-5, "0 ms"],
    [13.4, "13 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [59_999, "59 s"],
    [61_000, "1 min 1 s"],
    [600_000, "10 min"],
    [3_600_000, "1 h"],
    [5_400_000, "1 h 30 min"],
    [90_000_000, "1 d 1 h"],
    [86_400_000 * 400, "400 d"],
  ];
  for (const [ms, text] of cases) test(`${ms} ms is ${text}`, () => expect(duration(ms)).toBe(text));
});

test("an age is told in whole seconds", () => {
  expect(ago(-20)).toBe("now");
  expect(ago(999)).toBe("now");
  expect(ago(12_999)).toBe("12 s ago");
  expect(ago(119_000)).toBe("1 min ago");
});

test("sizes are told in powers of 1024", () => {
  expect([0, 1_023, 1_024, 1_536, 20 * 1024 ** 3, 2 ** 63].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "20 GiB",
    "8192 PiB",
  ]);
});

test("one is not many", () => {
  expect([0, 1, 1_234].map((count) => counted(count, "source"))).toEqual(["0 sources", "1 source", "1,234 sources"]);
});

test("words of the API are read as words, and an unknown one has no colour", () => {
  expect(plain("MIGRATE_SUCCESS")).toBe("migrate success");
  expect([tone("MIGRATE_FAIL"), tone("finished"), tone("unavailable"), tone("RUNNING"), tone("waiting")]).toEqual([
    "bad",
    "good",
    "warn",
    "busy",
    "idle",
  ]);
  expect(tone("constructor")).toBe("idle");
});

test("states come in the order of a migration, what hinders it first", () => {
  const counts = ["finished", "waiting", "replicate", "error"].map((state) => ({ state, count: 1 }));
  expect(byState(counts).map(({ state }) => state)).toEqual(["error", "waiting", "replicate", "finished"]);
});
