import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeDurable, type Sqld, sqldProgram, startSqld, startSqldOn } from "../edge/sqld.ts";
import { Ferry, firstKey } from "./executable.ts";

/* Several ferries over one libSQL server, and what stands in front of them. */

const sqldPath = await sqldProgram();
export const noSqld = sqldPath === undefined ? "sqld is not there" : undefined;

const MASTER_KEY = "07".repeat(32);

/** The environment of a ferry that shares a database. */
export function sharedEnvironment(database_url: string, master_key = MASTER_KEY): Record<string, string> {
  return {
    FERRY_DATABASE_URL: database_url,
    FERRY_MASTER_KEY: master_key,
    FERRY_BOOTSTRAP_ACCESS_KEY: firstKey.access_key,
    FERRY_BOOTSTRAP_SECRET_KEY: firstKey.secret_key,
    FERRY_BOOTSTRAP_PROJECT_ID: firstKey.project_id,
  };
}

const databases: Sqld[] = [];

/** An empty database whose commits are on the disk before they are answered; ended by `endDatabases`. */
export function startDatabase(...options: string[]): Promise<Sqld> {
  return startDatabaseOn(mkdtempSync(join(tmpdir(), "ferry-database-")), ...options);
}

/** The same, in a folder that is there. */
export async function startDatabaseOn(folder: string, ...options: string[]): Promise<Sqld> {
  if (sqldPath === undefined) throw new Error(noSqld);
  const database = await startSqldOn(folder, sqldPath, ...options);
  databases.push(database);
  await makeDurable(database);
  return database;
}

/** A replica of the database whose `--grpc-listen-addr` that is. */
export async function startReplica(grpc_address: string): Promise<Sqld> {
  if (sqldPath === undefined) throw new Error(noSqld);
  const replica = await startSqld(sqldPath, "--primary-grpc-url", `http://${grpc_address}`);
  databases.push(replica);
  return replica;
}

export async function endDatabases(): Promise<void> {
  await Promise.all(databases.splice(0).map((database) => database.stop()));
}

/** So many ferries over one database; the first is up before the others start. */
export async function startFerries(count: number, database_url: string): Promise<Ferry[]> {
  const env = sharedEnvironment(database_url);
  const first = await Ferry.start({ env });
  return [first, ...(await Promise.all(Array.from({ length: count - 1 }, () => Ferry.start({ env }))))];
}

/** A caller gives up on an answer after this long. */
const PATIENCE_MS = 15_000;
const RETRY_MS = 150;
/** Whoever is not answered by then never will be. */
const RETRIES_MS = 60_000;

/** What one call came to. */
export interface Answer {
  /** 0: there is none. */
  status: number;
  /** Why there is none. */
  lost?: "refused" | "broken" | "timeout";
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every kind
  json: any;
}

/** A load balancer: calls go round, and again to the next one where nobody answered or the answer was 5xx. */
export class Balancer {
  readonly ferries: readonly Ferry[];
  /** How often each status came, and each way of getting none. */
  readonly outcomes: Record<string, number> = {};
  /** When calls were answered well, in milliseconds of `performance.now()`. */
  readonly successes: number[] = [];
  /** Replies of a refused call that are not in the documented shape. */
  readonly misshapen: string[] = [];
  requests = 0;
  retries = 0;
  #next = 0;
  #isOver = false;

  constructor(ferries: readonly Ferry[]) {
    this.ferries = ferries;
  }

  /** One try at one process. */
  async once(ferry: Ferry, method: string, path: string, body?: object, headers = {}): Promise<Answer> {
    this.requests += 1;
    const answer = await attempt(ferry, method, path, body, headers);
    const name = answer.lost ?? String(answer.status);
    this.outcomes[name] = (this.outcomes[name] ?? 0) + 1;
    if (answer.status === 200 || answer.status === 201) this.successes.push(performance.now());
    if (answer.status >= 500 && !isDocumented(answer))
      this.misshapen.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer;
  }

  /** Until it is answered, by whichever process; `tried` hears of each try. */
  async call(
    method: string,
    path: string,
    body?: object,
    { headers = {}, tried = () => {} }: { headers?: Record<string, string>; tried?: (answer: Answer) => void } = {},
  ): Promise<Answer> {
    for (const end = Date.now() + RETRIES_MS; Date.now() < end && !this.#isOver; this.retries += 1) {
      const answer = await this.once(this.next(), method, path, body, headers);
      tried(answer);
      if (answer.lost === undefined && answer.status < 500) return answer;
      // Nobody listens there: the next one may. Everybody else needs a moment.
      await sleep(answer.lost === "refused" ? 5 : RETRY_MS * (0.5 + Math.random()));
    }
    throw new Error(`${method} ${path} was tried for ${this.#isOver ? "a while" : `${RETRIES_MS} ms`} in vain`);
  }

  /** Nobody tries again. */
  end(): void {
    this.#isOver = true;
  }

  next(): Ferry {
    this.#next = (this.#next + 1) % this.ferries.length;
    const ferry = this.ferries[this.#next];
    if (!ferry) throw new Error("there is no ferry");
    return ferry;
  }

  /** The longest time without a good answer between two moments, in milliseconds. */
  longestGapMs(from: number, to: number): number {
    const times = [from, ...this.successes.filter((time) => time > from && time < to), to];
    return Math.round(Math.max(...times.slice(1).map((time, place) => time - (times[place] ?? time))));
  }
}

async function attempt(ferry: Ferry, method: string, path: string, body: unknown, headers: object): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await ferry.call(method, path, body, { headers: { ...headers }, signal });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
  } catch (error) {
    return { status: 0, lost: lossOf(error), headers: new Headers(), json: undefined };
  }
}

function lossOf(error: unknown): NonNullable<Answer["lost"]> {
  if (error instanceof Error && error.name === "TimeoutError") return "timeout";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^(ConnectionRefused|FailedToOpenSocket|ECONNREFUSED)$/.test(code)) return "refused";
  if (/^(ECONN|Connection)/.test(code)) return "broken";
  throw error;
}

/** 500 as docs/decisions.md has it, with the word when to come again. */
export function isDocumented({ status, headers, json }: Answer): boolean {
  return (
    status === 500 &&
    json?.error_code === "SMS.2007" &&
    json.error_msg?.length > 0 &&
    Number(headers.get("retry-after")) > 0
  );
}
