import { Failure, type FailureKind } from "../core/failure.ts";

type Shape = "sms" | "gateway";

interface Reply {
  status: 400 | 401 | 403 | 404 | 413 | 500;
  code: string;
  shape: Shape;
  retryAfterS?: number;
}

/** The one table of refusals. Source: docs/decisions.md, "Refusals". */
const replies = {
  invalid: { status: 400, code: "SMS.8001", shape: "sms" },
  unauthenticated: { status: 401, code: "APIGW.0301", shape: "gateway" },
  forbidden: { status: 403, code: "SMS.9004", shape: "sms" },
  notFound: { status: 404, code: "SMS.8004", shape: "sms" },
  noRoute: { status: 404, code: "APIGW.0101", shape: "gateway" },
  tooLarge: { status: 413, code: "APIGW.0201", shape: "gateway" },
  conflict: { status: 400, code: "SMS.8009", shape: "sms" },
  unavailable: { status: 500, code: "SMS.2007", shape: "sms", retryAfterS: 2 },
  internal: { status: 500, code: "SMS.2007", shape: "sms" },
} satisfies Record<FailureKind, Reply>;

const MAX_MESSAGE = 1024;
/** The 403 body has a bound of its own. */
const MAX_FORBIDDEN_MESSAGE = 255;

/** The only way a failure leaves the service: fixed text for what nobody foresaw, never a stack or SQL. */
export function failureReply(error: unknown, requestId: string): Response {
  const failure =
    error instanceof Failure
      ? error
      : new Failure("internal", "an unforeseen error; the log has it under this request id");
  const reply: Reply = replies[failure.kind];
  const limit = reply.status === 403 ? MAX_FORBIDDEN_MESSAGE : MAX_MESSAGE;
  const body = {
    error_code: failure.code ?? reply.code,
    error_msg: [...failure.message.slice(0, 2 * limit)].slice(0, limit).join(""),
    ...(reply.shape === "gateway" ? { request_id: requestId } : {}),
  };
  const headers = new Headers({ "Content-Type": "application/json", "X-Request-Id": requestId });
  if (reply.retryAfterS !== undefined) headers.set("Retry-After", String(reply.retryAfterS));
  return new Response(JSON.stringify(body), { status: reply.status, headers });
}
