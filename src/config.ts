import * as v from "valibot";
import { parseObject } from "./core/json-object.ts";
import { parseMasterKey } from "./core/sealed.ts";
import { cloudMembers, cloudRegionMembers } from "./core/words.ts";

/** Where to listen. IPv6 hosts without brackets. */
export interface ListenAddress {
  hostname: string;
  port: number;
}

const Listen = v.pipe(
  v.string(),
  v.regex(/^(\[[0-9a-fA-F:.]+\]|[^:[\]]*):\d{1,5}$/, "HOST:PORT, for example 127.0.0.1:8900 or [::1]:8900"),
  v.transform((value): ListenAddress => {
    const colon = value.lastIndexOf(":");
    return {
      hostname: value.slice(0, colon).replace(/^\[|\]$/g, "") || "0.0.0.0",
      port: Number(value.slice(colon + 1)),
    };
  }),
  v.check(({ port }) => port <= 65535, "a port from 0 to 65535"),
);

const Switch = v.pipe(
  v.string(),
  v.regex(/^(true|false)$/, "true or false"),
  v.transform((value) => value === "true"),
);

/** `region-1:az1,az2;region-2:az3` */
const Zones = v.pipe(
  v.string(),
  v.regex(
    /^$|^[\w-]+:[\w-]+(,[\w-]+)*(;[\w-]+:[\w-]+(,[\w-]+)*)*$/,
    "REGION:ZONE,ZONE;REGION:ZONE, for example region-1:region-1a,region-1b",
  ),
  v.transform((value) =>
    Object.fromEntries(
      value
        .split(";")
        .filter((part) => part !== "")
        .map((part) => part.split(":"))
        .map(([region = "", zones = ""]) => [region, zones.split(",")]),
    ),
  ),
);

const cloudNames: ReadonlySet<string> = new Set([...cloudMembers, ...cloudRegionMembers]);

/** `{"ecs_domain":"ecs.{region}.example.com"}` */
const AgentConfig = v.pipe(
  v.string(),
  v.transform((value) => (value === "" ? {} : parseObject(value))),
  v.check(
    (members) =>
      members !== undefined &&
      Object.entries(members).every(
        ([name, value]) => cloudNames.has(name) && typeof value === "string" && value !== "",
      ),
    `a JSON object of texts that are not empty; its members: ${[...cloudNames].join(", ")}`,
  ),
  v.transform((members) => members as Readonly<Record<string, string>>),
);

const Days = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, "a whole number of days from 0 (for ever) to 99999"),
  v.transform(Number),
  v.description("days"),
);

const Seconds = (least: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,8}$/, `a whole number of seconds, at least ${least}`),
    v.transform(Number),
    v.minValue(least, `a whole number of seconds, at least ${least}`),
  );

const bootstrapValue = v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 - _")));

/**
 * Every setting, once. Flag `--listen`, variable FERRY_LISTEN and the file's `listen` are the same setting; a flag
 * wins over a variable, a variable over the file. Secrets have no flag: a process list would show them.
 */
const SettingsSchema = v.strictObject({
  listen: v.optional(v.pipe(Listen, v.description("Address to serve on, HOST:PORT")), "127.0.0.1:8900"),
  data: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1, "a folder"),
      v.description("Folder for the database, the master key and bootstrap.env"),
    ),
    "./ferry-data",
  ),
  tls_cert: v.optional(
    v.pipe(v.string(), v.description("Certificate with its chain, a PEM file: serve HTTPS; read again on SIGHUP")),
  ),
  tls_key: v.optional(v.pipe(v.string(), v.description("The certificate's key, a PEM file"))),
  insecure_http: v.optional(
    v.pipe(Switch, v.description("Plain HTTP beyond this machine: where a proxy in front speaks TLS")),
    "false",
  ),
  trusted_proxies: v.optional(
    v.pipe(
      v.string(),
      v.description("Proxies whose X-Forwarded-For tells the client's address: addresses and ranges, by commas"),
    ),
  ),
  database_url: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^(file:|https?:\/\/|libsql:\/\/|wss?:\/\/)./,
        "file:PATH, or http://, https:// or libsql:// for a libSQL server",
      ),
      v.description("Database; default: ferry.db in the data folder"),
    ),
  ),
  database_namespace: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 - _"),
      v.description("Database on a libSQL server started with --enable-namespaces: default, unless you made others"),
    ),
  ),
  database_admin_url: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^https?:\/\/./, "http:// or https:// and the admin address of the libSQL server"),
      v.description("Admin address of the libSQL server: ferry tells it to flush each commit to its disk"),
    ),
  ),
  region: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 - _"),
      v.description("Name of the region this instance stands for"),
    ),
    "region-1",
  ),
  availability_zones: v.optional(
    v.pipe(Zones, v.description("Zones of regions, REGION:ZONE,ZONE;REGION:ZONE; default: REGIONa and REGIONb")),
    "",
  ),
  service_domain: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,9}$/, "a domain, for example cloud.example.com"),
      v.description("Domain of the cloud that targets are in: GET /v3/config tells agents ecs.REGION.DOMAIN and so on"),
    ),
    "ferry.internal",
  ),
  agent_config: v.optional(
    v.pipe(
      AgentConfig,
      v.description(
        "Members of GET /v3/config to tell instead, a JSON object; {region} in a text is the region's name",
      ),
    ),
    "",
  ),
  connected_within_s: v.optional(
    v.pipe(Seconds(1), v.description("A source counts as connected this many seconds after its agent was last heard")),
    "60",
  ),
  deliver_within_s: v.optional(
    v.pipe(
      Seconds(1),
      v.description("STOP, SKIP and PREMIGRATE of a task fail if no poll fetches them for so many seconds"),
    ),
    "86400",
  ),
  finish_within_s: v.optional(
    v.pipe(
      Seconds(1),
      v.description("Commands of a task, and passing states, fail if nothing is heard of them for so many seconds"),
    ),
    "86400",
  ),
  results_retention_days: v.optional(
    v.pipe(Days, v.description("Delete reports older than this many days; 0: keep them")),
    "0",
  ),
  events_retention_days: v.optional(
    v.pipe(Days, v.description("Delete events older than this many days; 0: keep them")),
    "0",
  ),
  database_auth_token: v.optional(v.pipe(v.string(), v.description("Token for the libSQL server"))),
  master_key: v.optional(
    v.pipe(
      v.string(),
      v.check((value) => parseMasterKey(value) !== undefined, "64 hex digits"),
      v.description(
        "Key that seals stored secrets; default: made at the first start, in master.key of the data folder",
      ),
    ),
  ),
  bootstrap_access_key: v.optional(
    v.pipe(bootstrapValue.wrapped, v.description("Access key of the first start; default: random")),
  ),
  bootstrap_secret_key: v.optional(
    v.pipe(bootstrapValue.wrapped, v.description("Secret key of the first start; default: random")),
  ),
  bootstrap_project_id: v.optional(
    v.pipe(bootstrapValue.wrapped, v.description("Project id of the first start; default: random")),
  ),
});

export type Settings = v.InferOutput<typeof SettingsSchema>;
export type SettingName = keyof Settings;

/** What the first start is told of the first key; the rest is random. */
export function bootstrapChoice(settings: Settings) {
  const { bootstrap_access_key, bootstrap_secret_key, bootstrap_project_id } = settings;
  return { access_key: bootstrap_access_key, secret_key: bootstrap_secret_key, project_id: bootstrap_project_id };
}

/** The libSQL server that --database-url names. */
export function libsqlServer(settings: Settings, url: string) {
  return { url, auth_token: settings.database_auth_token, namespace: settings.database_namespace };
}

/** Settings that are secret: no flag, never shown. */
const secrets: ReadonlySet<string> = new Set([
  "database_auth_token",
  "master_key",
  "bootstrap_access_key",
  "bootstrap_secret_key",
  "bootstrap_project_id",
]);

/** Settings that are on or off. */
const switches: ReadonlySet<string> = new Set(["insecure_http"]);

export interface SettingInfo {
  name: SettingName;
  /** Undefined for a secret. */
  flag: string | undefined;
  variable: string;
  description: string;
  default: string | undefined;
  /** Given alone, a flag without a value. */
  isSwitch: boolean;
}

/** For the help text and the documentation. */
export const settingInfos: readonly SettingInfo[] = Object.entries(SettingsSchema.entries).map(([name, schema]) => ({
  name: name as SettingName,
  flag: secrets.has(name) ? undefined : `--${name.replaceAll("_", "-")}`,
  variable: variableOf(name),
  description: v.getDescription(schema.wrapped) ?? "",
  default: typeof schema.default === "string" && schema.default !== "" ? schema.default : undefined,
  isSwitch: switches.has(name),
}));

export type SettingValues = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used: names it, its value unless secret, and what is allowed. */
export class SettingError extends Error {}

/** Puts the settings together. Throws a SettingError; an empty text counts as not set. */
export function readSettings(flags: SettingValues, environment: SettingValues, file: SettingValues = {}): Settings {
  for (const name of Object.keys(file)) {
    if (!(name in SettingsSchema.entries)) {
      throw new SettingError(
        `the configuration file has ${name}, which is no setting: there are ${Object.keys(SettingsSchema.entries).join(", ")}`,
      );
    }
  }
  const given: Record<string, string> = {};
  const places: Record<string, string> = {};
  for (const { name, flag, variable } of settingInfos) {
    const candidates: [string, string | undefined][] = [
      [flag ?? name, flag === undefined ? undefined : flags[name]],
      [variable, environment[variable]],
      [`${name} in the configuration file`, file[name]],
    ];
    // A binding that is not set may be null.
    const found = candidates.find(([, value]) => value);
    if (!found?.[1]) continue;
    places[name] = found[0];
    given[name] = found[1];
  }
  const checked = v.safeParse(SettingsSchema, given);
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  const name = v.getDotPath(issue) ?? "";
  // A database URL may carry a token.
  const value = secrets.has(name) || name === "database_url" ? "its value" : JSON.stringify(given[name]);
  throw new SettingError(`${places[name] ?? name}: ${value} is not allowed; it takes ${issue.message}`);
}

/** Variables of the command line, not of the service. */
const ofTheClient = new Set([
  "FERRY_FROM_AUTH_TOKEN",
  "FERRY_TO_AUTH_TOKEN",
  "FERRY_ENDPOINT",
  "FERRY_ACCESS_KEY",
  "FERRY_SECRET_KEY",
  "FERRY_SECURITY_TOKEN",
  "FERRY_TOKEN",
  "FERRY_PROFILE",
  "FERRY_CACERT",
  "FERRY_PROJECT_ID",
]);

/** FERRY_* variables that mean nothing: mistyped ones would otherwise be ignored without a word. */
export function unknownVariables(environment: SettingValues): string[] {
  const known = new Set(settingInfos.map(({ variable }) => variable));
  return Object.keys(environment).filter(
    (name) => name.startsWith("FERRY_") && !known.has(name) && !ofTheClient.has(name),
  );
}

function variableOf(name: string): string {
  return `FERRY_${name.toUpperCase()}`;
}
