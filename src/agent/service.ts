import { type Caller, messageOf, parseObject } from "./caller.ts";
import type { Entry } from "./journal.ts";
import type { Log } from "./log.ts";
import type { Offer } from "./offer.ts";
import { minimalReport, type Report, reportBody } from "./report.ts";

/** What a poll lets the service wait for a command: the longest it takes. */
const WAIT_S = 55;

/** The calls an agent makes. Each is undefined if its signal comes before the answer, and throws `AgentEnd`. */
export class Service {
  readonly #caller: Caller;
  readonly #log: Log;

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

  /** What is offered; an idle answer has no offer. */
  async poll(source_id: string, signal: AbortSignal): Promise<{ offer: Offer | undefined } | undefined> {
    const path = `${pathOf(source_id)}/command?wait=${WAIT_S}`;
    const answer = await this.#caller.call("GET", path, { waitMs: WAIT_S * 1000 }, signal);
    if (!answer) return undefined;
    const command_id = answer.headers.get("x-command-id");
    if (command_id === null) return { offer: undefined };
    const { command_name, command_param = {} } = parseObject(answer.text) as Partial<Offer>;
    const delivery = Number(answer.headers.get("x-command-attempt")) || undefined;
    return { offer: { command_id, command_name: String(command_name), command_param, delivery } };
  }

  /** Whether the service has taken the report; if it refuses the detail, without that. */
  async report(source_id: string, entry: Entry, report: Report, signal: AbortSignal): Promise<boolean | undefined> {
    const { command_id, command_name } = entry;
    const send = (sent: Report) => {
      const body = reportBody(command_name, sent);
      const call = { body, headers: { "x-command-id": command_id }, takes: [400, 413] };
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
    tell(isTaken ? "reported" : `the report is refused again, and dropped: ${messageOf(answer.text)}`);
    return isTaken;
  }
}

function pathOf(source_id: string): string {
  return `/v3/sources/${encodeURIComponent(source_id)}`;
}
