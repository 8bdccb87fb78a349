import { signedRequest } from "../src/client/client.ts";

/** The key that the first start of every ferry here makes. */
const KEY = { access_key: "BENCHKEY", secret_key: "a-secret-of-the-measurement-only", project_id: "bench" };

/** Settings of every ferry here. */
export const SETTINGS = {
  FERRY_MASTER_KEY: "0b".repeat(32),
  FERRY_BOOTSTRAP_ACCESS_KEY: KEY.access_key,
  FERRY_BOOTSTRAP_SECRET_KEY: KEY.secret_key,
  FERRY_BOOTSTRAP_PROJECT_ID: KEY.project_id,
};

/** About 300 bytes, as agents tell of a replication. */
const DETAIL = {
  task_id: "0197f3a2-5c1e-7b4d-9c3f-2f6a1d8e4b70",
  progress: 100,
  replicated_bytes: 53_687_091_200,
  speed_mb_s: 118.25,
  started_at: "2026-11-24T23:07:47.154Z",
  finished_at: "2026-11-24T23:46:10.806Z",
  message: "all volumes replicated: /dev/vda1 ok, /dev/vda2 ok, /dev/vdb1 ok; checksums of 1204311 files equal",
};
const REPORT = JSON.stringify({ command_name: "START", result: "success", result_detail: DETAIL });

const encoder = new TextEncoder();

/** A signed request as it travels, one character a byte. The host is not signed: it is good for any process. */
async function rawRequest(method: "GET" | "POST", path: string, body?: string): Promise<string> {
  const init = body === undefined ? { method } : { method, body, headers: { "Content-Type": "application/json" } };
  const { headers } = await signedRequest({ endpoint: "", ...KEY }, Date.now(), `http://ferry${path}`, init);
  const length = body === undefined ? [] : [`content-length: ${encoder.encode(body).length}`];
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, "host: ferry", ...lines, ...length, "", body ?? ""].join("\r\n");
}

export const poll = (source_id: string, query = "") => rawRequest("GET", `/v3/sources/${source_id}/command${query}`);
export const report = (source_id: string) => rawRequest("POST", `/v3/sources/${source_id}/command_result`, REPORT);
export const order = (source_id: string) =>
  rawRequest("POST", `/operate/v1/sources/${source_id}/commands`, '{"command_name":"START"}');

/** One call, its reply's JSON. Throws if it was refused. */
// biome-ignore lint/suspicious/noExplicitAny: replies of every kind
export async function call(endpoint: string, method: "GET" | "POST", path: string, body?: object): Promise<any> {
  const init = body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const url = `http://${endpoint}${path}`;
  const response = await fetch(await signedRequest({ endpoint: "", ...KEY }, Date.now(), url, { method, ...init }));
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
