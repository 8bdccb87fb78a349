/* What a button or a view does, as a line for a shell. */

/** A call of the public API. */
export interface Call {
  method: "GET" | "POST" | "DELETE";
  /** With its query. */
  path: string;
  body?: object;
}

/** With the token of POST /v3/auth/tokens in FERRY_TOKEN; `-g`: brackets in an address are meant as they are. */
export function asCurl(origin: string, { method, path, body }: Call): string {
  const data = body ? ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}` : "";
  const verb = method === "GET" ? "" : ` -X ${method}`;
  return `curl -g${verb} -H "X-Auth-Token: $FERRY_TOKEN"${data} ${quoted(origin + path)}`;
}

export function asCli({ method, path, body }: Call): string {
  return `ferry api ${method} ${quoted(path)}${body ? ` -d ${quoted(JSON.stringify(body))}` : ""}`;
}

/** As a shell takes it for one word. */
export function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
