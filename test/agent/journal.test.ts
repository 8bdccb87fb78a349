import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../src/agent/journal.ts";
import type { Report } from "../../src/agent/report.ts";

const root = mkdtempSync(join(tmpdir(), "ferry-journal-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
function newFolder(): string {
  folders += 1;
  const folder = join(root, String(folders));
  mkdirSync(folder);
  return folder;
}

const entry = (command_id: string, attempt = 1) => ({ command_id, command_name: "START" as const, attempt });
const report: Report = {
  result: "success",
  printed: '{"big":12345678901234567890}',
  facts: { attempt: 1, exit_code: 0 },
};

describe("the journal", () => {
  test("what it was told is there for whoever opens it next, for its owner only", () => {
    const folder = newFolder();
    const journal = new Journal(folder);
    expect({ id: journal.source_id, entries: journal.entries }).toEqual({ id: undefined, entries: [] });
    journal.keepSource("source-1");
    journal.begin(entry("a"));
    journal.begin(entry("b"));
    journal.finish(entry("a"), report);

    const again = new Journal(folder);
    expect(again.source_id).toBe("source-1");
    expect(again.entries).toEqual([entry("b"), { ...entry("a"), report }]);
    expect(readdirSync(folder)).toEqual(["journal.json"]);
    if (process.platform !== "win32") expect(statSync(again.path).mode & 0o777).toBe(0o600);

    again.reported({ ...entry("a"), report });
    again.begin(entry("b", 2));
    expect(new Journal(folder).entries).toEqual([{ ...entry("a"), report, reported: true }, entry("b", 2)]);
    expect(new Journal(folder).source_id).toBe("source-1");
  });

  test("a change that was cut off has not happened", () => {
    const folder = newFolder();
    new Journal(folder).begin(entry("a"));
    writeFileSync(join(folder, "journal.json.new"), '{"commands":[{"comm');
    const journal = new Journal(folder);
    expect(journal.entries).toEqual([entry("a")]);
    journal.begin(entry("b"));
    expect(new Journal(folder).entries).toEqual([entry("a"), entry("b")]);
  });

  test("a result that cannot be written is kept in memory: reported from there, not run again", () => {
    const folder = newFolder();
    const journal = new Journal(folder);
    journal.begin(entry("a"));
    mkdirSync(join(folder, `journal.json.${process.pid}.new`)); // in the way
    expect(journal.finish(entry("a"), report)).toBe(false);
    expect(new Journal(folder).entries).toEqual([entry("a")]);
    expect(journal.entries).toEqual([{ ...entry("a"), report }]);
  });

  test("what was reported is kept in short, the newest hundred; what is still to be reported stays", () => {
    const journal = new Journal(newFolder());
    journal.begin(entry("waiting"));
    journal.finish(entry("waiting"), report);
    const long = { ...report, printed: JSON.stringify({ text: "x".repeat(5_000) }) };
    for (let n = 0; n < 120; n += 1) journal.reported({ ...entry(`c${n}`), report: long });
    expect(journal.entries.length).toBe(101);
    expect(journal.entries[0]).toEqual({ ...entry("waiting"), report });
    expect(journal.entries.at(-1)?.report?.printed).toBeUndefined();
    journal.reportAgain("c119");
    expect(journal.entries.at(-1)).toMatchObject({ command_id: "c119", reported: false });
  });

  test("a change that cannot be written throws, and counts neither on disk nor in memory", () => {
    const folder = newFolder();
    const journal = new Journal(folder);
    journal.begin(entry("a"));
    mkdirSync(join(folder, `journal.json.${process.pid}.new`)); // in the way
    expect(() => journal.begin(entry("b"))).toThrow();
    expect(journal.entries).toEqual([entry("a")]);
    expect(new Journal(folder).entries).toEqual([entry("a")]);
  });

  test.each([
    ["nothing", ""],
    ["half of it", '{"commands":[{'],
    ["something else", "[1]"],
  ])("a file that holds %s is refused by name, and stays", (_what, text) => {
    const folder = newFolder();
    const path = join(folder, "journal.json");
    writeFileSync(path, text);
    expect(() => new Journal(folder)).toThrow(path);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("what was begun and never came again does not pile up", () => {
    const folder = newFolder();
    const journal = new Journal(folder);
    for (let count = 1; count <= 150; count += 1) journal.begin(entry(`c-${count}`));
    const ids = new Journal(folder).entries.map(({ command_id }) => command_id);
    expect(ids).toHaveLength(100);
    expect(ids.at(-1)).toBe("c-150");
  });
});
