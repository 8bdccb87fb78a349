import type { MiddlewareHandler } from "hono";
import type * as v from "valibot";
import type { Caller, Origin } from "../auth/authenticate.ts";
import type { Principal } from "../auth/principal.ts";
import type { SignedRequest } from "../auth/signature.ts";
import { after } from "../core/after.ts";
import { Failure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import type { Role } from "../core/words.ts";
import { NOTHING, readBody } from "./body.ts";
import type { Dialect } from "./failure-reply.ts";
import { check, parseJsonObject, queryMembers } from "./parse.ts";
import type { Target } from "./target.ts";

/** What the runtime tells of a request, where it can. */
export interface Told extends Origin {
  /** Keeps the connection open through `seconds` without traffic. */
  keepOpen?: (seconds: number) => void;
}

/** What every route needs, beside its feature's services. */
export interface RouteServices {
  log: Log;
  authenticate: (request: SignedRequest, origin: Origin) => Caller | Promise<Caller>;
}

/** What comes with a request. An object that is there already costs nothing; variables are set one by one. */
export interface Bindings<Services extends object> {
  request_id: string;
  target: Target;
  told: Told;
  services: RouteServices & Services;
}

/** What is found out about a request on its way to the handler. */
export interface Variables {
  principal: Principal;
  /** See Caller. */
  vouchesFor: Caller["vouchesFor"];
  dialect: Dialect;
  /** The JSON body as text: for values that must keep their exact form. */
  json_text: string;
}

/** The environment of every route; a feature adds its service: `Env<{ sources: Sources }>`. */
export type Env<Services extends object = object> = { Bindings: Bindings<Services>; Variables: Variables };

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

/** What a request turned out to be. */
interface Admitted<D extends Declaration> {
  /** None where everybody may call. */
  caller: D["roles"] extends readonly [] ? undefined : Caller;
  json: D["json"] extends Schema ? v.InferOutput<D["json"]> : undefined;
  /** The JSON body as text. */
  json_text: string;
  query: D["query"] extends Schema ? v.InferOutput<D["query"]> : undefined;
}

/** A route's middleware, and what it does for who has no router around him. */
export interface Operation<D extends Declaration>
  extends MiddlewareHandler<AnyEnv, string, { in: In<D>; out: Out<D> }> {
  /** Throws what `operation` refuses. At once where nothing has to be waited for. */
  admit(request: Request, env: Bindings<object>, param: Record<string, string>): Admitted<D> | Promise<Admitted<D>>;
}

/**
 * The one middleware of a route, and its one definition: finds out who calls, checks role, body, path and query, and
 * carries what the OpenAPI document says. Order of refusals: size, credentials, role, JSON, validation.
 */
export function operation<const D extends Declaration>(id: string, declaration: D): Operation<D> {
  const { roles, maxBodyBytes, json, param, query } = declaration;
  const admit: Operation<D>["admit"] = (request, { target, told, services }, params) => {
    const { method, headers } = request;
    // Hono answers HEAD with the GET route; on the wire it is an operation of its own, which does not exist.
    if (method === "HEAD" && roles.length > 0) throw noRoute();
    return after(request.body === null ? NOTHING : readBody(request, maxBodyBytes), (body) => {
      const signed = { method, path: target.path, query: target.query, headers, body };
      return after(roles.length > 0 ? services.authenticate(signed, told) : undefined, (caller) => {
        if (caller) requireRole(caller.principal, roles);
        const parsed = json && parseJsonObject(body, headers.get("content-type"));
        const checked = json && check(json, parsed?.value, "body");
        if (param !== undefined) check(param, params, "path");
        const members = query && check(query, queryMembers(target.query), "query");
        return { caller, json: checked, json_text: parsed?.text ?? "", query: members } as Admitted<D>;
      });
    });
  };
  const middleware: MiddlewareHandler<Env> = async (c, next) => {
    if (declaration.dialect) c.set("dialect", declaration.dialect);
    const { caller, json_text, ...valid } = await admit(c.req.raw, c.env, c.req.param());
    if (caller) {
      c.set("principal", caller.principal);
      c.set("vouchesFor", caller.vouchesFor);
    }
    c.set("json_text", json_text);
    // `in` is what the typed client sends; what the handler gets was checked against the same schemas.
    const add = c.req.addValidatedData.bind(c.req) as (target: string, data: unknown) => void;
    if (json) add("json", valid.json);
    if (query) add("query", valid.query);
    await next();
  };
  declarations.set(middleware, { id, declaration });
  return Object.assign(middleware, { admit }) as Operation<D>;
}

/** Throws `forbidden` unless each of the caller's roles is among these. */
export function requireRole(principal: Pick<Principal, "roles">, roles: readonly Role[]): void {
  const lacking = principal.roles.find((role) => !roles.includes(role));
  if (lacking === undefined) return;
  throw new Failure("forbidden", `role ${lacking} may not do this: it takes ${roles.join(" or ")}`);
}

export function noRoute(): Failure {
  return new Failure("noRoute", "there is no such operation: see /openapi.json for those there are");
}
