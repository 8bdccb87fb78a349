import { describe, expect, test } from "bun:test";
import { Lines, printedObject, Tail } from "../../src/agent/output.ts";
import { minimalReport, type Report, reportBody } from "../../src/agent/report.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function tailOf(keep: number, chunks: readonly string[]): Tail {
  const tail = new Tail(keep);
  for (const chunk of chunks) tail.add(bytes(chunk));
  return tail;
}

describe("the end of a stream", () => {
  test("is the same however the stream is cut", () => {
    const text = Array.from({ length: 500 }, (_, place) => `${place},`).join("");
    for (const size of [1, 2, 7, 15, 16, 17, 31, 32, 33, 100, text.length]) {
      const chunks = text.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
      expect({ size, text: tailOf(16, chunks).text() }).toEqual({ size, text: text.slice(-16) });
    }
  });

  test.each([
    [["1234567890123456"], true],
    [["12345678", "90123456"], true],
    [["12345678", "901234567"], false],
    [["12345678901234567"], false],
    [["x".repeat(40), "1"], false],
  ])("knows whether it is all of it: %p", (chunks, isWhole) => {
    expect(tailOf(16, chunks).isWhole).toBe(isWhole);
  });

  test("does not begin in the middle of a character", () => {
    const text = "\u{1f980}".repeat(10);
    for (let keep = 4; keep < 12; keep += 1) {
      expect(tailOf(keep, [text]).text()).toBe("\u{1f980}".repeat(Math.floor(keep / 4)));
      expect(tailOf(64, [text]).text(keep)).toBe("\u{1f980}".repeat(Math.floor(keep / 4)));
    }
  });
});

describe("the object a hook prints", () => {
  test.each([
    ["all of it", '{"a":1}', '{"a":1}'],
    [
      "over several lines",
      '\n{\n "a": 1.0,\n "b": 12345678901234567890\n}\n\n',
      '{\n "a": 1.0,\n "b": 12345678901234567890\n}',
    ],
    ["the last line", 'copying\n{"a":0}\r\n{"a":1}\r\n', '{"a":1}'],
    ["an empty one", "{}", "{}"],
    ["none: no JSON", "done", undefined],
    ["none: a list", "[1]", undefined],
    ["none: a number", "1", undefined],
    ["none: half of one", '{"a":', undefined],
    ["none: two on a line", '{"a":1} {"b":2}', undefined],
    ["none: not the last line", '{"a":1}\ndone\n', undefined],
    ["none: nothing", "", undefined],
  ])("%s", (_what, output, printed) => {
    expect(printedObject(tailOf(1000, [output]))).toBe(printed);
  });

  test("is found behind more output than is kept, and not taken from the middle of a line", () => {
    expect(printedObject(tailOf(32, ["x".repeat(100), '\n{"a":1}\n']))).toBe('{"a":1}');
    expect(printedObject(tailOf(8, ['{"long":{"a":1}', "}"]))).toBeUndefined();
    expect(printedObject(tailOf(7, ['x{"a":1}']))).toBeUndefined();
  });
});

describe("a stream's lines", () => {
  function linesOf(chunks: readonly (string | Uint8Array)[]): string[] {
    const found: string[] = [];
    const lines = new Lines((line) => found.push(line));
    for (const chunk of chunks) lines.add(typeof chunk === "string" ? bytes(chunk) : chunk);
    lines.end();
    return found;
  }

  test("come whole, however they are cut", () => {
    expect(linesOf(["on", "e\ntwo\r\n", "\n 10%\r 20%\rlast"])).toEqual(["one", "two", " 10%", " 20%", "last"]);
    const crab = bytes("\u{1f980}\n");
    expect(linesOf([crab.subarray(0, 2), crab.subarray(2)])).toEqual(["\u{1f980}"]);
  });

  test("are cut where they never end", () => {
    const found = linesOf(Array.from({ length: 100 }, () => "x".repeat(1000)));
    expect(found.join("")).toBe("x".repeat(100_000));
    expect(Math.max(...found.map((line) => line.length))).toBeLessThanOrEqual(4096);
  });
});

describe("a report's body", () => {
  const facts = { attempt: 2, exit_code: 1, output_tail: "out", error_tail: "err" };

  test.each([
    ['{"big":12345678901234567890,"one":1.0}', '{"big":12345678901234567890,"one":1.0,"ferry_agent":{"attempt":2}}'],
    [' { "a" : [ ] } ', '{"a" : [ ],"ferry_agent":{"attempt":2}}'],
    ["{}", '{"ferry_agent":{"attempt":2}}'],
    ["{ \n}", '{"ferry_agent":{"attempt":2}}'],
    [undefined, '{"ferry_agent":{"attempt":2}}'],
  ])("keeps the text of %p", (printed, detail) => {
    expect(reportBody("START", { result: "success", printed, facts: { attempt: 2 } })).toBe(
      `{"command_name":"START","result":"success","result_detail":${detail}}`,
    );
  });

  test("the minimal one says why it is one, and nothing else that could be refused", () => {
    const report: Report = { result: "fail", printed: '{"a":1}', facts };
    expect(JSON.parse(reportBody("STOP", minimalReport(report, "too deep")))).toEqual({
      command_name: "STOP",
      result: "fail",
      result_detail: { ferry_agent: { attempt: 2, exit_code: 1, refused: "too deep" } },
    });
  });
});
