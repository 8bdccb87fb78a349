import { parseObject } from "../core/json-object.ts";
import type { CommandName } from "../core/words.ts";
import { type Caller, CUT, messageOf } from "./caller.ts";
import type { Entry } from "./journal.ts";
import type { Log } from "./log.ts";
import type { Offer } from "./offer.ts";
import { minimalReport, type Report, reportBody } from "./report.ts";

/** What a poll lets the service wait for a command: the longest it takes. */
const LONGEST_WAIT_S = 55;
/** Something on the way cuts calls that wait: below this it is not worth asking for. */
const SHORTEST_WAIT_S = 5;
/** After so many polls that were not cut, a longer wait is tried again. */
const POLLS_UNTIL_LONGER = 50;

/** What a task is at while the agent carries out a command that copies. */
const workOf: Partial<Record<CommandName, string>> = { START: "RUNNING", SYNC: "SYNCING" };

/** The calls an agent makes. Each is undefined if its signal comes before the answer, and throws `AgentEnd`. */
export class Service {
  readonly #caller: Caller;
  readonly #log: Log;
  #waitS = LONGEST_WAIT_S;
  #uncut = 0;

  constructor(caller: Caller, log: Log) {
    this.#caller = caller;
    this.#log = log;
  }

  /** The source's id, or why the service does not take the machine. */
  async register(body: object, signal: AbortSignal): Promise<{ id: string } | { refused: string } | undefined> {
    const call = { body: JSON.stringify(body), takes: [400, 413] };
    const answer = await this.#caller.call("POST", "/v3/sources", call, signal);
    if (!answer) return undefined;
    const id = answer.status === 200 ? parseObject(answer.text)?.id : undefined;
    return typeof id === "string" ? { id } : { refused: messageOf(answer.text) };
  }

  /** What the service finds wrong with the machine, in its words. */
  async problems(source_id: string, signal: AbortSignal): Promise<string[]> {
    const answer = await this.#caller.call("GET", pathOf(source_id), { tries: 1 }, signal);
    const { checks } = (answer && parseObject(answer.text)) ?? {};
    if (!Array.isArray(checks)) return [];
    return checks.filter(({ result }) => result === "ERROR").map(({ error_or_warn }) => String(error_or_warn));
  }

  /** What is offered; an idle answer has no offer. `mayWait`: whether there is nothing else to do meanwhile. */
  async poll(
    source_id: string,
    mayWait: boolean,
    signal: AbortSignal,
  ): Promise<{ offer: Offer | undefined } | undefined> {
    const waitS = mayWait ? this.#waitS : 0;
    const path = `${pathOf(source_id)}/command${waitS > 0 ? `?wait=${waitS}` : ""}`;
    const answer = await this.#caller.call("GET", path, { waitMs: waitS * 1000 }, signal);
    if (!answer) return undefined;
    if (mayWait) this.#fitWait(answer.status === CUT);
    if (answer.status === CUT) return { offer: undefined };
    const command_id = answer.headers.get("x-command-id");
    if (command_id === null) return { offer: undefined };
    const { command_name, command_param = {} } = parseObject(answer.text) as Partial<Offer>;
    const delivery = Number(answer.headers.get("x-command-attempt")) || undefined;
    return { offer: { command_id, command_name: String(command_name), command_param, delivery } };
  }

  /**
   * Whether the service has taken the report; if it refuses the detail, without that. A hook of START or SYNC that
   * succeeds has copied all there was: the task is told that it is finished.
   */
  async report(source_id: string, entry: Entry, report: Report, signal: AbortSignal): Promise<boolean | undefined> {
    const { command_id, command_name } = entry;
    const send = (sent: Report) => {
      const body = reportBody(command_name, sent);
      // One try: a report that is not taken must not keep a STOP from being heard.
      const call = { body, headers: { "x-command-id": command_id }, takes: [400, 413], tries: 1 };
      return this.#caller.call("POST", `${pathOf(source_id)}/command_result`, call, signal);
    };
    const tell = (text: string) => this.#log(`${command_name} ${command_id}: ${text}`);
    let answer = await send(report);
    if (answer && answer.status !== 200) {
      const refused = messageOf(answer.text);
      tell(`the report is refused, now without its detail: ${refused}`);
      answer = await send(minimalReport(report, refused));
    }
    if (!answer) return undefined;
    const isTaken = answer.status === 200;
    tell(isTaken ? "reported" : `the report is refused again: ${messageOf(answer.text)}`);
    const working = report.result === "success" ? workOf[command_name] : undefined;
    if (!isTaken || working === undefined || entry.task_id === undefined) return isTaken;
    return this.#finishTask(source_id, entry.task_id, working, signal);
  }

  /** Tells that the copy is complete, if the task is still at it; undefined if that has to be tried again. */
  async #finishTask(
    source_id: string,
    task_id: string,
    working: string,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const path = `/v3/tasks/${encodeURIComponent(task_id)}`;
    // One that is gone, or another source's, is nobody's to finish.
    const shown = await this.#caller.call("GET", path, { takes: [400, 403, 404], tries: 1 }, signal);
    if (!shown) return undefined;
    if (shown.status !== 200 || parseObject(shown.text)?.state !== working) return true;
    const call = { body: JSON.stringify({ copystate: "finished" }), takes: [400], tries: 1 };
    const told = await this.#caller.call("PUT", `${pathOf(source_id)}/changestate`, call, signal);
    if (told?.status === 200) this.#log(`task ${task_id}: finished`);
    return told && true;
  }

  /** A proxy on the way may cut calls that wait: then the service is asked to wait less. */
  #fitWait(wasCut: boolean): void {
    if (wasCut) {
      const shorter = Math.floor(this.#waitS / 2);
      this.#waitS = shorter < SHORTEST_WAIT_S ? 0 : shorter;
      this.#uncut = 0;
      this.#log(`a waiting poll was cut off: asking to wait ${this.#waitS} s from now on`);
      return;
    }
    this.#uncut += 1;
    if (this.#uncut < POLLS_UNTIL_LONGER || this.#waitS === LONGEST_WAIT_S) return;
    this.#waitS = Math.min(Math.max(this.#waitS * 2, SHORTEST_WAIT_S), LONGEST_WAIT_S);
    this.#uncut = 0;
  }
}

function pathOf(source_id: string): string {
  return `/v3/sources/${encodeURIComponent(source_id)}`;
}
