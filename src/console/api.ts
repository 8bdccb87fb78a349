import { typedClient } from "../client/typed.ts";
import type { Call } from "./shell.ts";
import { Watched } from "./watched.ts";

/** Where the session stands for an access key; everything behind it is the public API. */
export const MOUNT = "/console/api";
export const HEADERS = { "X-Ferry-Console": "1" };

export const api = typedClient(location.origin + MOUNT, { headers: HEADERS });

/** What the service answered instead of doing it, or that it did not answer. */
export class Refusal extends Error {
  /** 0: no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Who has signed in; null: nobody, undefined: not known yet. */
export interface Caller {
  account_name: string;
  actor: string;
  roles: string[];
  version: string;
}
export const caller = new Watched<Caller | null | undefined>(undefined);

/** Whether the caller may change anything; the service decides, this only tells beforehand. */
export const mayOperate = (): boolean => (caller.get()?.roles ?? []).every((role) => /^(operator|admin)$/.test(role));

export interface Reply<Body> {
  ok: boolean;
  status: number;
  json(): Promise<Body>;
}

/** The body of a successful answer; throws a Refusal for any other. */
export async function answer<Body>(pending: Promise<Reply<Body>>): Promise<Body> {
  const reply = await pending.catch(() => {
    throw new Refusal(0, "the service does not answer");
  });
  if (reply.ok) return reply.json();
  throw await refused(reply);
}

async function refused(reply: Reply<unknown>): Promise<Refusal> {
  if (reply.status === 401 && caller.get()) caller.set(null);
  const body = (await reply.json().catch(() => ({}))) as { error_msg?: string };
  return new Refusal(reply.status, body.error_msg ?? `the service answered ${reply.status}`);
}

async function session(method: string, body?: object): Promise<Caller> {
  const headers = { ...HEADERS, "Content-Type": "application/json" };
  return answer(fetch("/console/session", { method, headers, ...(body && { body: JSON.stringify(body) }) }));
}

export async function signIn(credentials: object): Promise<void> {
  caller.set(await session("POST", credentials));
}

export async function signOut(): Promise<void> {
  await session("DELETE");
  caller.set(null);
}

/** Finds out who has signed in. */
export async function whoAmI(): Promise<void> {
  try {
    caller.set(await answer(api.operate.v1.me.$get()));
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 401)) throw error;
    caller.set(null);
  }
}

/** A reading call by its address as the client has it: as it is copied, without the console's mount. */
export const reading = (url: URL): Call => ({ method: "GET", path: url.pathname.slice(MOUNT.length) + url.search });
