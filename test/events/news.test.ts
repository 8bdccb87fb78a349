import { beforeEach, describe, expect, test } from "bun:test";
import type { Database } from "../../src/db/database.ts";
import { News } from "../../src/events/news.ts";

/* When streams look, by a clock to turn: over a database that only counts. */

const NEVER = 1_000_000;

let now: number;
let timers: { at: number; work: () => void }[];
let looks: number[];
let highest: number;
let fails: boolean;
let written: () => void;
beforeEach(() => {
  now = 0;
  timers = [];
  looks = [];
  highest = 5;
  fails = false;
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

async function advance(ms: number): Promise<void> {
  const until = now + ms;
  for (;;) {
    const [next] = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
    if (!next) break;
    timers = timers.filter((other) => other !== next);
    now = next.at;
    next.work();
    await settle();
  }
  now = until;
  await settle();
}

function newsOf(exclusive: boolean): News {
  const all = async () => {
    looks.push(now);
    if (fails) throw new Error("gone");
    return [{ seq: highest }];
  };
  const afterEachWrite = (work: () => void) => {
    written = work;
  };
  const database = { exclusive, reader: { all }, writer: { afterEachWrite } } as unknown as Database;
  const after = (ms: number, work: () => void) => {
    const timer = { at: now + ms, work };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  return new News({ after }, database);
}

function write(): void {
  highest += 1;
  written();
}

/** Waits, and tells whether it still does. */
function waits(news: News, position: number, signal = new AbortController().signal) {
  const state = { isOver: false };
  news.until(position, NEVER, signal).then(() => {
    state.isOver = true;
  });
  return state;
}

describe("where this process alone writes", () => {
  test("nothing is looked for while nothing is written", async () => {
    const news = newsOf(true);
    await news.look();
    const waiting = waits(news, 5);
    await advance(60_000);
    expect([looks, waiting.isOver]).toEqual([[0], false]);
  });

  test("nor while nobody waits; who comes then is told of what was written before", async () => {
    const news = newsOf(true);
    await news.look();
    write();
    await advance(60_000);
    expect([looks, timers.length]).toEqual([[0], 0]);
    const waiting = waits(news, 5);
    await advance(100);
    expect([looks, waiting.isOver]).toEqual([[0, 60_100], true]);
  });

  test("a flood is a look every 100 ms, and none of them is put off", async () => {
    const news = newsOf(true);
    await news.look();
    waits(news, NEVER);
    for (let round = 0; round < 100; round += 1) {
      write();
      await advance(10);
    }
    expect(looks.length).toBeWithin(9, 13);
  });

  test("a write that brought no event wakes nobody", async () => {
    const news = newsOf(true);
    await news.look();
    const waiting = waits(news, 5);
    written();
    await advance(200);
    expect([looks.length, waiting.isOver]).toEqual([2, false]);
  });

  test("what was written while a look was taken is looked for again", async () => {
    const news = newsOf(true);
    await news.look();
    const waiting = waits(news, 6);
    write();
    const look = news.look();
    write();
    await look;
    await advance(100);
    expect(waiting.isOver).toBe(true);
  });

  test("a look that fails is taken again, a second later", async () => {
    const news = newsOf(true);
    await news.look();
    const waiting = waits(news, 5);
    fails = true;
    write();
    await advance(100);
    fails = false;
    await advance(999);
    expect(waiting.isOver).toBe(false);
    await advance(1);
    expect([looks, waiting.isOver]).toEqual([[0, 100, 1_100], true]);
  });
});

describe("where other processes write too", () => {
  test("one look a second for all that wait, sooner after a write of this one", async () => {
    const news = newsOf(false);
    await news.look();
    const all = [waits(news, 5), waits(news, 5), waits(news, 7)];
    highest = 6;
    await advance(1_000);
    expect([looks, all.map(({ isOver }) => isOver)]).toEqual([
      [0, 1_000],
      [true, true, false],
    ]);
    highest = 7;
    write();
    await advance(100);
    expect([looks.at(-1), all[2]?.isOver]).toEqual([1_100, true]);
  });

  test("none once nobody waits any more", async () => {
    const news = newsOf(false);
    await news.look();
    const gone = new AbortController();
    const waiting = waits(news, 5, gone.signal);
    await advance(2_500);
    gone.abort();
    await settle();
    expect([waiting.isOver, timers.length]).toEqual([true, 0]);
    await advance(60_000);
    expect(looks).toEqual([0, 1_000, 2_000]);
  });
});

test("nobody waits for what is there, after the time is over, once the signal has come, or once it is closed", async () => {
  const news = newsOf(true);
  await news.look();
  const signal = new AbortController().signal;
  await news.until(4, NEVER, signal);
  await news.until(5, 0, signal);
  await news.until(5, NEVER, AbortSignal.abort());
  const waiting = waits(news, 5);
  news.close();
  await settle();
  expect([waiting.isOver, timers.length]).toEqual([true, 0]);
  await news.until(5, NEVER, signal);
});
