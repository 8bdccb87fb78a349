import { signedRequest } from "../src/client/client.ts";

/** The key that the first start of every ferry here makes. */
export const KEY = { access_key: "BENCHKEY", secret_key: "a-secret-of-the-measurement-only", project_id: "bench" };

/** Settings of every ferry here. */
export const SETTINGS = {
  FERRY_MASTER_KEY: "0b".repeat(32),
  FERRY_BOOTSTRAP_ACCESS_KEY: KEY.access_key,
  FERRY_BOOTSTRAP_SECRET_KEY: KEY.secret_key,
  FERRY_BOOTSTRAP_PROJECT_ID: KEY.project_id,
};

/** About 300 bytes, as agents tell of a replication. */
export const DETAIL = {
  task_id: "0197f3a2-5c1e-7b4d-9c3f-2f6a1d8e4b70",
  progress: 100,
  replicated_bytes: 53_687_091_200,
  speed_mb_s: 118.25,
  started_at: "2026-11-24T23:07:47.154Z",
  finished_at: "2026-11-24T23:46:10.806Z",
  message: "all volumes replicated: /dev/vda1 ok, /dev/vda2 ok, /dev/vdb1 ok; checksums of 1204311 files equal",
};
const REPORT = JSON.stringify({ command_name: "START", result: "success", result_detail: DETAIL });

type Proof = typeof KEY | { token: string };

const encoder = new TextEncoder();

/** How the requests of an agent are made, whatever they carry as proof. */
export interface Sender {
  poll(source_id: string, query?: string): Promise<string>;
  report(source_id: string): Promise<string>;
}

/** A request with the proof in its head. The host is not signed: it is good for any process. */
async function rawRequest(proof: Proof, method: "GET" | "POST" | "PUT", path: string, body?: string): Promise<string> {
  const init = body === undefined ? { method } : { method, body, headers: { "Content-Type": "application/json" } };
  const { headers } = await signedRequest({ endpoint: "", ...proof }, Date.now(), `http://ferry${path}`, init);
  return travelling(method, path, Object.fromEntries(headers), body);
}

/** A request as it travels, one character a byte. */
export function travelling(method: string, path: string, headers: Record<string, string>, body?: string): string {
  const length = body === undefined ? [] : [`content-length: ${encoder.encode(body).length}`];
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, "host: ferry", ...lines, ...length, "", body ?? ""].join("\r\n");
}

function senderWith(proof: Proof): Sender {
  return {
    poll: (source_id, query = "") => rawRequest(proof, "GET", `/v3/sources/${source_id}/command${query}`),
    report: (source_id) => rawRequest(proof, "POST", `/v3/sources/${source_id}/command_result`, REPORT),
  };
}

/** Requests that carry a signature. */
export const signed = senderWith(KEY);
export const { poll, report } = signed;
/** Requests that carry a token instead. */
export const holding = (token: string) => senderWith({ token });

export const order = (source_id: string) =>
  rawRequest(KEY, "POST", `/operate/v1/sources/${source_id}/commands`, '{"command_name":"START"}');

/** Any other request, as it travels. */
export const signedCall = (method: "GET" | "POST" | "PUT", path: string, body?: object) =>
  rawRequest(KEY, method, path, body && JSON.stringify(body));

/** One call, its reply's JSON. Throws if it was refused. */
// biome-ignore lint/suspicious/noExplicitAny: replies of every kind
export async function call(endpoint: string, method: "GET" | "POST", path: string, body?: object): Promise<any> {
  const init = body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const url = `http://${endpoint}${path}`;
  const response = await fetch(await signedRequest({ endpoint: "", ...KEY }, Date.now(), url, { method, ...init }));
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** A token for a new user of that role, by name and password. */
export async function tokenOf(endpoint: string, role: string): Promise<string> {
  const [name, password] = [`bench-${role}`, "a-password-of-the-measurement-only"];
  await call(endpoint, "POST", "/operate/v1/users", { name, role, password });
  const user = { name, password, domain: { name: "default" } };
  const response = await fetch(`http://${endpoint}/v3/auth/tokens`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ auth: { identity: { methods: ["password"], password: { user } } } }),
  });
  const token = response.headers.get("X-Subject-Token");
  if (!token) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return token;
}
