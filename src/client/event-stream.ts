import type { InferResponseType } from "hono/client";
import { BlockReader } from "./server-sent-events.ts";
import type { Client } from "./typed.ts";

/*
 * A reader of the live stream of events, for whatever has fetch: the command line and a browser share it, so it takes
 * nothing of either.
 */

export type StreamedEvent = InferResponseType<Client["operate"]["v1"]["events"]["$get"]>["items"][number];

/** `heard_at`: when the stream was last heard, in milliseconds since 1970; undefined: never. */
export type StreamState = { kind: "live" } | { kind: "away"; reason: string; heard_at: number | undefined };

export interface FollowOptions {
  /** Asks for the stream, with that Last-Event-ID where there is one. */
  open(lastEventId: number | undefined, signal: AbortSignal): Promise<StreamReply>;
  /** Ends it. */
  signal: AbortSignal;
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `work` after `ms` milliseconds, unless what it returns is called before; absent: by the runtime's timers. */
  after?: After;
  /** Begins behind this event; absent: with what is written from now on. */
  position?: number | undefined;
  /** Each event once, in the order they were written. */
  onEvent(event: StreamedEvent): void;
  /**
   * How far the stream has come, first as soon as it is there: what is read now by other calls holds everything up to
   * there. Every 5 s at least while it is live.
   */
  onPosition?(position: number): void;
  /** At each change, a moment's break that heals at once left out. */
  onState?(state: StreamState): void;
  /** The service's record is an earlier one, as after a restore: what was learnt from it is to be asked for anew. */
  onRewound?(position: number): void;
}

type After = (ms: number, work: () => void) => () => void;

/** What is read of a reply, the typed client's or a plain one. */
export type StreamReply = Pick<Response, "ok" | "status" | "headers" | "body" | "text">;

/** The service says that asking again is of no use: its reply, which can be read. */
export class StreamRefused extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super(`the stream of events was refused (${response.status})`);
    this.name = "StreamRefused";
    this.response = response;
  }
}

/** A beat comes every 5 s: who hears nothing for so long has lost the connection. */
const SILENT_MS = 15_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
/** A stream that has lived so long and then ends may do so, as it does where its time is bounded. */
const LIVED_MS = 5_000;

/** These change with time; any other 4xx says that the request will never do. */
const passing = new Set([408, 425, 429]);

/** A connection that could not be made or is no more. */
class BrokenOff extends Error {}

const byTimer: After = (ms, work) => {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
};

/**
 * Follows the stream of events over all its breaks, for as long as `signal` lets it. Throws `StreamRefused` where the
 * service refuses, and what a handler throws.
 */
export async function followEvents(options: FollowOptions): Promise<void> {
  const { open, signal, onEvent, onPosition, onState, onRewound, now, after = byTimer } = options;
  let { position } = options;
  let heard_at: number | undefined;
  let state: StreamState["kind"] | undefined;
  const change = (next: StreamState) => {
    if (next.kind !== state) onState?.(next);
    state = next.kind;
  };
  const take = ({ id, event }: Told) => {
    if (event === undefined && position !== undefined && id < position) onRewound?.(id);
    const isNew = event !== undefined && (position === undefined || id > position);
    if (isNew || event === undefined) position = id;
    change({ kind: "live" });
    if (isNew) onEvent(event);
    onPosition?.(position as number);
  };
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    let liveSince: number | undefined;
    let reason: string | undefined;
    try {
      const heard = () => {
        heard_at = now();
        liveSince ??= heard_at;
      };
      for await (const told of connection((ended) => open(position, ended), signal, after, heard)) {
        if (signal.aborted) return;
        take(told);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof BrokenOff)) throw error;
      reason = error.message;
    }
    const hasLived = liveSince !== undefined && now() - liveSince >= LIVED_MS;
    if (hasLived) pauseMs = FIRST_PAUSE_MS;
    if (reason !== undefined || !hasLived) {
      change({ kind: "away", reason: reason ?? "the stream has ended", heard_at });
    }
    await pause(pauseMs, signal, after);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** What a block tells: an event, or only how far the stream has come. */
interface Told {
  id: number;
  event: StreamedEvent | undefined;
}

/** What one connection tells until it ends in order. Throws BrokenOff where it breaks, or is silent for too long. */
async function* connection(
  open: (signal: AbortSignal) => Promise<StreamReply>,
  signal: AbortSignal,
  after: After,
  heard: () => void,
): AsyncGenerator<Told> {
  const attempt = new AbortController();
  const end = (why: string) => attempt.abort(new BrokenOff(why));
  const isOver = () => end("it was ended here");
  const listen = () => after(SILENT_MS, () => end(`nothing was heard for ${SILENT_MS / 1000} s`));
  signal.addEventListener("abort", isOver);
  let callOff = listen();
  try {
    const response = await untilBroken(open(attempt.signal), attempt.signal);
    await refuseOthers(response, attempt.signal);
    const bytes = (response.body as ReadableStream<Uint8Array>).getReader();
    const blocks = new BlockReader();
    for (;;) {
      const { done, value } = await untilBroken(bytes.read(), attempt.signal);
      if (done) return;
      callOff();
      callOff = listen();
      heard();
      for (const { id = "", data } of blocks.push(value)) {
        if (/^\d{1,15}$/.test(id)) yield { id: Number(id), event: data === undefined ? undefined : parse(data) };
      }
    }
  } finally {
    callOff();
    signal.removeEventListener("abort", isOver);
    // Lets go of the connection, whatever has become of it.
    end("it is over");
  }
}

/** Throws for a reply that is no stream. */
async function refuseOthers(response: StreamReply, signal: AbortSignal): Promise<void> {
  const { ok, status, headers, body } = response;
  if (!ok) {
    const text = await untilBroken(response.text(), signal);
    const isFinal = status >= 400 && status < 500 && !passing.has(status);
    if (isFinal) throw new StreamRefused(new Response(text, { status, headers }));
    throw new BrokenOff(reasonIn(text) ?? `it answers ${status}`);
  }
  const type = headers.get("content-type") ?? "nothing";
  if (!type.startsWith("text/event-stream") || body === null) {
    throw new BrokenOff(`it answers with ${type}, which is no stream of events`);
  }
}

/** What waits for the network, broken off as soon as the signal says so. What goes wrong there is BrokenOff. */
async function untilBroken<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  let breakOff = () => {};
  const aborted = new Promise<never>((_, reject) => {
    breakOff = () => reject(signal.reason);
    if (signal.aborted) breakOff();
    signal.addEventListener("abort", breakOff);
  });
  try {
    return await Promise.race([pending, aborted]);
  } catch (error) {
    throw error instanceof BrokenOff ? error : new BrokenOff(error instanceof Error ? error.message : String(error));
  } finally {
    signal.removeEventListener("abort", breakOff);
  }
}

function parse(data: string): StreamedEvent {
  try {
    return JSON.parse(data) as StreamedEvent;
  } catch {
    throw new BrokenOff("it sent what is no event");
  }
}

/** The words of the service's own failures. */
function reasonIn(text: string): string | undefined {
  try {
    const { error_msg, error_code } = JSON.parse(text) as { error_msg?: string; error_code?: string };
    return error_msg && `${error_msg} (${error_code})`;
  } catch {
    return undefined;
  }
}

async function pause(ms: number, signal: AbortSignal, after: After): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const go = () => {
      callOff();
      signal.removeEventListener("abort", go);
      resolve();
    };
    const callOff = after(ms, go);
    signal.addEventListener("abort", go);
  });
}
