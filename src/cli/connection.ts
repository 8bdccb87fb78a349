import { readFileSync } from "node:fs";
import type { Connection } from "../client/client.ts";
import { bootstrapFile, readBootstrapFile } from "./bootstrap-file.ts";
import type { ConnectionFlags } from "./connection-flags.ts";
import { CliFailure, messageOf } from "./failure.ts";
import { type Profile, readProfiles } from "./profiles.ts";

const DEFAULT_ENDPOINT = "http://127.0.0.1:8900";

type Credentials = Pick<Connection, "access_key" | "secret_key" | "security_token" | "token">;

/** Where commands call and as whom, and what says so. */
export interface ChosenConnection extends Connection {
  source: string;
  /** The profile it is of. */
  profile?: string;
}

interface Target extends Credentials {
  endpoint: string;
  source: string;
  profile?: string;
  ca?: string | undefined;
}

/**
 * Where to call and as whom; docs/operations.md has the order. Each place gives an endpoint together with its
 * credentials: what is a secret for one service is never sent to another.
 */
export function chooseConnection(
  environment: NodeJS.ProcessEnv,
  flags: ConnectionFlags = {},
  now = Date.now(),
): ChosenConnection {
  const target =
    targetOfFlags(environment, flags, now) ?? targetOfVariables(environment, now) ?? targetOfFiles(environment, now);
  const { ca: own, ...rest } = target;
  const named = flags.cacert ? readCertificates("--cacert", flags.cacert) : undefined;
  const ca = named ?? own ?? (environment.FERRY_CACERT && readCertificates("FERRY_CACERT", environment.FERRY_CACERT));
  return { ...rest, ...(ca && { ca }) };
}

/** What verbs that need credentials take. */
export function signedIn(chosen: ChosenConnection, environment: NodeJS.ProcessEnv): ChosenConnection {
  if (chosen.access_key || chosen.token) return chosen;
  throw new CliFailure(
    "notSignedIn",
    `no credentials for ${chosen.endpoint} (${chosen.source}): sign in with ferry login, or set FERRY_ACCESS_KEY and FERRY_SECRET_KEY; ${bootstrapFile(environment)} was looked for too`,
  );
}

function targetOfFlags(environment: NodeJS.ProcessEnv, flags: ConnectionFlags, now: number): Target | undefined {
  const { profile, endpoint } = flags;
  if (profile && endpoint) throw new CliFailure("usage", "--profile has an endpoint already: leave out --endpoint");
  if (profile) return targetOfProfile(environment, profile, "--profile", now);
  if (!endpoint) return undefined;
  const url = checkedEndpoint("--endpoint", endpoint);
  const given = environment.FERRY_ENDPOINT;
  const areMeant = !given || checkedEndpoint("FERRY_ENDPOINT", given) === url;
  const credentials = (areMeant && ofVariables(environment)) || ofVendor(environment);
  return { endpoint: url, ...credentials, source: "--endpoint" };
}

function targetOfVariables(environment: NodeJS.ProcessEnv, now: number): Target | undefined {
  const { FERRY_ENDPOINT: endpoint, FERRY_PROFILE: profile } = environment;
  const credentials = ofVariables(environment);
  if (profile) {
    const other = endpoint ? "FERRY_ENDPOINT" : credentials?.token ? "FERRY_TOKEN" : "FERRY_ACCESS_KEY";
    if (endpoint || credentials) {
      throw new CliFailure("usage", `FERRY_PROFILE and ${other} are both set: unset one of them, or give --profile`);
    }
    return targetOfProfile(environment, profile, "FERRY_PROFILE", now);
  }
  if (endpoint) {
    const url = checkedEndpoint("FERRY_ENDPOINT", endpoint);
    return { endpoint: url, ...(credentials ?? ofVendor(environment)), source: "FERRY_ENDPOINT" };
  }
  if (!credentials) return undefined;
  const path = bootstrapFile(environment);
  const local = readBootstrapFile(path).FERRY_ENDPOINT;
  const name = credentials.token ? "FERRY_TOKEN" : "FERRY_ACCESS_KEY";
  return {
    endpoint: local ? checkedEndpoint(path, local) : DEFAULT_ENDPOINT,
    ...credentials,
    source: `${name}; endpoint ${local ? `of ${path}` : "by default"}`,
  };
}

function targetOfFiles(environment: NodeJS.ProcessEnv, now: number): Target {
  const path = bootstrapFile(environment);
  const local = readBootstrapFile(path);
  if (local.FERRY_ENDPOINT || local.FERRY_ACCESS_KEY) {
    // FERRY_CACERT of the environment comes before the file's.
    const cacert = environment.FERRY_CACERT ? undefined : local.FERRY_CACERT;
    return {
      endpoint: local.FERRY_ENDPOINT ? checkedEndpoint(path, local.FERRY_ENDPOINT) : DEFAULT_ENDPOINT,
      ...(ofVariables(local) ?? ofVendor(environment)),
      source: path,
      ...(cacert && { ca: readCertificates(`FERRY_CACERT of ${path}`, cacert) }),
    };
  }
  const { current } = readProfiles(environment);
  if (current !== undefined) return targetOfProfile(environment, current, "current", now);
  const credentials = ofVendor(environment);
  return { endpoint: DEFAULT_ENDPOINT, ...credentials, source: credentials ? "HUAWEICLOUD_SDK_AK" : "by default" };
}

function targetOfProfile(environment: NodeJS.ProcessEnv, name: string, by: string, now: number): Target {
  const profile = readProfiles(environment).byName.get(name);
  if (!profile) {
    throw new CliFailure("notSignedIn", `there is no profile ${name} (${by}): sign in with ferry login ${name}`);
  }
  refuseWithoutCredentials(name, profile, now);
  const { endpoint, access_key, secret_key, token, ca } = profile;
  const isExplicit = by !== "current";
  // A certificate of the environment comes before that of a profile nobody named.
  const trusted = !isExplicit && environment.FERRY_CACERT ? undefined : ca;
  return {
    endpoint: checkedEndpoint(`the endpoint of profile ${name}`, endpoint),
    ...(token ? { token } : { access_key, secret_key }),
    source: isExplicit ? `${by} ${name}` : `the current profile, ${name}`,
    profile: name,
    ...(trusted && { ca: trusted }),
  };
}

function refuseWithoutCredentials(name: string, profile: Profile, now: number): void {
  const { access_key, secret_key, token, token_expires_at } = profile;
  if (token) {
    if (token_expires_at === undefined || Date.parse(token_expires_at) > now) return;
    throw new CliFailure("notSignedIn", `the token of profile ${name} has expired; ${signInAgain(name)}`);
  }
  if (access_key && secret_key) return;
  throw new CliFailure("notSignedIn", `profile ${name} is signed out; ${signInAgain(name)}`);
}

/** Endpoint, user and certificates of a profile are kept: its name is enough. */
export function signInAgain(profile: string): string {
  return `sign in again: ferry login ${profile}`;
}

/** The URL as it is called. Throws if it is none, or holds what would be sent along or printed. */
export function checkedEndpoint(what: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new CliFailure("usage", `${what} takes http://HOST:PORT or https://HOST, not ${JSON.stringify(text)}`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new CliFailure("usage", `${what} takes an address only, without user, password, ? and #`);
  }
  return text.replace(/\/+$/, "");
}

/** Certificates as PEM text. */
export function readCertificates(what: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new CliFailure("usage", `${what}: ${messageOf(error)}`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new CliFailure("usage", `${what}: ${path} holds no certificate (PEM, -----BEGIN CERTIFICATE-----)`);
  }
  return text;
}

function ofVariables(values: NodeJS.ProcessEnv): Credentials | undefined {
  const { FERRY_ACCESS_KEY, FERRY_SECRET_KEY, FERRY_SECURITY_TOKEN, FERRY_TOKEN } = values;
  if (FERRY_ACCESS_KEY && FERRY_TOKEN) {
    throw new CliFailure("usage", "FERRY_ACCESS_KEY and FERRY_TOKEN are both set: unset one of them");
  }
  if (FERRY_TOKEN) return { token: FERRY_TOKEN };
  const key = keyOf(FERRY_ACCESS_KEY, FERRY_SECRET_KEY);
  return key && { ...key, ...(FERRY_SECURITY_TOKEN && { security_token: FERRY_SECURITY_TOKEN }) };
}

function ofVendor(values: NodeJS.ProcessEnv): Credentials | undefined {
  return keyOf(values.HUAWEICLOUD_SDK_AK, values.HUAWEICLOUD_SDK_SK);
}

function keyOf(access_key: string | undefined, secret_key: string | undefined): Credentials | undefined {
  if (!access_key) return undefined;
  if (secret_key) return { access_key, secret_key };
  throw new CliFailure("notSignedIn", `access key ${access_key} is set without its secret key: set both`);
}
