import { expect, test } from "bun:test";
import { allPages } from "../../src/cli/list.ts";

const pages: Record<string, { items: number[]; next_cursor: string | null }> = {
  first: { items: [1], next_cursor: "a" },
  a: { items: [], next_cursor: "b" },
  b: { items: [], next_cursor: "c" },
  c: { items: [2, 3], next_cursor: "d" },
  d: { items: [], next_cursor: null },
};
const from = async (cursor = "first") => pages[cursor] ?? { items: [], next_cursor: null };

test("a list goes on through pages without an item, until its limit or its end", async () => {
  expect(await allPages(from, 100)).toEqual({ items: [1, 2, 3], hasMore: false });
  expect(await allPages(from, 2)).toEqual({ items: [1, 2], hasMore: true });
  expect(await allPages(from, 1)).toEqual({ items: [1], hasMore: true });
});
