import { toJsonSchema } from "@valibot/to-json-schema";
import type { Hono } from "hono";
import type * as v from "valibot";
import { type Declaration, declarationOf } from "./operation.ts";

type JsonSchema = Record<string, unknown>;

const SMS = "SMS v3";
const OPERATE = "Operate";
const SERVICE = "Service";

export interface DeclaredRoute {
  id: string;
  method: string;
  /** In OpenAPI's spelling: /v3/sources/{source_id}. */
  path: string;
  declaration: Declaration;
}

/** Every operation the app serves, in the order of its routes. */
export function declaredRoutes(app: Pick<Hono, "routes">): DeclaredRoute[] {
  return app.routes.flatMap((route) => {
    const found = declarationOf(route.handler);
    const path = route.path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
    return found ? [{ id: found.id, method: route.method, path, declaration: found.declaration }] : [];
  });
}

/** The OpenAPI 3.1 document of the declared routes. */
export function openApiDocument(routes: readonly DeclaredRoute[], version: string): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, JsonSchema>)[route.method.toLowerCase()] = operationObject(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "ferry",
      version,
      description:
        "A self-hosted control plane for server migration. Operations under /v3 are wire-compatible with the Server Migration Service v3 API; those under /operate/v1 are ferry's own.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [{ name: SMS }, { name: OPERATE }, { name: SERVICE }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "apiKey", in: "header", name: "X-Auth-Token", description: "A token of POST /v3/auth/tokens." },
        signature: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description:
            "SDK-HMAC-SHA256 Access=<access key>, SignedHeaders=<a;b>, Signature=<64 hex>; with the header X-Sdk-Date.",
        },
      },
      schemas: {
        Error: {
          type: "object",
          properties: {
            error_code: { type: "string", maxLength: 255 },
            error_msg: { type: "string", maxLength: 1024 },
          },
          required: ["error_code", "error_msg"],
        },
        GatewayError: {
          type: "object",
          properties: { error_code: { type: "string" }, error_msg: { type: "string" }, request_id: { type: "string" } },
          required: ["error_code", "error_msg", "request_id"],
        },
        IamError: {
          type: "object",
          properties: {
            error: {
              type: "object",
              properties: { code: { type: "integer" }, message: { type: "string" }, title: { type: "string" } },
              required: ["code", "message", "title"],
            },
          },
          required: ["error"],
        },
      },
    },
  };
}

function operationObject({ id, path, declaration }: DeclaredRoute): JsonSchema {
  const { summary, description, roles, param, query, json, reply, status = 200 } = declaration;
  const types = declaration.replyTypes ?? ["application/json"];
  const schema = jsonSchema(reply, "output");
  return {
    operationId: id,
    summary,
    description: [description, roles.length > 0 && `Roles: ${roles.join(", ")}.`].filter(Boolean).join("\n\n"),
    tags: [tagOf(path)],
    parameters: [
      ...parameters(param, "path"),
      ...parameters(query, "query"),
      ...headerParameters(declaration.headers, false),
      ...headerParameters(declaration.requiredHeaders, true),
    ],
    ...(json === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              "application/json": {
                schema: jsonSchema(json, "input"),
                ...(declaration.example && { example: declaration.example }),
              },
            },
          },
        }),
    responses: {
      [status]: {
        description: "Done",
        headers: replyHeaders(declaration.replyHeaders ?? {}),
        // The schema is that of the JSON; of the reply as such where it is never JSON.
        content: Object.fromEntries(
          types.map((type) => [
            type,
            type === "application/json" || !types.includes("application/json") ? { schema } : {},
          ]),
        ),
      },
      ...(declaration.otherStatus && {
        200: { description: declaration.otherStatus[200], content: { "application/json": { schema } } },
      }),
      ...failures(declaration),
    },
    ...(roles.length === 0 ? {} : { security: [{ signature: [] }, { token: [] }], "x-roles": roles }),
  };
}

function tagOf(path: string): string {
  if (path.startsWith("/operate")) return OPERATE;
  return path.startsWith("/v3") || path === "/" || path === "/{version}" ? SMS : SERVICE;
}

function replyHeaders(own: Record<string, string>): JsonSchema {
  const all = { "X-Request-Id": "Id of this reply, also in the log", ...own };
  return Object.fromEntries(
    Object.entries(all).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
  );
}

function failures({ roles, dialect, param, query, json, requiredHeaders }: Declaration): JsonSchema {
  const own = dialect === "iam" ? "IamError" : "Error";
  const reply = (description: string, name: "Error" | "GatewayError" | "IamError") => ({
    description,
    content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } },
  });
  const takesInput = param !== undefined || query !== undefined || json !== undefined;
  return {
    ...(takesInput ? { 400: reply("The request is wrong, or the object's state does not allow it", own) } : {}),
    ...(roles.length > 0 && {
      401: reply("Credentials are absent or wrong", "GatewayError"),
      403: reply("Not allowed", "Error"),
    }),
    // Without credentials, but with a body: that is where one signs in.
    ...(roles.length === 0 &&
      json !== undefined && {
        401: reply("The user, password, key or token is wrong", dialect === "iam" ? "IamError" : "GatewayError"),
      }),
    ...(roles.length === 0 && requiredHeaders && { 403: reply("Not allowed", "Error") }),
    ...((roles.length > 0 || json !== undefined) && {
      404: reply("Unknown object", own),
      413: reply("The body is too large", "GatewayError"),
    }),
    500: reply("Cannot be done now", "Error"),
  };
}

function parameters(schema: v.GenericSchema | undefined, place: "path" | "query"): JsonSchema[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, "output") as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, member]) => ({
    name,
    in: place,
    // A query member with a default is required of the output, not of the caller.
    required: place === "path" || (required.includes(name) && member.default === undefined),
    ...(member.description === undefined ? {} : { description: member.description }),
    // Defaults are texts, as a query has them.
    schema:
      member.type === "integer" && member.default !== undefined
        ? { ...member, default: Number(member.default) }
        : member,
  }));
}

function headerParameters(headers: Record<string, string> = {}, required: boolean): JsonSchema[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required,
    description,
    schema: { type: "string", ...(required && { minLength: 1 }) },
  }));
}

function jsonSchema(schema: v.GenericSchema, typeMode: "input" | "output"): JsonSchema {
  // `check` and `transform` have no JSON Schema; what they mean stands in the description.
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    errorMode: "ignore",
    typeMode,
    // The one custom schema there is: a free JSON object.
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? { type: "object" } : undefined),
  }) as JsonSchema;
  return rest;
}
