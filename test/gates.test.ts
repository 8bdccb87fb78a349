import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { version } from "../package.json" with { type: "json" };
import { covers } from "../src/auth/principal.ts";
import { type Role, roles } from "../src/core/words.ts";
import { type DeclaredRoute, declaredRoutes, openApiDocument } from "../src/http/openapi.ts";
import contract from "./contract/operations.json" with { type: "json" };
import schemas from "./contract/schemas.json" with { type: "json" };
import {
  type Caller,
  type Ferry,
  type Reply,
  register,
  registration,
  type Sent,
  signIn,
  startFerry,
} from "./harness.ts";
import {
  bodies,
  bringToCutover,
  headersOf,
  makeObjects,
  makePerson,
  nothing,
  type Objects,
  pathTo,
  task,
} from "./objects.ts";

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
  test("every SMS operation is served, by id, method, path and roles, and no other one", () => {
    const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
    const served = everything()
      .filter(isOfTheContract)
      .map(({ id, method, path, declaration }) => ({ id, method, path, roles: [...declaration.roles] }));
    const promised = contract.map(({ id, method, path, roles: allowed }) => ({ id, method, path, roles: allowed }));
    expect(served.sort(byId)).toEqual(promised.sort(byId) as typeof served);
    expect(served.length).toBe(50);
  });

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
    // Its two lists differ: the query takes what replies show too.
    const taskStates = schemas.TasksResponseBody.fields.find(({ name }) => name === "state")?.enum ?? [];
    for (const operation of contract) {
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
      const [state] = operation.id === "listTasks" ? expected.filter(({ name }) => name === "state") : [];
      if (state) state.enum = [...new Set([...(state.enum as string[]), ...taskStates])];
      expect([
        operation.id,
        declared.map(({ name, in: place, required, schema }) => ({ name, place, required, ...shape(schema) })),
      ]).toEqual([
        operation.id,
        expected.map(({ name, place, required, ...bounds }) => ({ name, place, required, ...shape(bounds) })),
      ]);
    }
  });
});

describe("what people read", () => {
  test("docs/api.md has a row for every operation of the contract, with its call", () => {
    const api = readFileSync(join(import.meta.dir, "../docs/api.md"), "utf8");
    const rows = contract.map(({ id, method, path }) => `| ${id} | \`${method} ${path}\` | `);
    expect(rows.filter((row) => api.split(row).length !== 2)).toEqual([]);
  });

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
  /** A valid body, where an operation takes one. */
  const withBody = (id: string, objects: Objects): Sent => ({ ...(bodies[id] && { body: bodies[id](objects) }) });

  test("has an id of its own", () => {
    const ids = everything().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("without credentials answers nothing but a few named ones", () => {
    const open = everything().filter(({ declaration }) => declaration.roles.length === 0);
    expect(open.map(({ path }) => path).sort()).toEqual([
      "/console/session",
      "/console/session",
      "/healthz",
      "/openapi.json",
      "/readyz",
      "/v3/auth/tokens",
    ]);
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

  test("takes a body where it declares one, and there is a valid one for it here", () => {
    const taking = everything().filter(({ declaration }) => declaration.json !== undefined);
    expect(Object.keys(bodies).sort()).toEqual(taking.map(({ id }) => id).sort());
    const ofTheContract = contract.filter(({ request }) => request !== null).map(({ id }) => id);
    expect(ofTheContract.filter((id) => !(id in bodies))).toEqual([]);
  });

  test("succeeds for every role it names, with a valid body and real objects", async () => {
    await makePerson(ferry);
    const token = await signIn(ferry, "person", "password of a person");
    let cells = 0;
    for (const { id, method, path, declaration } of everything()) {
      for (const as of declaration.roles.length > 0 ? declaration.roles : [null]) {
        const objects = await makeObjects(ferry);
        if (id === "returnTask") await bringToCutover(ferry, objects);
        const sent = { ...withBody(id, objects), headers: headersOf(id, token) };
        const { status, text } = await ferry.call(as, method, pathTo(path, objects), sent);
        const { status: usual = 200 } = declaration;
        expect([id, as, status, text.slice(0, 300)]).toEqual([id, as, usual, text.slice(0, 300)]);
        if (contract.some((operation) => operation.id === id && operation.void)) expect([id, text]).toEqual([id, "{}"]);
        cells += 1;
      }
    }
    expect(cells).toBe(everything().reduce((sum, { declaration }) => sum + (declaration.roles.length || 1), 0));
    expect(cells).toBeGreaterThan(180);
  }, 180_000);

  test("is closed to an agent's key that is bound to another source, after existence", async () => {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const other = await makeObjects(ferry);
    const ofOneSource = withCredentials().filter(
      ({ path, declaration }) => /\{(source_id|server_id|task_id)\}/.test(path) && declaration.roles.includes("agent"),
    );
    expect(ofOneSource.map(({ id }) => id).sort()).toEqual([
      "showCertKey",
      "showCommand",
      "showConfigSetting",
      "showPassphrase",
      "showServer",
      "showTask",
      "showsSpeedLimits",
      "updateCommandResult",
      "updateConsistencyResult",
      "updateCopyState",
      "updateDiskInfo",
      "updateNetworkCheckInfo",
      "updateTaskSpeed",
    ]);
    let own = nothing;
    for (const stage of ["not yet bound", "bound"]) {
      if (stage === "bound") {
        const source_id = await register(ferry, "own-source", {}, key);
        const { json } = await ferry.call("admin", "POST", "/v3/tasks", { body: task(source_id) });
        own = { ...nothing, source_id, task_id: json.id };
      }
      const before = await ferry.rows("SELECT count(*) AS n FROM events");
      for (const { id, method, path } of ofOneSource) {
        const answered = async (objects: Objects) =>
          (await ferry.call(key, method, pathTo(path, objects), withBody(id, objects))).status;
        expect([id, stage, await answered(other), await answered(nothing)]).toEqual([id, stage, 403, 404]);
      }
      expect(await ferry.rows("SELECT count(*) AS n FROM events")).toEqual(before);
    }
    for (const { id, method, path } of ofOneSource) {
      const { status } = await ferry.call(key, method, pathTo(path, own), withBody(id, own));
      expect([id, status]).toEqual([id, 200]);
    }
  });

  /** What changed in the database, by the number of events. */
  const events = () => ferry.rows("SELECT count(*) AS n FROM events");

  /** Holds two refusals against each other: the same words about an object that is another account's and about none. */
  async function looksMissing(id: string, objects: Objects, call: (objects: Objects) => Promise<Reply>, code: string) {
    const status = code === "SMS.2216" ? 400 : 404;
    const foreign = await call(objects);
    const missing = await call({ ...nothing, idle_source_id: "nobody" });
    expect([id, foreign.status, missing.status]).toEqual([id, status, status]);
    expect([id, foreign.json.error_code]).toEqual([id, missing.json.error_code]);
    const withoutIds = (text: string) =>
      [...Object.values(objects), "nobody"].reduce((words, value) => words.replaceAll(value, "ID"), text);
    expect(withoutIds(foreign.json.error_msg)).toBe(withoutIds(missing.json.error_msg));
  }

  test("answers another account as if there were nothing, in the same words", async () => {
    const objects = await makeObjects(ferry);
    // The first look at them makes an account's SystemProject.
    await ferry.call("foreign", "GET", "/v3/migprojects");
    const before = await events();
    const ofAnObject = withCredentials().filter(
      // A project of somebody else in the path is refused like one in X-Project-Id; a version and a text are no objects.
      ({ path }) => /\{(?!version|project_id|key\b)\w+\}/.test(path),
    );
    expect(ofAnObject.filter(isOfTheContract).length).toBe(
      contract.filter(({ path }) => /\{(\w+_id|id)\}/.test(path)).length,
    );
    for (const { id, method, path } of ofAnObject) {
      const call = (named: Objects) => ferry.call("foreign", method, pathTo(path, named), withBody(id, named));
      await looksMissing(id, objects, call, "SMS.8004");
    }
    const lists = [
      "/v3/sources",
      "/v3/tasks",
      "/v3/migprojects",
      "/v3/vm/templates",
      "/v3/errors?offset=0",
      "/operate/v1/commands",
      "/operate/v1/results",
      "/operate/v1/events",
      "/operate/v1/users",
      "/operate/v1/keys",
      "/operate/v1/sources",
      "/operate/v1/attention",
    ];
    for (const path of lists) {
      const { status, text } = await ferry.call("foreign", "GET", path);
      expect([path, status]).toEqual([path, 200]);
      for (const value of Object.values(objects)) expect(text).not.toContain(value);
    }
    const { json } = await ferry.call("foreign", "GET", "/v3/sources/overview");
    expect(Object.values(json).every((counter) => counter === 0)).toBe(true);
    expect(await events()).toEqual(before);
  });

  test("answers a body that names another account's object as if there were nothing, and does nothing for the others in it", async () => {
    const objects = await makeObjects(ferry);
    const own = await register(ferry, "foreign-source", {}, "foreign");
    const { json: ownTask } = await ferry.call("foreign", "POST", "/v3/tasks", { body: task(own) });
    const { json: ownTemplate } = await ferry.call("foreign", "POST", "/v3/vm/templates", {
      body: { template: { name: "foreign-template" } },
    });
    const naming: Record<string, [method: string, path: string, body: (named: Objects) => object]> = {
      deleteServers: ["POST", "/v3/sources/delete", ({ source_id }) => ({ ids: [own, source_id] })],
      deleteTasks: ["POST", "/v3/tasks/delete", ({ task_id }) => ({ ids: [ownTask.id, task_id] })],
      deleteTemplates: [
        "POST",
        "/v3/vm/templates/delete",
        ({ template_id }) => ({ ids: [ownTemplate.id, template_id] }),
      ],
      exportConsistencyResults: [
        "POST",
        "/v3/tasks/consistency-results/export",
        ({ task_id }) => ({ task_info: [{ task_id: ownTask.id }, { task_id }] }),
      ],
      registerServer: ["POST", "/v3/sources", ({ source_id }) => ({ ...registration(), id: source_id })],
      updateServerName: [
        "PUT",
        `/v3/sources/${own}`,
        ({ mig_project_id }) => ({ name: "taken", migprojectid: mig_project_id }),
      ],
      createTask: ["POST", "/v3/tasks", ({ source_id }) => task(source_id)],
    };
    const before = await events();
    for (const [id, [method, path, body]] of Object.entries(naming)) {
      const call = (named: Objects) => ferry.call("foreign", method, path, { body: body(named) });
      await looksMissing(id, objects, call, id === "createTask" ? "SMS.2216" : "SMS.8004");
    }
    expect(await events()).toEqual(before);
    for (const path of [`/v3/sources/${own}`, `/v3/tasks/${ownTask.id}`, `/v3/vm/templates/${ownTemplate.id}`]) {
      expect((await ferry.call("foreign", "GET", path)).status).toBe(200);
    }
  });

  test("refuses ids longer than the contract allows with 400, and looks for those that are not", async () => {
    const objects = await makeObjects(ferry);
    const longest = new Map(
      contract.flatMap(({ id, path_params }) =>
        path_params.map(({ maxLength }) => [id, maxLength] as [string, number]),
      ),
    );
    let tried = 0;
    for (const { id, method, path } of withCredentials()) {
      const max = longest.get(id) ?? (/^\/operate.*\{(source_id|id)\}/.test(path) ? 36 : undefined);
      if (max === undefined) continue;
      const answered = async (length: number) => {
        const long = path.replace(/\{\w+\}/, "v".repeat(length));
        return (await ferry.call("admin", method, long, withBody(id, objects))).status;
      };
      expect([id, await answered(max), await answered(max + 1)]).toEqual([id, id === "showSha256" ? 200 : 404, 400]);
      tried += 1;
    }
    expect(tried).toBe(contract.filter(({ path_params }) => path_params.length > 0).length + 4);
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
  test("is docs/openapi.json: npm run openapi writes it", async () => {
    const stored = readFileSync(join(import.meta.dir, "../docs/openapi.json"), "utf8");
    const { json } = await ferry.call(null, "GET", "/openapi.json");
    expect(JSON.parse(stored)).toEqual(json);
    expect(json.info.version).toBe(version);
  });

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
