import { parseObject } from "../core/json-object.ts";

/** Exit codes of every verb. Source: docs/operations.md, "Exit codes". */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notSignedIn: 4,
  refused: 5,
  timedOut: 6,
  unreachable: 7,
} as const;
export type ExitReason = keyof typeof exitCodes;

/** Ends the program with a message on stderr. */
export class CliFailure extends Error {
  readonly reason: ExitReason;

  constructor(reason: ExitReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What went wrong, without the runtime's hints for programmers. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\.? (Is the computer able to access the url\?|For more information, pass `verbose).*$/s, "");
}

/** What is read of an answer, the typed client's or a plain one. */
export type Reply = Pick<Response, "ok" | "status" | "headers" | "text">;

/** What an answer with a failing status means here. */
export async function failureOf(response: Reply): Promise<CliFailure> {
  if (response.status >= 300 && response.status < 400) {
    const to = response.headers.get("location");
    return new CliFailure("failed", `it answers ${response.status}, see ${to}: redirects are not followed`);
  }
  const text = await response.text();
  const { error_code = String(response.status), error_msg = text } = parseError(text);
  const request = response.headers.get("x-request-id");
  return new CliFailure(
    reasonOf(response.status, error_code),
    `${error_msg} (${error_code}${request ? `, request ${request}` : ""})`,
  );
}

function reasonOf(status: number, code: string): ExitReason {
  if (status === 401) return "notSignedIn";
  if (status === 403) return "refused";
  if (status === 404) return "notFound";
  // 400 is the code of IAM's own refusals.
  if (status === 413 || code === "SMS.8001" || code === "400") return "usage";
  if (status === 400) return "refused";
  return "failed";
}

function parseError(text: string): { error_code?: string; error_msg?: string } {
  const body = parseObject(text);
  if (!body?.error) return body ?? {};
  // The token calls answer in the form of IAM.
  const { code, message } = body.error as { code?: unknown; message?: string };
  return { error_code: String(code), ...(message !== undefined && { error_msg: message }) };
}
