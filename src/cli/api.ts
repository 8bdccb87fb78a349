import { signedFetch, signedRequest } from "../client/client.ts";
import { oneOf, readValue } from "./arguments.ts";
import { CliFailure } from "./failure.ts";
import { successful, verb } from "./verb.ts";

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

export const api = verb(
  { name: "api", description: "Any call of the API, signed" },
  {
    method: { type: "positional", required: true, description: "GET, POST, PUT, PATCH or DELETE", words: methods },
    path: {
      type: "positional",
      required: true,
      description: "Path with its query, for example '/v3/sources?limit=10'",
    },
    data: { type: "string", alias: "d", description: "JSON body: text, @FILE or - for standard input" },
    curl: {
      type: "boolean",
      description: "Print the signed call as a curl command (good for 15 minutes) instead of making it",
    },
  },
  async ({ args, output, connection: choose }) => {
    const method = oneOf("METHOD", args.method.toUpperCase(), methods);
    if (!args.path.startsWith("/"))
      throw new CliFailure("usage", `PATH begins with a slash, not ${JSON.stringify(args.path)}`);
    const body = args.data === undefined ? undefined : readValue(args.data);
    const connection = choose();
    const headers = { ...(body !== undefined && { "content-type": "application/json" }) };
    const url = `${connection.endpoint}${args.path}`;
    const init = { method, headers, ...(body !== undefined && { body }) };
    if (args.curl && (connection.token || connection.security_token)) {
      throw new CliFailure("usage", "--curl would print the token itself: take a lasting access key");
    }
    if (args.curl) {
      output.print(curlCommand(await signedRequest(connection, Date.now(), url, init), body));
      return;
    }
    const response = await successful(signedFetch(connection, Date.now(), url, init));
    const text = await response.text();
    if (text !== "") output.print(text);
  },
);

function curlCommand(request: Request, body: string | undefined): string {
  const headers = [...request.headers].map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  const data = body === undefined ? [] : [`--data-raw ${quote(body)}`];
  // -g: brackets and braces in the path are meant as they are.
  return ["curl", "-g", `-X ${request.method}`, ...headers, ...data, quote(request.url)].join(" ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
