import type { Context, MiddlewareHandler } from "hono";
import type * as v from "valibot";
import type { Caller } from "../auth/authenticate.ts";
import type { Principal } from "../auth/principal.ts";
import type { SignedRequest } from "../auth/signature.ts";
import { Failure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import type { Role } from "../core/words.ts";
import { readBody } from "./body.ts";
import type { Dialect } from "./failure-reply.ts";
import { check, parseJsonObject, queryMembers } from "./parse.ts";
import { targetOf } from "./target.ts";

/** What the runtime tells of a request, where it can. */
export interface Bindings {
  address?: string | null;
  /** Keeps the connection open through `seconds` without traffic. */
  keepOpen?: (seconds: number) => void;
}

export interface Variables {
  request_id: string;
  log: Log;
  authenticate: (request: SignedRequest, address: string | null) => Promise<Caller>;
  principal: Principal;
  /** See Caller. */
  vouchesFor: Caller["vouchesFor"];
  dialect: Dialect;
  /** The JSON body as text: for values that must keep their exact form. */
  json_text: string;
}

/** The environment of every route; a feature adds its service: `Env<{ sources: Sources }>`. */
export type Env<Services extends object = object> = { Bindings: Bindings; Variables: Variables & Services };

// biome-ignore lint/suspicious/noExplicitAny: input and output are inferred per operation
type Schema = v.GenericSchema<any, any>;
/** A middleware that says nothing of the environment leaves it to the route. */
// biome-ignore lint/suspicious/noExplicitAny: Hono leaves `any` out when it joins environments
type AnyEnv = any;
type ObjectSchema = v.GenericSchema<Record<string, unknown>, Record<string, unknown>>;

export interface Declaration {
  summary: string;
  description?: string;
  /** `iam` for operations of IAM: what IAM itself would refuse has its body. */
  dialect?: Dialect;
  /** Who may call; an empty list: everybody, without credentials. */
  roles: readonly Role[];
  /** Path parameters; a path without them needs none. */
  param?: ObjectSchema;
  query?: ObjectSchema;
  json?: Schema;
  /** Where a body is looked at without credentials, or is always small; else 12 MiB. */
  maxBodyBytes?: number;
  /** A body that works, for the documentation page to begin with. */
  example?: object;
  /** Request headers the operation reads, with what they mean. */
  headers?: Record<string, string>;
  /** Those it refuses to do without. */
  requiredHeaders?: Record<string, string>;
  reply: Schema;
  /** 201 for what was made on the operator's side; the SMS API answers 200 to everything. */
  status?: 200 | 201;
  /** A second successful status with the same reply, and what it means. */
  otherStatus?: { 200: string };
  /** Where the reply is not JSON, or not only. */
  replyTypes?: readonly string[];
  /** Reply headers beyond X-Request-Id, with what they hold. */
  replyHeaders?: Record<string, string>;
}

/** The declaration of a route, found again by the OpenAPI document and the tests. */
const declarations = new WeakMap<object, { id: string; declaration: Declaration }>();

export function declarationOf(handler: object): { id: string; declaration: Declaration } | undefined {
  return declarations.get(handler);
}

type In<D extends Declaration> = (D["json"] extends Schema ? { json: v.InferInput<D["json"]> } : object) &
  (D["query"] extends Schema ? { query: v.InferInput<D["query"]> } : object);
type Out<D extends Declaration> = (D["json"] extends Schema ? { json: v.InferOutput<D["json"]> } : object) &
  (D["query"] extends Schema ? { query: v.InferOutput<D["query"]> } : object);

/**
 * The one middleware of a route, and its one definition: finds out who calls, checks role, body, path and query, and
 * carries what the OpenAPI document says. Order of refusals: size, credentials, role, JSON, validation.
 */
export function operation<const D extends Declaration>(
  id: string,
  declaration: D,
): MiddlewareHandler<AnyEnv, string, { in: In<D>; out: Out<D> }> {
  const handler: MiddlewareHandler<Env, string, { in: In<D>; out: Out<D> }> = async (c, next) => {
    const { raw } = c.req;
    if (declaration.dialect) c.set("dialect", declaration.dialect);
    // Hono answers HEAD with the GET route; on the wire it is an operation of its own, which does not exist.
    if (raw.method === "HEAD" && declaration.roles.length > 0) throw noRoute();
    const body = await readBody(raw, declaration.maxBodyBytes);
    const { path, query } = targetOf(raw.url);
    if (declaration.roles.length > 0) await admit(c, declaration.roles, { method: raw.method, path, query, body });
    // `in` is what the typed client sends; what the handler gets was checked against the same schemas.
    const valid = c.req.addValidatedData.bind(c.req) as (target: string, data: object) => void;
    if (declaration.json !== undefined) {
      const json = parseJsonObject(body, raw.headers.get("content-type"));
      c.set("json_text", json.text);
      valid("json", check(declaration.json, json.value, "body"));
    }
    if (declaration.param !== undefined) check(declaration.param, c.req.param(), "path");
    if (declaration.query !== undefined) valid("query", check(declaration.query, queryMembers(query), "query"));
    await next();
  };
  declarations.set(handler, { id, declaration });
  return handler;
}

async function admit(c: Context<Env>, roles: readonly Role[], request: Omit<SignedRequest, "headers">): Promise<void> {
  // `c.var` would put all variables into an object first.
  const caller = await c.get("authenticate")({ ...request, headers: c.req.raw.headers }, c.env?.address ?? null);
  const lacking = caller.principal.roles.find((role) => !roles.includes(role));
  if (lacking !== undefined) {
    throw new Failure("forbidden", `role ${lacking} may not do this: it takes ${roles.join(" or ")}`);
  }
  c.set("principal", caller.principal);
  c.set("vouchesFor", caller.vouchesFor);
}

export function noRoute(): Failure {
  return new Failure("noRoute", "there is no such operation: see /openapi.json for those there are");
}
