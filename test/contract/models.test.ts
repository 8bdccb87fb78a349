import { describe, expect, test } from "bun:test";
import { document } from "../../scripts/openapi.ts";
import operations from "./operations.json" with { type: "json" };
import schemas from "./schemas.json" with { type: "json" };

/*
 * The schemas of the OpenAPI document against the models of the contract, member by member and both ways. What a member
 * may be less or more than the contract says stands in `reasons`, with the reason; an entry nothing needs any more fails.
 */

interface Field {
  name: string;
  type: string;
  items?: string | { type: string; items: string };
  required: boolean;
  required_by_ferry?: boolean;
  reply_only?: boolean;
  accepts?: string[];
  enum?: string[];
  enum_also?: string[];
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  itemMinLength?: number;
  itemMaxLength?: number;
  minLength?: number;
  maxLength?: number;
  min?: number;
  max?: number;
}

interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  enum?: string[];
  const?: string;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
}

const models = schemas as unknown as Record<string, { fields: Field[] }>;
type Side = "request" | "reply";

const overviewCounters = models.ShowOverviewResponse?.fields.map(({ name }) => name) ?? [];

const reasons: Record<Side, Record<string, string>> = {
  request: {
    "PostSourceServerBody.name": "needed to register, not to update",
    "PostSourceServerBody.os_type": "needed to register, not to update",
    "PostSourceServerBody.os_version": "needed to register, not to update",
    "PostSourceServerBody.networks": "needed to register, not to update",
    "PostSourceServerBody.agent_version": "needed to register, not to update",
    "CommandBody.command_name": "takes the reportable names only",
    "CommandBody.result": "takes success and fail only",
  },
  reply: {
    "ListApiVersionResponse.versions": "there is one",
    "Version.links": "there is one",
    "ShowApiVersionResponse.links": "there is one",
    "ShowTaskResponse.state": "shown as it is: the query's list has states the reply's has not",
    "TasksResponseBody.state": "shown as it is: the query's list has states the reply's has not",
    "SourceServersResponseBody.state": "shown as it is: changestate's list has a state the reply's has not",
    "SourceServersResponseBody.migration_cycle": "shown as it is: changestate's list has stages the reply's has not",
    "ShowServerResponse.state": "as SourceServersResponseBody",
    "ShowServerResponse.migration_cycle": "as SourceServersResponseBody",
    "SourceServerResponse.state": "as SourceServersResponseBody",
    "SourceServerResponse.migration_cycle": "as SourceServersResponseBody",
    "SourceServerAssociatedWithTask.state": "as SourceServersResponseBody",
    "ListMigprojectsResponse.migprojects": "a page has at most 100",
    "MigprojectsResponseBody.name": "has up to 100 characters where it is made",
    "ListTemplatesResponse.count": "an account may have more",
    "TemplateResponseBody.volumetype": "any type of volume, as it was sent",
    "TemplateResponseBody.data_volume_type": "any type of volume, as it was sent",
    "TemplateResponseBody.flavor": "has up to 65535 characters where it is made",
    "ShowTargetPasswordResponse.target_password": "has up to 1024 characters where it is made",
    "TaskTargetServer.cutovered_snapshot_ids": "has up to 1024 characters in updateTask",
    "TargetPhysicalVolumes.device_use": "any text, as createTask takes it",
    "ShowTaskResponse.total_time": "its unit is on no page",
    "TasksResponseBody.total_time": "its unit is on no page",
    "ShowTaskResponse.float_ip": "no operation tells ferry",
    "ShowTaskResponse.target_snapshot_id": "no operation tells ferry",
    "ShowTaskResponse.subtask_info": "what it holds is on no page",
    "TasksResponseBody.subtask_info": "what it holds is on no page",
    "TaskByServerSource.subtask_info": "what it holds is on no page",
    "TaskByServerSources.subtask_info": "what it holds is on no page",
    "SubTask.user_op": "no operation tells ferry",
    "TaskByServerSource.clone_server": "left out: the Terraform provider cannot read an object here",
    "TaskByServerSources.log_expire": "logs are in the bucket of who collects them: ferry gives no term",
    "TaskByServerSources.log_share_url": "logs are in the bucket of who collects them: ferry gives no link",
    ...Object.fromEntries(overviewCounters.map((name) => [`ShowOverviewResponse.${name}`, "an account may have more"])),
    "ShowConfigSettingResponse.migrate_type": "WINDOWS_MIGRATE_FILE: createTask takes both members it is made of",
  },
};

/** What has been compared, and which of the reasons were needed. */
const compared: Record<Side, Set<string>> = { request: new Set(), reply: new Set() };
const needed: Record<Side, Set<string>> = { request: new Set(), reply: new Set() };
const seenModels = new Set<string>();

/** Everything in which our schema of a model differs from the contract's. */
function differences(side: Side, model: string, schema: JsonSchema): string[] {
  seenModels.add(model);
  const fields = models[model]?.fields ?? [];
  const ours = schema.properties ?? {};
  const unknown = Object.keys(ours).filter((name) => !fields.some((field) => field.name === name));
  return [
    ...unknown.map((name) => `${model}.${name}: not in the contract`),
    ...fields.flatMap((field) => {
      const path = `${model}.${field.name}`;
      if (field.reply_only && side === "request") return ours[field.name] ? [`${path}: is for replies only`] : [];
      compared[side].add(path);
      const own = ofField(side, path, field, ours[field.name], schema.required ?? []);
      if (own.length === 0 || !(path in reasons[side])) return [...own, ...inside(side, field, ours[field.name])];
      needed[side].add(path);
      return inside(side, field, ours[field.name]);
    }),
  ];
}

/** Differences of a member itself. */
function ofField(side: Side, path: string, field: Field, ours: JsonSchema | undefined, required: string[]): string[] {
  if (ours === undefined) return [`${path}: missing`];
  const isRequired = field.required_by_ferry ?? field.required;
  const isOurs = required.includes(field.name);
  const found: string[] = [];
  // A reply may always have what the contract lets it leave out.
  if (side === "request" ? isOurs !== isRequired : isRequired && !isOurs) found.push(`required is ${isOurs}`);
  if (field.type === "array") found.push(...ofArray(side, field, ours));
  else if (models[field.type]) {
    if (!ours.properties && !ours.anyOf?.some(({ properties }) => properties)) found.push("is no object");
  } else found.push(...ofValue(side, field, ours));
  return found.map((difference) => `${path}: ${difference} (${JSON.stringify(ours).slice(0, 200)})`);
}

function ofArray(side: Side, field: Field, ours: JsonSchema): string[] {
  const found: string[] = [];
  if (ours.type !== "array") found.push("is no list");
  const [min = 0, max = Number.POSITIVE_INFINITY] = [field.minItems, field.maxItems];
  const [ourMin = 0, ourMax = Number.POSITIVE_INFINITY] = [ours.minItems, ours.maxItems];
  if (side === "request" ? ourMin !== min || ourMax !== max : ourMin < min || ourMax > max) found.push("other length");
  if (typeof field.items === "object" && ours.items?.type !== "object") found.push("items are no objects");
  if (field.items === "string") {
    const item: Field = { name: "", type: "string", required: false };
    if (field.itemMinLength !== undefined) item.minLength = field.itemMinLength;
    if (field.itemMaxLength !== undefined) item.maxLength = field.itemMaxLength;
    found.push(...ofValue(side, item, ours.items ?? {}).map((difference) => `items: ${difference}`));
  }
  return found;
}

function ofValue(side: Side, field: Field, ours: JsonSchema): string[] {
  const found: string[] = [];
  if (field.accepts) {
    const taken = ours.anyOf?.map(({ type = "" }) => type).sort();
    return taken?.join() === field.accepts.toSorted().join() ? [] : ["takes other types"];
  }
  const values = ours.enum ?? (ours.const === undefined ? undefined : [ours.const]);
  const type = field.type === "map" ? "object" : field.type;
  const ourType = ours.type ?? (values ? "string" : undefined);
  if (ourType !== type && !(side === "reply" && type === "number" && ourType === "integer")) found.push("other type");
  // Listed numbers have the same bounds.
  if (field.enum && type === "string") {
    const allowed = [...field.enum, ...(field.enum_also ?? [])].sort();
    const isSame = values?.toSorted().join() === allowed.join();
    if (side === "request" ? !isSame : !values?.every((value) => allowed.includes(value))) found.push("other values");
  } else if (side === "request") {
    if (boundsOf(field).join() !== boundsOf(ours).join()) found.push(`${boundsOf(ours)} is not ${boundsOf(field)}`);
  } else if (exceeds(boundsOf(field), boundsOf(ours), values)) {
    found.push(`${values ?? boundsOf(ours)} exceeds ${boundsOf(field)}`);
  }
  // Patterns without anchors bound nothing.
  if (/^\^.*\$$/.test(field.pattern ?? "") && ours.pattern !== field.pattern) found.push("other pattern");
  return found;
}

interface Bounded {
  minLength?: number;
  maxLength?: number;
  min?: number;
  minimum?: number;
  max?: number;
  maximum?: number;
}
type Bounds = [
  minLength?: number | undefined,
  maxLength?: number | undefined,
  min?: number | undefined,
  max?: number | undefined,
];

function boundsOf(one: Bounded): Bounds {
  const max = one.max ?? one.maximum;
  // Whole numbers past 2^53 - 1 are refused, whatever the contract's bound.
  const capped = max === undefined ? undefined : Math.min(max, Number.MAX_SAFE_INTEGER);
  return [one.minLength, one.maxLength, one.min ?? one.minimum, capped];
}

/** Whether something is let through that the contract's bounds do not allow. */
function exceeds(theirs: Bounds, ours: Bounds, values: string[] | undefined): boolean {
  const [minLength, maxLength, min, max] = theirs;
  if (values) return values.some((value) => value.length < (minLength ?? 0) || value.length > (maxLength ?? Infinity));
  return (
    (ours[0] ?? 0) < (minLength ?? 0) ||
    (ours[1] ?? Infinity) > (maxLength ?? Infinity) ||
    (ours[2] ?? -Infinity) < (min ?? -Infinity) ||
    (ours[3] ?? Infinity) > (max ?? Infinity)
  );
}

/** Differences of what is inside a member. */
function inside(side: Side, field: Field, ours: JsonSchema | undefined): string[] {
  if (ours === undefined) return [];
  const one = field.type === "array" ? ours.items : ours;
  const model = field.type === "array" ? field.items : field.type;
  if (typeof model !== "string" || !models[model] || one === undefined) return [];
  return differences(side, model, one.anyOf?.find(({ properties }) => properties) ?? one);
}

describe("models of the contract", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document, of which other tests look at the frame
  const { paths, components } = document() as any;

  for (const operation of operations) {
    test(`${operation.id} takes and gives what the contract says, to the member`, () => {
      const { requestBody, responses } = paths[operation.path]?.[operation.method.toLowerCase()] ?? {};
      expect(responses).toBeDefined();
      expect(requestBody === undefined).toBe(operation.request === null);
      if (operation.request) {
        const { schema } = requestBody.content["application/json"];
        expect(differences("request", operation.request, schema)).toEqual([]);
      }
      const content = responses["200"].content;
      if ("response_kind" in operation) {
        expect(content).toEqual({ "text/csv; charset=utf-8": { schema: { type: "string" } } });
        seenModels.add(operation.response);
        return;
      }
      const { schema } = content["application/json"];
      if (!operation.void) expect(differences("reply", operation.response, schema)).toEqual([]);
      else {
        // An empty object where the contract has an optional `body` of no meaning.
        expect([schema.properties, schema.additionalProperties]).toEqual([{}, false]);
        seenModels.add(operation.response);
      }
    });
  }

  test("ErrorBody is the body of refusals", () => {
    expect(differences("reply", "ErrorBody", components.schemas.Error)).toEqual([]);
  });

  test("every member of every model has been compared, and every reason was needed", () => {
    const isOperationRequest = (model: string) =>
      operations.some(({ id }) => `${id[0]?.toUpperCase()}${id.slice(1)}Request` === model);
    const unseen = Object.keys(models).filter((model) => !seenModels.has(model) && !isOperationRequest(model));
    // Server is in no operation; of the 403 body only the two members of ErrorBody are sent, the others are optional.
    expect(unseen).toEqual(["Server", "ForbiddenErrorBody", "ErrorDetail"]);
    expect([compared.request.size, compared.reply.size]).toEqual([355, 516]);
    for (const side of ["request", "reply"] as const) {
      expect(Object.keys(reasons[side]).filter((path) => !needed[side].has(path))).toEqual([]);
    }
  });
});
