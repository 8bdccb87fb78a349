import { Failure, type FailureKind } from "../core/failure.ts";

/** Bodies a refusal can have; `iam` is for what IAM itself refuses. */
type Shape = "sms" | "gateway" | "iam";
/** Whose words an operation speaks. */
export type Dialect = "sms" | "iam";

interface Reply {
  status: 400 | 401 | 403 | 404 | 413 | 500;
  code: string;
  shape: Shape;
  /** Where the operation is one of IAM. */
  iamShape?: Shape;
  retryAfterS?: number;
}

/** The one table of refusals. Source: docs/decisions.md, "Refusals". */
const replies = {
  invalid: { status: 400, code: "SMS.8001", shape: "sms", iamShape: "iam" },
  unauthenticated: { status: 401, code: "APIGW.0301", shape: "gateway" },
  signInRefused: { status: 401, code: "", shape: "iam" },
  forbidden: { status: 403, code: "SMS.9004", shape: "sms" },
  notFound: { status: 404, code: "SMS.8004", shape: "sms", iamShape: "iam" },
  noRoute: { status: 404, code: "APIGW.0101", shape: "gateway" },
  tooLarge: { status: 413, code: "APIGW.0201", shape: "gateway" },
  conflict: { status: 400, code: "SMS.8009", shape: "sms" },
  unavailable: { status: 500, code: "SMS.2007", shape: "sms", retryAfterS: 2 },
  internal: { status: 500, code: "SMS.2007", shape: "sms" },
} satisfies Record<FailureKind, Reply>;

const MAX_MESSAGE = 1024;
/** The 403 body has a bound of its own. */
const MAX_FORBIDDEN_MESSAGE = 255;

const titles: Partial<Record<Reply["status"], string>> = { 400: "Bad Request", 401: "Unauthorized", 404: "Not Found" };

/** The only way a failure leaves the service: fixed text for what nobody foresaw, never a stack or SQL. */
export function failureReply(error: unknown, requestId: string, dialect: Dialect = "sms"): Response {
  const failure =
    error instanceof Failure
      ? error
      : new Failure("internal", "an unforeseen error; the log has it under this request id");
  const reply: Reply = replies[failure.kind];
  const limit = reply.status === 403 ? MAX_FORBIDDEN_MESSAGE : MAX_MESSAGE;
  const message = [...failure.message.slice(0, 2 * limit)].slice(0, limit).join("");
  const shape = (dialect === "iam" && reply.iamShape) || reply.shape;
  const body =
    shape === "iam"
      ? { error: { code: reply.status, message, title: titles[reply.status] } }
      : {
          error_code: failure.code ?? reply.code,
          error_msg: message,
          ...(shape === "gateway" ? { request_id: requestId } : {}),
        };
  const headers = new Headers({ "Content-Type": "application/json", "X-Request-Id": requestId });
  if (reply.retryAfterS !== undefined) headers.set("Retry-After", String(reply.retryAfterS));
  return new Response(JSON.stringify(body), { status: reply.status, headers });
}
