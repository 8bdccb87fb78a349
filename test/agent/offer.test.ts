import { describe, expect, test } from "bun:test";
import type { Entry } from "../../src/agent/journal.ts";
import { decide } from "../../src/agent/offer.ts";

const offer = (command_name: string, delivery?: number) => ({
  command_id: "new",
  command_name,
  command_param: {},
  delivery,
});
const begun: Entry = { command_id: "new", command_name: "START", attempt: 1 };
const finished: Entry = { ...begun, report: { result: "success", printed: undefined, facts: { attempt: 1 } } };
const other: Entry = { command_id: "other", command_name: "START", attempt: 1 };

const idle = undefined;
const run = (attempt: number) => ({ do: "run", attempt });

describe("what is done with an offer", () => {
  test.each<
    [what: string, offer: Parameters<typeof decide>[0], running: Entry | undefined, journal: Entry[], decision: object]
  >([
    ["an idle answer: nothing", undefined, idle, [], { do: "nothing" }],
    [
      "an idle answer while a hook runs (its command was cancelled): nothing",
      undefined,
      other,
      [other],
      { do: "nothing" },
    ],
    ["an unknown name: ignored", offer("../../bin/sh", 1), idle, [], { do: "ignore" }],
    ["an idle answer's name with an id: ignored", offer("TASK_NOT_STARTED", 1), idle, [], { do: "ignore" }],
    ["a name of another case: ignored", offer("start", 1), idle, [], { do: "ignore" }],
    ["an unknown name while a hook runs: ignored", offer("FORMAT", 1), other, [other], { do: "ignore" }],

    ["the first delivery: run, certainly for the first time", offer("START", 1), idle, [], run(1)],
    ["a first delivery beside others that were begun: the same", offer("START", 1), idle, [other], run(1)],
    ["a later delivery: run, it may have been begun", offer("START", 5), idle, [], run(2)],
    ["a delivery without a number: the same", offer("START"), idle, [], run(2)],
    ["begun before a crash: run again, and the hook is told", offer("START", 3), idle, [begun], run(2)],
    ["begun before a crash, the number repeated: the same", offer("START", 1), idle, [begun], run(2)],
    ["finished and not reported: reported, never run", offer("START", 2), idle, [finished], { do: "report" }],
    [
      "reported, and offered again (a service restored from a copy): reported, never run",
      offer("START", 1),
      idle,
      [{ ...finished, reported: true }],
      { do: "report" },
    ],
    ["the same of a STOP while another runs: reported", offer("STOP", 2), other, [other, finished], { do: "report" }],

    ["the running one: left alone", offer("START", 2), begun, [begun], { do: "goOn" }],
    ["a running STOP: left alone", offer("STOP", 2), begun, [begun], { do: "goOn" }],
    ["a STOP while another runs: instead of it", offer("STOP", 1), other, [other], run(1)],
    ["a DELETE while another runs: instead of it", offer("DELETE", 4), other, [other], run(2)],
    ["a STOP that was begun before: the same, and told", offer("STOP", 1), other, [other, begun], run(2)],
    ...["START", "SYNC", "SKIP", "PREMIGRATE", "UPLOAD_LOG", "RSET_LOG_ACL"].map(
      (name): [string, ReturnType<typeof offer>, Entry, Entry[], object] => [
        `a ${name} while another runs: waits`,
        offer(name, 1),
        other,
        [other],
        { do: "wait" },
      ],
    ),
  ])("%s", (_what, offered, running, journal, decision) => {
    expect(decide(offered, running, journal)).toMatchObject(decision);
  });

  test("every command of the contract has a hook", () => {
    for (const name of ["START", "STOP", "SYNC", "DELETE", "SKIP", "PREMIGRATE", "UPLOAD_LOG", "RSET_LOG_ACL"]) {
      expect(decide(offer(name, 1), idle, [])).toMatchObject({ do: "run", command: { command_name: name } });
    }
  });
});
