import { type Connection, signedFetch } from "../client/client.ts";
import { parseObject } from "../core/json-object.ts";
import { Backoff, pause } from "./backoff.ts";
import { AgentEnd } from "./end.ts";
import type { Log } from "./log.ts";

const CALL_TIMEOUT_MS = 60_000;
/** A call that was let wait and broke off after this was cut on the way: the service itself would refuse it sooner. */
const CUT_AFTER_MS = 5_000;
/** The status of a call that was cut. */
export const CUT = 0;

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
  /** How long the server may take on purpose; then an answer may be `CUT`. */
  waitMs?: number;
  /** How often at most; absent: until there is an answer. */
  tries?: number;
}

/** Why there is no answer, and what kind of reason that is: one outage has many wordings. */
interface Outage {
  kind: "unreachable" | number;
  reason: string;
}

/** Calls the service, which may be away for any time. */
export class Caller {
  readonly #connect: () => Connection;
  /** As it was at the last try. */
  #endpoint = "";
  readonly #log: Log;
  /** By method: reports may be refused while polls are answered. */
  readonly #outages = new Map<string, Outage>();
  /** Whether it has ever answered us: after that no refusal ends a migration that runs. */
  #wasAccepted = false;

  constructor(connect: () => Connection, log: Log) {
    this.#connect = connect;
    this.#log = log;
  }

  /**
   * Calls until there is an answer that another try would not change; undefined if the signal or the end of the tries
   * comes first. Throws `AgentEnd` if the source is unknown, or the credentials are refused from the beginning.
   */
  async call(
    method: "GET" | "POST" | "PUT",
    path: string,
    call: Call,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    const { tries = Number.POSITIVE_INFINITY } = call;
    const backoff = new Backoff();
    for (let tried = 0; tried < tries && !signal.aborted; tried += 1) {
      if (tried > 0) await pause(backoff.nextMs(), signal);
      const answer = await this.#try(method, path, call, signal);
      if (signal.aborted) return undefined;
      const outage = "reason" in answer ? answer : this.#outageOf(answer, call);
      this.#note(method, outage);
      if (!outage) return answer as Answer;
    }
    return undefined;
  }

  /** Said once when it begins and once when it is over. */
  #note(method: string, outage: Outage | undefined): void {
    const known = [...this.#outages];
    if (outage) {
      if (!known.some(([, { kind }]) => kind === outage.kind)) this.#log(`${outage.reason}; trying again`);
      this.#outages.set(method, outage);
      return;
    }
    const over = known.filter(([of, { kind }]) => of === method || kind === "unreachable");
    for (const [of] of over) this.#outages.delete(of);
    if (over.length > 0) this.#log(`${this.#endpoint} answers again`);
    this.#wasAccepted = true;
  }

  async #try(method: string, path: string, call: Call, signal: AbortSignal): Promise<Answer | Outage> {
    const { body, headers = {}, waitMs = 0 } = call;
    const startedMs = performance.now();
    try {
      const connection = this.#connect();
      this.#endpoint = connection.endpoint;
      const response = await signedFetch(connection, Date.now(), `${connection.endpoint}${path}`, {
        method,
        headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
        ...(body !== undefined && { body }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(waitMs + CALL_TIMEOUT_MS)]),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      const isCut = waitMs > CUT_AFTER_MS && performance.now() - startedMs > CUT_AFTER_MS;
      if (isCut) return { status: CUT, headers: new Headers(), text: "" };
      // The runtime adds how to see more of it, which is no help here.
      const reason = (error instanceof Error ? error.message : String(error)).replace(/ For more information, .*/s, "");
      const hint = /certificate/i.test(reason) ? "; --cacert FILE or FERRY_CACERT names certificates to trust" : "";
      return { kind: "unreachable", reason: `no answer from ${this.#endpoint}: ${reason}${hint}` };
    }
  }

  /** Why an answer does not count; undefined if it does. */
  #outageOf({ status, text }: Answer, { takes = [] }: Call): Outage | undefined {
    if (status === CUT) return undefined;
    const body = parseObject(text);
    const message = messageOf(text);
    const reason = `${this.#endpoint} answers ${status}: ${message}`;
    // What something in between says, a proxy or a wrong address, is no answer of the service.
    const isOwn = status === 200 ? body !== undefined : typeof body?.error_code === "string";
    if (isOwn && status === 404 && body?.error_code === UNKNOWN_OBJECT && !takes.includes(404))
      throw new AgentEnd("notFound", message);
    const isFinal = isOwn && !this.#wasAccepted && !WRONG_CLOCK.test(message);
    if (isFinal && status === 401) throw new AgentEnd("notSignedIn", reason);
    if (isFinal && status === 403) throw new AgentEnd("refused", reason);
    if (isFinal && body?.error_code === UNKNOWN_ROUTE) {
      throw new AgentEnd(
        "usage",
        `${reason}: the endpoint is http://HOST:PORT or https://HOST:PORT, nothing behind it`,
      );
    }
    const isAnswer = isOwn && (status === 200 || takes.includes(status));
    return isAnswer ? undefined : { kind: status, reason };
  }
}

/** What the service calls an object it does not have; a proxy's 404 says nothing about the source. */
const UNKNOWN_OBJECT = "SMS.8004";

const UNKNOWN_ROUTE = "APIGW.0101";
/** A clock that is wrong at the start of a machine is set right after a while. */
const WRONG_CLOCK = /X-Sdk-Date/;

/** What a refusal says, whoever wrote it. */
export function messageOf(text: string): string {
  const body = parseObject(text);
  return body?.error_code ? `${body.error_msg} (${body.error_code})` : JSON.stringify(text.slice(0, 200));
}
