import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { covers } from "../src/auth/principal.ts";
import { type Role, roles } from "../src/core/words.ts";
import { type DeclaredRoute, declaredRoutes, openApiDocument } from "../src/http/openapi.ts";
import contract from "./contract/operations.json" with { type: "json" };
import schemas from "./contract/schemas.json" with { type: "json" };
import { type Caller, type Ferry, register, signIn, startFerry } from "./harness.ts";

/** Operations of the contract that ferry does not serve yet. This list may only shrink. */
const notYet = new Set([
  "collectLog",
  "createMigproject",
  "createPrivacyAgreements",
  "createTemplate",
  "deleteMigproject",
  "deleteServers",
  "deleteTask",
  "deleteTasks",
  "deleteTemplate",
  "deleteTemplates",
  "exportConsistencyResults",
  "listErrorServers",
  "listMigprojects",
  "listTasks",
  "listTemplates",
  "showCertKey",
  "showConfig",
  "showConfigSetting",
  "showConsistencyResult",
  "showMigproject",
  "showOverview",
  "showPassphrase",
  "showPrivacyAgreements",
  "showSha256",
  "showTargetPassword",
  "showTask",
  "showTemplate",
  "showsSpeedLimits",
  "updateConsistencyResult",
  "updateCopyState",
  "updateDefaultMigproject",
  "updateDiskInfo",
  "updateMigproject",
  "updateNetworkCheckInfo",
  "updateSpeed",
  "updateTask",
  "updateTaskSpeed",
  "updateTaskStatus",
  "updateTemplate",
  "uploadSpecialConfigurationSetting",
]);

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const everything = () => declaredRoutes(ferry.app);
/** Operations of operations.json: IAM's neighbours under /v3 are not among them. */
const isOfTheContract = ({ path, declaration }: DeclaredRoute) =>
  declaration.dialect !== "iam" && (path === "/" || path === "/{version}" || path.startsWith("/v3"));

describe("the contract", () => {
  test("every SMS operation served is the contract's, by id, method, path and roles; the others are listed as not yet done", () => {
    const served = everything()
      .filter(isOfTheContract)
      .map(({ id, method, path, declaration }) => ({ id, method, path, roles: [...declaration.roles] }));
    const promised = contract
      .filter(({ id }) => !notYet.has(id))
      .map(({ id, method, path, roles: allowed }) => ({ id, method, path, roles: allowed }));
    const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
    expect(served.sort(byId)).toEqual(promised.sort(byId) as typeof served);
  });

  test("nothing is listed as not yet done that is no operation", () => {
    expect([...notYet].filter((id) => !contract.some((operation) => operation.id === id))).toEqual([]);
  });

  /** Queries that take values beyond the contract's list, with the reason. */
  const moreValues: Record<string, string> = {
    "listTasks.state": "takes what replies show too: the contract's lists of query and reply differ",
  };

  test("path parameters and queries have the contract's names and bounds", () => {
    const document = openApiDocument(everything(), "0") as unknown as {
      paths: Record<
        string,
        Record<
          string,
          { parameters: { name: string; in: string; required: boolean; schema: Record<string, unknown> }[] }
        >
      >;
    };
    for (const operation of contract.filter(({ id }) => !notYet.has(id))) {
      const declared = document.paths[operation.path]?.[operation.method.toLowerCase()]?.parameters ?? [];
      const expected = [
        ...operation.path_params.map((parameter) => ({ place: "path", ...parameter })),
        ...operation.query.map((parameter) => ({ place: "query", ...parameter })),
        ...("headers_of_ferry" in operation ? operation.headers_of_ferry : []).map((header) => ({
          place: "header",
          type: "string",
          ...header,
        })),
      ] as { place: string; name: string; type: string; required: boolean; [bound: string]: unknown }[];
      const shape = (schema: Record<string, unknown>) => ({
        type: schema.type ?? (schema.enum ? "string" : undefined),
        min: schema.minimum ?? schema.min,
        max: schema.maximum ?? schema.max,
        // The length of a listed value says nothing.
        minLength: schema.enum ? undefined : schema.minLength,
        maxLength: schema.enum ? undefined : schema.maxLength,
        pattern: schema.pattern,
        enum: (schema.enum as string[] | undefined)?.toSorted(),
      });
      /** Without the values that are taken for a reason. */
      const compared = (name: string, schema: Record<string, unknown>) => {
        const listed = expected.find((parameter) => parameter.name === name)?.enum as string[] | undefined;
        if (!(`${operation.id}.${name}` in moreValues) || !listed) return schema;
        return { ...schema, enum: (schema.enum as string[]).filter((value) => listed.includes(value)) };
      };
      expect([
        operation.id,
        declared.map(({ name, in: place, required, schema }) => ({
          name,
          place,
          required,
          ...shape(compared(name, schema)),
        })),
      ]).toEqual([
        operation.id,
        expected.map(({ name, place, required, ...bounds }) => ({ name, place, required, ...shape(bounds) })),
      ]);
    }
  });
});

describe("models of the contract", () => {
  interface Field {
    name: string;
    type: string;
    items?: string;
    required: boolean;
    required_by_ferry?: boolean;
    beyond_sdk?: boolean;
    reply_only?: boolean;
    accepts?: string[];
    enum?: string[];
    [bound: string]: unknown;
  }
  interface JsonSchema {
    type?: string;
    properties?: Record<string, JsonSchema>;
    required?: string[];
    items?: JsonSchema;
    anyOf?: JsonSchema[];
    [bound: string]: unknown;
  }
  const models = schemas as unknown as Record<string, { fields: Field[] }>;

  /** Members that are as they are for a reason, with the reason. */
  const reasons: Record<string, string> = {
    "PostSourceServerBody.name": "needed to register, not to update",
    "PostSourceServerBody.os_type": "needed to register, not to update",
    "PostSourceServerBody.os_version": "needed to register, not to update",
    "PostSourceServerBody.networks": "needed to register, not to update",
    "PostSourceServerBody.agent_version": "needed to register, not to update",
    "CommandBody.command_name": "takes the reportable names only",
    "CommandBody.result": "takes success and fail only",
    "ShowTaskResponse.state": "shown as it is: the query's list has states the reply's has not",
    "TasksResponseBody.state": "shown as it is: the query's list has states the reply's has not",
    "SourceServersResponseBody.state": "shown as it is: changestate's list has a state the reply's has not",
    "SourceServersResponseBody.migration_cycle": "shown as it is: changestate's list has stages the reply's has not",
    "ShowServerResponse.state": "as SourceServersResponseBody",
    "ShowServerResponse.migration_cycle": "as SourceServersResponseBody",
    "SourceServerResponse.state": "as SourceServersResponseBody",
    "SourceServerResponse.migration_cycle": "as SourceServersResponseBody",
    "SourceServerAssociatedWithTask.state": "as SourceServersResponseBody",
    "ShowConfigSettingResponse.migrate_type": "WINDOWS_MIGRATE_FILE: createTask takes both members it is made of",
  };

  /** Everything in which our schema of a model differs from the contract's. */
  function differences(model: string, schema: JsonSchema, isReply: boolean): string[] {
    const fields = models[model]?.fields ?? [];
    const ours = schema.properties ?? {};
    const unknown = Object.keys(ours).filter((name) => !fields.some((field) => field.name === name));
    return [
      ...unknown.map((name) => `${model}.${name}: not in the contract`),
      ...fields.flatMap((field) => fieldDifferences(model, field, ours[field.name], schema.required ?? [], isReply)),
    ];
  }

  function fieldDifferences(
    model: string,
    field: Field,
    ours: JsonSchema | undefined,
    required: string[],
    isReply: boolean,
  ): string[] {
    const path = `${model}.${field.name}`;
    // A reply may leave out what nothing serves yet, and always tell what the contract may leave out.
    if (ours === undefined) return isReply || field.reply_only ? [] : [`${path}: missing`];
    if (field.reply_only && !isReply) return [`${path}: is for replies only`];
    const found: string[] = [];
    const isRequired = field.required_by_ferry ?? field.required;
    if (!isReply && required.includes(field.name) !== isRequired) found.push(`${path}: required is ${!isRequired}`);
    if (!isReply && field.maxItems !== undefined && ours.maxItems !== field.maxItems) found.push(`${path}: maxItems`);
    if (field.items && models[field.items]) found.push(...differences(field.items, ours.items ?? {}, isReply));
    else if (models[field.type]) found.push(...differences(field.type, ours, isReply));
    else if (field.accepts) {
      if (ours.anyOf?.length !== field.accepts.length) found.push(`${path}: takes ${JSON.stringify(ours)}`);
    } else if (field.enum) {
      if (ours.enum && [...field.enum].sort().join() !== (ours.enum as string[]).toSorted().join())
        found.push(`${path}: other values`);
    } else if (!isReply) {
      const bounds = (one: Record<string, unknown>) =>
        [one.minLength, one.maxLength, one.min ?? one.minimum, capped(one.max ?? one.maximum)].join();
      const type = field.type === "object" ? "object" : field.type;
      if (ours.type !== type || bounds(ours) !== bounds(field)) found.push(`${path}: ${JSON.stringify(ours)}`);
    }
    return found.filter((difference) => !(path in reasons && difference.startsWith(path)));
  }

  /** Whole numbers past 2^53 - 1 are refused, whatever the contract's bound. */
  const capped = (max: unknown) =>
    typeof max === "number" && max > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : max;

  test("requests and replies are the contract's: members, types, bounds, values, what is required", async () => {
    const { json: document } = await ferry.call(null, "GET", "/openapi.json");
    for (const operation of contract.filter(({ id }) => !notYet.has(id))) {
      const { requestBody, responses } = document.paths[operation.path][operation.method.toLowerCase()];
      if (operation.request) {
        const { schema } = requestBody.content["application/json"];
        expect(differences(operation.request, schema, false)).toEqual([]);
      }
      expect(requestBody === undefined).toBe(operation.request === null);
      const { content } = responses["200"];
      if (operation.response_kind === "stream") {
        expect(content).toEqual({ "text/csv; charset=utf-8": { schema: { type: "string" } } });
        continue;
      }
      const { schema } = content["application/json"];
      if (operation.void) expect([operation.id, schema.properties]).toEqual([operation.id, {}]);
      else expect(differences(operation.response, schema, true)).toEqual([]);
    }
  });
});

describe("what people read", () => {
  test("docs/api.md names every operation, and a test does", () => {
    const api = readFileSync(join(import.meta.dir, "../docs/api.md"), "utf8");
    const tests = [...new Glob("**/*.test.ts").scanSync(import.meta.dir)]
      .filter((name) => name !== "gates.test.ts")
      .map((name) => readFileSync(join(import.meta.dir, name), "utf8"))
      .join("\n");
    for (const { id, method, path } of everything()) {
      const call = `${method} ${path.replace("/operate/v1", "").replace("{version}", "v3")}`;
      expect([id, api.includes(id) || api.includes(call)]).toEqual([id, true]);
      expect([id, tests.includes(id) || tests.includes(path)]).toEqual([id, true]);
    }
  });
});

describe("every operation", () => {
  const withCredentials = () => everything().filter(({ declaration }) => declaration.roles.length > 0);
  /** A path with ids that exist nowhere. */
  const pathOf = (path: string) =>
    path
      .replace("{version}", "v3")
      .replace("{project_id}", ferry.keys.admin.project_id)
      .replace(/\{\w+\}/g, "nobody");
  const needsBody = (method: string) => ["POST", "PUT", "PATCH"].includes(method);

  test("has an id of its own", () => {
    const ids = everything().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("without credentials answers nothing but a few named ones", () => {
    const open = everything().filter(({ declaration }) => declaration.roles.length === 0);
    expect(open.map(({ path }) => path).sort()).toEqual(["/healthz", "/openapi.json", "/readyz", "/v3/auth/tokens"]);
  });

  test("answers 401 without credentials and with a wrong secret, whatever the body", async () => {
    const wrong = { ...ferry.keys.admin, secret_key: "wrong" };
    for (const { id, method, path } of withCredentials()) {
      for (const as of [null, wrong]) {
        for (const text of needsBody(method) ? ["{}", "broken"] : [undefined]) {
          const { status, json } = await ferry.call(as, method, pathOf(path), text === undefined ? {} : { text });
          expect([id, status, json.error_code]).toEqual([id, 401, "APIGW.0301"]);
        }
      }
    }
  });

  /** Credentials of every kind, with what each of them may do: what all its roles may. */
  async function everyKindOfCaller(): Promise<{ as: Caller; roles: Role[] }[]> {
    const callers: { as: Caller; roles: Role[] }[] = roles.map((role) => ({ as: role, roles: [role] }));
    for (const role of roles) {
      const password = `password of ${role}`;
      await ferry.call("admin", "POST", "/operate/v1/users", { body: { name: `${role}-user`, role, password } });
      callers.push({ as: { token: await signIn(ferry, `${role}-user`, password) }, roles: [role] });
      for (const narrower of roles.filter((other) => other !== role && covers(role, other))) {
        const body = { user: `${role}-user`, role: narrower, ...(narrower === "viewer" && { expires_in_s: 600 }) };
        callers.push({
          as: (await ferry.call("admin", "POST", "/operate/v1/keys", { body })).json,
          roles: [role, narrower],
        });
      }
    }
    // A key whose user was given a role that no longer covers it may do what both may.
    const { json: changed } = await ferry.call("admin", "POST", "/operate/v1/users", {
      body: { name: "changed", role: "operator" },
    });
    const body = { user: "changed", role: "agent" };
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body });
    await ferry.call("admin", "PATCH", `/operate/v1/users/${changed.id}`, { body: { role: "viewer" } });
    return [...callers, { as: key, roles: ["agent", "viewer"] }];
  }

  test("is refused with 403 to exactly the roles it does not name, before the body is looked at", async () => {
    const callers = await everyKindOfCaller();
    expect(callers.length).toBe(4 + 4 + 5 + 1);
    for (const { id, method, path, declaration } of withCredentials()) {
      for (const { as, roles: its } of callers) {
        const { status } = await ferry.call(as, method, pathOf(path), needsBody(method) ? { text: "broken" } : {});
        const isRefused = its.some((role) => !declaration.roles.includes(role));
        expect([id, its, status === 403, status === 401]).toEqual([id, its, isRefused, false]);
      }
    }
  });

  test("is closed to an agent's key that is bound to another source, after existence", async () => {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const other = await register(ferry, "other-source");
    const ofOneSource = withCredentials().filter(
      ({ path, declaration }) => /\{(source_id|server_id)\}/.test(path) && declaration.roles.includes("agent"),
    );
    expect(ofOneSource.length).toBeGreaterThan(2);
    const body = { command_name: "START", result: "success", result_detail: {} };
    for (const stage of ["not yet bound", "bound"]) {
      if (stage === "bound") await register(ferry, "own-source", {}, key);
      for (const { id, method, path } of ofOneSource) {
        const answered = async (source: string) =>
          (await ferry.call(key, method, path.replace(/\{\w+\}/, source), needsBody(method) ? { body } : {})).status;
        expect([id, stage, await answered(other), await answered("nobody")]).toEqual([id, stage, 403, 404]);
      }
    }
  });

  test("answers another account as if there were nothing, in the same words", async () => {
    const source_id = await register(ferry, "secret-source");
    const { json: command } = await ferry.call("operator", "POST", `/operate/v1/sources/${source_id}/commands`, {
      body: { command_name: "START" },
    });
    const { items } = (await ferry.call("admin", "GET", "/operate/v1/users")).json;
    const own: Record<string, string> = {
      user_id: items[0].id,
      source_id,
      server_id: source_id,
      id: command.id,
      access_key: ferry.keys.viewer.access_key,
    };
    const bodies: Record<string, object> = {
      updateCommandResult: { command_name: "START", result: "success", result_detail: {} },
      queueCommand: { command_name: "START" },
      updateServerName: { name: "taken" },
    };
    const before = await ferry.rows("SELECT count(*) AS n FROM events");
    for (const { id, method, path } of withCredentials().filter(
      // A project of somebody else in the path is refused like one in X-Project-Id.
      (route) => route.path.includes("{") && route.path !== "/{version}" && !route.path.includes("{project_id}"),
    )) {
      const fill = (value: (name: string) => string) => path.replace(/\{(\w+)\}/g, (_, name: string) => value(name));
      const sent = needsBody(method) ? { body: bodies[id] ?? {} } : {};
      const foreign = await ferry.call(
        "foreign",
        method,
        fill((name) => own[name] ?? ""),
        sent,
      );
      const missing = await ferry.call(
        "foreign",
        method,
        fill(() => "nobody"),
        sent,
      );
      expect([id, foreign.status, missing.status]).toEqual([id, 404, 404]);
      const words = (text: string, name: string) => text.replaceAll(name, "ID");
      const [, parameter = ""] = path.match(/\{(\w+)\}/) ?? [];
      expect(words(foreign.json.error_msg, own[parameter] ?? "")).toBe(words(missing.json.error_msg, "nobody"));
    }
    for (const path of ["/v3/sources", "/operate/v1/commands", "/operate/v1/results", "/operate/v1/events"]) {
      expect((await ferry.call("foreign", "GET", path)).text).not.toContain(source_id);
    }
    expect(await ferry.rows("SELECT count(*) AS n FROM events")).toEqual(before);
  });

  test("refuses ids longer than the contract allows with 400", async () => {
    for (const { id, method, path } of withCredentials().filter((route) =>
      /\{(source_id|server_id|id)\}/.test(route.path),
    )) {
      const long = path.replace(/\{\w+\}/, "x".repeat(path.includes("server_id") ? 256 : 37));
      const body = { command_name: "START", result: "success", result_detail: {} };
      const known = id === "queueCommand" ? { command_name: "START" } : id === "updateServerName" ? {} : body;
      expect([id, (await ferry.call("admin", method, long, needsBody(method) ? { body: known } : {})).status]).toEqual([
        id,
        400,
      ]);
    }
  });

  test("does not answer HEAD, an unknown method, path or a trailing slash", async () => {
    const unknown: [string, string][] = [
      ["HEAD", "/v3/sources"],
      ["PATCH", "/v3/sources"],
      ["GET", "/v3/sources/"],
      ["GET", "/v1/sms/sources"],
      ["GET", "/v3/nothing"],
      ["GET", "/operate/v1"],
      ["POST", "/"],
    ];
    for (const as of ["admin", null] as const) {
      for (const [method, path] of unknown) {
        const response = await ferry.send(as as Role, method, path);
        expect([method, path, response.status, response.headers.get("x-request-id")?.length]).toEqual([
          method,
          path,
          404,
          36,
        ]);
        if (method !== "HEAD")
          expect(((await response.json()) as { error_code: string }).error_code).toBe("APIGW.0101");
      }
    }
  });
});

describe("the OpenAPI document", () => {
  test("is served without credentials and describes every operation", async () => {
    const { status, json } = await ferry.call(null, "GET", "/openapi.json");
    expect([status, json.openapi]).toEqual([200, "3.1.0"]);
    const described = Object.entries(json.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(
      everything()
        .map(({ id, method, path }) => `${id} ${method} ${path}`)
        .sort(),
    );
  });

  test("tells bounds, required members and what a reply holds", async () => {
    const { json } = await ferry.call(null, "GET", "/openapi.json");
    const { requestBody, responses } = json.paths["/v3/sources/{server_id}/command_result"].post;
    const { schema } = requestBody.content["application/json"];
    expect(schema.required).toEqual(["command_name", "result", "result_detail"]);
    expect(schema.properties.result.enum).toEqual(["success", "fail"]);
    expect(Object.keys(responses)).toEqual(["200", "400", "401", "403", "404", "413", "500"]);
    const [limit] = json.paths["/operate/v1/results"].get.parameters.filter(
      ({ name }: { name: string }) => name === "limit",
    );
    expect(limit).toMatchObject({
      in: "query",
      required: false,
      schema: { type: "integer", minimum: 1, maximum: 1000 },
    });
  });
});
