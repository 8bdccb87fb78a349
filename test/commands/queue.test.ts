import { describe, expect, test } from "bun:test";
import { type OpenCommand, offered, superseded } from "../../src/commands/queue.ts";
import { type CommandName, commandNames } from "../../src/core/words.ts";

const open = (seq: number, command_name: CommandName, more: Partial<OpenCommand> = {}): OpenCommand => ({
  seq,
  command_name,
  task_id: null,
  due_at: null,
  ...more,
});
const NOW = 1_000;

describe("offered", () => {
  test.each<[what: string, commands: OpenCommand[], seq: number | undefined]>([
    ["nothing of nothing", [], undefined],
    ["the oldest control command, whatever the order they are read in", [open(3, "STOP"), open(2, "START")], 2],
    ["a control command before an older log command", [open(1, "UPLOAD_LOG"), open(2, "SKIP")], 2],
    ["the oldest log command where there is nothing else", [open(2, "RSET_LOG_ACL"), open(1, "UPLOAD_LOG")], 1],
    ["none at its deadline", [open(1, "START", { due_at: NOW })], undefined],
    ["one just before its deadline", [open(1, "START", { due_at: NOW + 1 })], 1],
    [
      "the next one where the first is past its deadline",
      [open(1, "START", { due_at: NOW - 1 }), open(2, "DELETE")],
      2,
    ],
  ])("%s", (_what, commands, seq) => {
    expect(offered(commands, NOW)?.seq).toBe(seq);
  });
});

describe("superseded", () => {
  const all = commandNames.map((name, seq) => open(seq, name));
  const namesOf = (commands: OpenCommand[]) => commands.map(({ command_name }) => command_name);

  test.each(["START", "STOP", "SYNC", "DELETE", "SKIP", "PREMIGRATE"] as const)(
    "%s ends every control command but DELETE",
    (command_name) => {
      expect(namesOf(superseded(all, { command_name, task_id: null }))).toEqual([
        "START",
        "STOP",
        "SYNC",
        "SKIP",
        "PREMIGRATE",
      ]);
    },
  );

  test.each(["UPLOAD_LOG", "RSET_LOG_ACL"] as const)("%s ends nothing", (command_name) => {
    expect(superseded(all, { command_name, task_id: null })).toEqual([]);
  });

  test("only those of the same task, or both without one", () => {
    const commands = [open(1, "START", { task_id: "a" }), open(2, "START", { task_id: "b" }), open(3, "START")];
    const seqs = (task_id: string | null) =>
      superseded(commands, { command_name: "STOP", task_id }).map(({ seq }) => seq);
    expect([seqs("a"), seqs("b"), seqs(null), seqs("c")]).toEqual([[1], [2], [3], []]);
  });
});
