import { type Connection, signedFetch } from "../client/client.ts";
import { Backoff, pause } from "./backoff.ts";
import { AgentEnd } from "./end.ts";
import type { Log } from "./log.ts";

const CALL_TIMEOUT_MS = 60_000;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export interface Call {
  body?: string;
  headers?: Record<string, string>;
  /** Failing statuses that are an answer here; others are tried again. */
  takes?: readonly number[];
  /** How long the server may take on purpose. */
  waitMs?: number;
}

/** Why there is no answer, and what kind of reason that is: one outage has many wordings. */
interface Outage {
  kind: "unreachable" | number;
  reason: string;
}

/** Calls the service, which may be away for any time. */
export class Caller {
  readonly #connection: Connection;
  readonly #log: Log;
  #outage: Outage | undefined;
  /** Whether it has ever answered us: after that no refusal ends a migration that runs. */
  #wasAccepted = false;

  constructor(connection: Connection, log: Log) {
    this.#connection = connection;
    this.#log = log;
  }

  /**
   * Calls until there is an answer that another try would not change; undefined if the signal comes first. Throws
   * `AgentEnd` if the source is unknown, or the credentials are refused from the beginning.
   */
  async call(method: "GET" | "POST", path: string, call: Call, signal: AbortSignal): Promise<Answer | undefined> {
    for (const backoff = new Backoff(); !signal.aborted; await pause(backoff.nextMs(), signal)) {
      const answer = await this.#try(method, path, call, signal);
      if (signal.aborted) return undefined;
      const outage = "reason" in answer ? answer : this.#outageOf(answer, call);
      this.#note(outage);
      if (!outage) return answer as Answer;
    }
    return undefined;
  }

  /** Said once when it begins and once when it is over. */
  #note(outage: Outage | undefined): void {
    if (outage && outage.kind !== this.#outage?.kind) this.#log(`${outage.reason}; trying again`);
    if (!outage && this.#outage) this.#log(`${this.#connection.endpoint} answers again`);
    if (!outage) this.#wasAccepted = true;
    this.#outage = outage;
  }

  async #try(method: string, path: string, call: Call, signal: AbortSignal): Promise<Answer | Outage> {
    const { body, headers = {}, waitMs = 0 } = call;
    try {
      const response = await signedFetch(this.#connection, Date.now(), `${this.#connection.endpoint}${path}`, {
        method,
        headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
        ...(body !== undefined && { body }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(waitMs + CALL_TIMEOUT_MS)]),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "unreachable", reason: `no answer from ${this.#connection.endpoint}: ${reason}` };
    }
  }

  /** Why an answer does not count; undefined if it does. */
  #outageOf({ status, text }: Answer, { takes = [] }: Call): Outage | undefined {
    const body = parseObject(text);
    const message = messageOf(text);
    const reason = `${this.#connection.endpoint} answers ${status}: ${message}`;
    if (status === 404 && body?.error_code === UNKNOWN_OBJECT) throw new AgentEnd("notFound", message);
    if (!this.#wasAccepted && status === 401) throw new AgentEnd("notSignedIn", reason);
    if (!this.#wasAccepted && status === 403) throw new AgentEnd("refused", reason);
    // A 200 of something in between is no answer: a report would be taken for delivered.
    const isAnswer = status === 200 ? body !== undefined : takes.includes(status);
    return isAnswer ? undefined : { kind: status, reason };
  }
}

/** What the service calls an object it does not have; a proxy's 404 says nothing about the source. */
const UNKNOWN_OBJECT = "SMS.8004";

/** What a refusal says, whoever wrote it. */
export function messageOf(text: string): string {
  const body = parseObject(text);
  return body?.error_code ? `${body.error_msg} (${body.error_code})` : JSON.stringify(text.slice(0, 200));
}

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
