import type { InferResponseType } from "hono/client";
import type { Client } from "../client/client.ts";
import { roles } from "../core/words.ts";
import { oneOf, wholeNumber } from "./arguments.ts";
import { allPages, EVERY, printList } from "./list.ts";
import { formatTime, type Output } from "./output.ts";
import { answer, group, jsonFlag, verb } from "./verb.ts";

type NewKey = InferResponseType<Client["operate"]["v1"]["keys"]["$post"]>;
type Key = InferResponseType<Client["operate"]["v1"]["keys"]["$get"]>["items"][number];

const WEEK_S = 604_800;
const MONTH_S = 2_592_000;
const named = { type: "positional", required: true, description: "The access key" } as const;

const create = verb(
  { name: "create", description: "Make an access key; its secret is shown this once" },
  {
    ...jsonFlag,
    role: { type: "string", description: `${roles.join(", ")}; default: the user's`, words: roles },
    user: { type: "string", description: "User it is for" },
    account: { type: "string", description: "Account it is for; default: your own" },
    description: { type: "string", description: "What it is for" },
    "expires-in": { type: "string", description: "Make it temporary: good for so many seconds (60 to 604800)" },
    enrolment: { type: "boolean", description: "For one agent: good for the one source it registers first" },
  },
  async ({ args, client, connection, output }) => {
    const { role, user, account, description, enrolment } = args;
    const expires_in_s = wholeNumber("--expires-in", args["expires-in"], 60, WEEK_S);
    const json = {
      ...(role !== undefined && { role: oneOf("--role", role, roles) }),
      ...(user !== undefined && { user }),
      ...(account !== undefined && { account }),
      ...(description !== undefined && { description }),
      ...(expires_in_s !== undefined && { expires_in_s }),
      ...(enrolment !== undefined && { enrolment }),
    };
    const { endpoint, ca } = connection();
    printNewKey(output, args.json, endpoint, await answer(client().operate.v1.keys.$post({ json })));
    if (!enrolment) return;
    const trust = ca === undefined ? "" : ", and FERRY_CACERT names the service's certificate";
    output.tell(`next, on the machine, where these are set${trust}: ferry agent --hooks DIR --register`);
  },
);

const list = verb(
  { name: "list", description: "Access keys of an account" },
  { ...jsonFlag, account: { type: "string", description: "Default: your own" } },
  async (context) => {
    const { account } = context.args;
    const query = { limit: "1000", ...(account !== undefined && { account }) };
    const found = await allPages(
      (cursor) => answer(context.client().operate.v1.keys.$get({ query: { ...query, ...(cursor && { cursor }) } })),
      EVERY,
    );
    printList(context, found, {
      "access key": (key) => key.access_key,
      role: (key) => key.role,
      state: stateOf,
      user: (key) => key.user_name,
      source: (key) => key.source_id,
      expires: (key) => formatTime(key.expires_at),
      created: (key) => formatTime(key.created_at),
      description: (key) => key.description,
    });
  },
);

const disable = verb(
  { name: "disable", description: "Make an access key worthless at once" },
  { ...jsonFlag, key: named },
  async ({ args, client, output }) => {
    const key = await answer(client().operate.v1.keys[":access_key"].disable.$post({ param: paramOf(args.key) }));
    if (args.json) output.print(JSON.stringify(key, null, 2));
    output.tell(`${key.access_key} is disabled`);
  },
);

const rotate = verb(
  { name: "rotate", description: "Make a key that takes the place of another one; its secret is shown this once" },
  {
    ...jsonFlag,
    key: named,
    overlap: { type: "string", description: "Seconds for which the old one stays good; default: 86400, a day" },
  },
  async ({ args, client, connection, output }) => {
    const overlap_s = wholeNumber("--overlap", args.overlap, 0, MONTH_S);
    const json = overlap_s === undefined ? {} : { overlap_s };
    const { rotate } = client().operate.v1.keys[":access_key"];
    const made = await answer(rotate.$post({ param: paramOf(args.key), json }));
    printNewKey(output, args.json, connection().endpoint, made);
    output.tell(`it takes the place of ${args.key}: set it where that one is used, before that ends (ferry key list)`);
  },
);

function paramOf(key: string) {
  return { access_key: encodeURIComponent(key) };
}

function stateOf({ disabled_at, expires_at, enrolment, source_id }: Key): string {
  if (disabled_at !== null) return "disabled";
  if (expires_at !== null && expires_at <= Date.now()) return "expired";
  if (enrolment) return source_id === null ? "unused" : "bound";
  return "active";
}

/** What signing in takes. */
function printNewKey(output: Output, json: boolean | undefined, endpoint: string, key: NewKey): void {
  const { access_key, secret_key, account_id, project_id, security_token, expires_at } = key;
  const temporary = security_token !== undefined;
  if (json) {
    const more = { ...(temporary && { security_token }), ...(expires_at && { expires_at }) };
    output.print(JSON.stringify({ access_key, secret_key, account_id, project_id, ...more }));
    return;
  }
  const variables = {
    FERRY_ENDPOINT: endpoint,
    FERRY_ACCESS_KEY: access_key,
    FERRY_SECRET_KEY: secret_key,
    ...(temporary && { FERRY_SECURITY_TOKEN: security_token }),
    FERRY_PROJECT_ID: project_id,
  };
  for (const [name, value] of Object.entries(variables)) output.print(`${name}=${value}`);
  output.tell(`the secret is not shown again${expires_at ? `; good until ${formatTime(expires_at)}` : ""}`);
}

export const key = group("key", "Access keys", { create, list, disable, rotate });
