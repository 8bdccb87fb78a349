import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { MOST_LOOKED_AT } from "../../src/db/walk.ts";
import { type Ferry, register, startFerry } from "../harness.ts";

/*
 * Lists over more rows than a page looks at, with times that do not rise with the rows, as where a clock was set back:
 * whatever the filters, the pages together hold every row that matches, once, in order.
 */

const ROWS = 3 * MOST_LOOKED_AT;
const START = Date.UTC(2030, 0, 1);

interface Row {
  seq: number;
  source: string;
  at: number;
  command_name: string;
  state: string;
  result: string;
  kind: string;
  type: string;
}

let ferry: Ferry;
let rows: Row[];
beforeAll(async () => {
  ferry = await startFerry();
  const sources = [await register(ferry, "web-1"), await register(ferry, "web-2")];
  const pick = <Value>(list: readonly Value[], seq: number) => list[((seq * 7919) % 104729) % list.length] as Value;
  rows = Array.from({ length: ROWS }, (_, index) => ({
    seq: index + 1,
    source: pick(sources, index),
    // Three times it goes back, and many rows share a millisecond.
    at: START + Math.floor((index % 2_500) / 3) + Math.floor(index / 2_500) * 100,
    command_name: index % 1_500 === 700 ? "SKIP" : pick(["START", "STOP", "SYNC"], index),
    state: index % 97 === 0 ? "failed" : index % 1_999 === 5 ? "queued" : "succeeded",
    result: index % 97 === 0 ? "fail" : "success",
    kind: index % 401 === 0 ? "late" : "matched",
    type: index % 701 === 0 ? "task.moved" : pick(["command.queued", "command.delivered"], index),
  }));
  const json = JSON.stringify(rows);
  const value = (name: string) => `value ->> '${name}'`;
  const source_seq = `(SELECT seq FROM sources WHERE id = ${value("source")})`;
  const id = `unhex(printf('000000000000700080%014x', ${value("seq")}))`;
  for (const sql of [
    `INSERT INTO commands (seq, id, account_seq, source_seq, command_name, state, created_at, ended_at)
      SELECT ${value("seq")}, ${id}, 1, ${source_seq}, ${value("command_name")}, ${value("state")}, ${value("at")},
        iif(${value("state")} = 'queued', NULL, 1) FROM json_each(?)`,
    `INSERT INTO results (seq, id, account_seq, source_seq, command_seq, command_name, result, result_detail, kind, received_at)
      SELECT ${value("seq")}, ${id}, 1, ${source_seq}, ${value("seq")}, ${value("command_name")}, ${value("result")}, '{}',
        ${value("kind")}, ${value("at")} FROM json_each(?)`,
    "DELETE FROM events",
    `INSERT INTO events (seq, account_seq, at, type, source_seq, command_seq)
      SELECT ${value("seq")}, 1, ${value("at")}, ${value("type")}, ${source_seq}, ${value("seq")} FROM json_each(?)`,
  ]) {
    await ferry.database.client.execute({ sql, args: sql.includes("?") ? [json] : [] });
  }
});
afterAll(() => ferry.stop());

interface Pages {
  seqs: number[];
  lengths: number[];
}

/** A list from its first page to its last. */
async function allPages(list: string, query: string, cursor = ""): Promise<Pages> {
  const pages: Pages = { seqs: [], lengths: [] };
  for (let next: string | null = cursor; next !== null; ) {
    const { status, json } = await ferry.call(
      "viewer",
      "GET",
      `/operate/v1/${list}?limit=300${query}${next && `&cursor=${next}`}`,
    );
    expect([query, status]).toEqual([query, 200]);
    // A command's and a report's id ends with its key here.
    const seqs = json.items.map((item: { id: string | number }) =>
      Number.parseInt(String(item.id).slice(-12), typeof item.id === "number" ? 10 : 16),
    );
    pages.seqs.push(...seqs);
    pages.lengths.push(seqs.length);
    next = json.next_cursor;
  }
  return pages;
}

const LATE = START + 120;
const EARLY = START + 60;
const byTime = (a: Row, b: Row) => a.at - b.at || a.seq - b.seq;
const bySeq = (a: Row, b: Row) => a.seq - b.seq;
type Filter = [list: string, query: string, matches: (row: Row) => boolean, order: (a: Row, b: Row) => number];

const filters: Filter[] = [
  ["commands", "", () => true, byTime],
  ["commands", "&command_name=SKIP", (row) => row.command_name === "SKIP", byTime],
  ["commands", "&state=failed", (row) => row.state === "failed", byTime],
  ["commands", "&state=queued", (row) => row.state === "queued", byTime],
  [
    "commands",
    "&state=failed&command_name=SYNC",
    (row) => row.state === "failed" && row.command_name === "SYNC",
    byTime,
  ],
  ["commands", `&since=${EARLY}&until=${LATE}`, (row) => row.at >= EARLY && row.at < LATE, byTime],
  ["commands", `&since=${LATE}&command_name=SKIP`, (row) => row.at >= LATE && row.command_name === "SKIP", byTime],
  ["commands", "&source_id=SOURCE", (row) => row.source === "SOURCE", bySeq],
  [
    "commands",
    "&source_id=SOURCE&command_name=SKIP",
    (row) => row.source === "SOURCE" && row.command_name === "SKIP",
    bySeq,
  ],
  [
    "commands",
    `&source_id=SOURCE&state=failed&until=${LATE}`,
    (row) => row.source === "SOURCE" && row.state === "failed" && row.at < LATE,
    bySeq,
  ],
  ["results", "", () => true, byTime],
  ["results", "&result=fail", (row) => row.result === "fail", byTime],
  ["results", "&kind=late", (row) => row.kind === "late", byTime],
  ["results", "&kind=late&result=fail", (row) => row.kind === "late" && row.result === "fail", byTime],
  [
    "results",
    `&kind=matched&command_name=SKIP&until=${LATE + 200}`,
    (row) => row.kind === "matched" && row.command_name === "SKIP" && row.at < LATE + 200,
    byTime,
  ],
  ["results", `&result=fail&since=${EARLY}`, (row) => row.result === "fail" && row.at >= EARLY, byTime],
  ["results", "&source_id=SOURCE&kind=late", (row) => row.source === "SOURCE" && row.kind === "late", bySeq],
  ["events", "", () => true, byTime],
  ["events", "&type=task.moved", (row) => row.type === "task.moved", byTime],
  [
    "events",
    `&type=command.queued&since=${EARLY}&until=${LATE}`,
    (row) => row.type === "command.queued" && row.at >= EARLY && row.at < LATE,
    byTime,
  ],
  [
    "events",
    `&source_id=SOURCE&type=task.moved&since=${LATE}`,
    (row) => row.source === "SOURCE" && row.type === "task.moved" && row.at >= LATE,
    bySeq,
  ],
];

describe.each(["newest", "oldest"])("a long history, %s first", (order) => {
  test.each(filters)("%s%s", async (list, query, matches, inOrder) => {
    const [{ source = "" } = {}] = rows;
    const found = rows.filter((row) => matches({ ...row, source: row.source === source ? "SOURCE" : row.source }));
    const expected = found.sort(inOrder).map(({ seq }) => seq);
    const pages = await allPages(list, `${query.replace("SOURCE", source)}&order=${order}`);
    expect(pages.seqs).toEqual(order === "newest" ? expected.toReversed() : expected);
    expect(expected.length).toBeGreaterThan(0);
    // Neither more pages than it takes to look at everything, nor fewer than a page may hold.
    expect(pages.lengths.length).toBeLessThanOrEqual(ROWS / MOST_LOOKED_AT + expected.length / 300 + 1);
  });
});

test("a page ends where it has looked at enough, also without an item", async () => {
  const { lengths } = await allPages("commands", "&command_name=SKIP&state=succeeded&since=1");
  expect(lengths).toHaveLength(4);
  expect(lengths.at(-1)).toBe(0);
  const { seqs } = await allPages("results", "&command_name=DELETE");
  expect(seqs).toEqual([]);
});

test("behind the id of an event there is what was written after it, whatever its time", async () => {
  const last = ROWS - 2_600;
  const { seqs } = await allPages("events", "&order=oldest", String(last));
  expect(seqs).toEqual(rows.slice(last).map(({ seq }) => seq));
  const moved = await allPages("events", "&order=oldest&type=task.moved", String(last));
  expect(moved.seqs).toEqual(rows.slice(last).flatMap(({ seq, type }) => (type === "task.moved" ? [seq] : [])));
});

test.each([
  ["commands", "cursor=5"],
  ["results", "cursor=5&result=fail"],
  ["commands", "cursor=1-5&source_id=SOURCE"],
  ["results", "cursor=1-5&source_id=SOURCE"],
  ["events", "cursor=1-5&source_id=SOURCE"],
  ["events", "cursor=1-5-"],
  ["events", "cursor=-5"],
])("%s refuses a cursor of a list in another order: %s", async (list, query) => {
  const { status, json } = await ferry.call("viewer", "GET", `/operate/v1/${list}?${query}`);
  expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
  expect(json.error_msg).toContain("takes the next_cursor of an earlier page");
});

test("a stream goes on through stretches without an item", async () => {
  const { text } = await ferry.call("viewer", "GET", "/operate/v1/results?command_name=SKIP&kind=matched", {
    headers: { accept: "application/x-ndjson" },
  });
  expect(text.trimEnd().split("\n")).toHaveLength(
    rows.filter(({ command_name, kind }) => command_name === "SKIP" && kind === "matched").length,
  );
});
