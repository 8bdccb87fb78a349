import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, type Connection, client } from "../client/client.ts";
import { CliFailure } from "./failure.ts";

const DEFAULT_ENDPOINT = "http://127.0.0.1:8900";

/**
 * Where to call and as whom: FERRY_ENDPOINT, FERRY_ACCESS_KEY and FERRY_SECRET_KEY; else, unless FERRY_ENDPOINT names
 * another service, bootstrap.env of the one in this folder (or in FERRY_DATA); else the vendor's HUAWEICLOUD_SDK_AK and
 * HUAWEICLOUD_SDK_SK.
 */
export function readConnection(environment: NodeJS.ProcessEnv): Connection {
  const local = environment.FERRY_ENDPOINT ? {} : readBootstrapFile(bootstrapFile(environment));
  const keys = [
    { access_key: environment.FERRY_ACCESS_KEY, secret_key: environment.FERRY_SECRET_KEY },
    { access_key: local.FERRY_ACCESS_KEY, secret_key: local.FERRY_SECRET_KEY },
    { access_key: environment.HUAWEICLOUD_SDK_AK, secret_key: environment.HUAWEICLOUD_SDK_SK },
  ];
  const key = keys.find(({ access_key }) => access_key);
  if (key && !key.secret_key) {
    throw new CliFailure("notSignedIn", `access key ${key.access_key} is set without its secret key: set both`);
  }
  const endpoint = environment.FERRY_ENDPOINT || local.FERRY_ENDPOINT || DEFAULT_ENDPOINT;
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new CliFailure("usage", `FERRY_ENDPOINT takes http://HOST:PORT, not ${JSON.stringify(endpoint)}`);
  }
  return { endpoint: endpoint.replace(/\/+$/, ""), ...key };
}

/** The client of whoever is signed in. Throws if nobody is. */
export function connect(environment: NodeJS.ProcessEnv): Client {
  const connection = readConnection(environment);
  if (!connection.access_key) {
    throw new CliFailure(
      "notSignedIn",
      `no credentials: set FERRY_ACCESS_KEY and FERRY_SECRET_KEY; ${bootstrapFile(environment)} was looked for too`,
    );
  }
  return client(connection, Date.now);
}

function bootstrapFile(environment: NodeJS.ProcessEnv): string {
  return join(environment.FERRY_DATA || "./ferry-data", "bootstrap.env");
}

function readBootstrapFile(path: string): Record<string, string> {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return Object.fromEntries(
      lines.filter((line) => line.includes("=")).map((line) => line.split(/=(.*)/, 2) as [string, string]),
    );
  } catch {
    return {}; // not there, or not ours to read
  }
}
