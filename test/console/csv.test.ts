import { expect, test } from "bun:test";
import { asCsv } from "../../src/console/csv.ts";

test("cells are quoted where they must be, and none begins a formula", () => {
  const rows = [
    { name: 'a "b", c', reason: "two\nlines", count: 3, none: null },
    { name: "=HYPERLINK(1)", reason: "-1+1", count: 0, none: undefined },
  ];
  expect(asCsv(rows)).toBe('name,reason,count,none\r\n"a ""b"", c","two\nlines",3,\r\n\'=HYPERLINK(1),\'-1+1,0,\r\n');
});
