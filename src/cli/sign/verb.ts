import type { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseSdkDate, type SigningKey } from "../../core/canonical-request.ts";
import { moment, readValue } from "../arguments.ts";
import type { ChosenConnection } from "../connection.ts";
import { CliFailure, messageOf } from "../failure.ts";
import type { Output } from "../output.ts";
import { group, jsonFlag, verb } from "../verb.ts";
import { type Explanation, explain } from "./explain.ts";
import { parsePasted } from "./paste.ts";
import { buildRequest, type PastedRequest } from "./request.ts";

const explainVerb = verb(
  {
    name: "explain",
    description: "What a request's signature is made from, and where a wrong one went wrong",
    notes: `\
  ferry sign explain GET '/v3/sources?limit=10'
  ferry sign explain --request failing.http --canonical what-my-client-made.txt

A request file holds request line, headers, an empty line and the body, or a curl command. With the secret key of the
request's access key (that of the connection) the signature is checked and wrong ones are traced to common mistakes;
the secret key itself is never printed. Exit status 1: the service would refuse it.
`,
  },
  {
    ...jsonFlag,
    method: { type: "positional", required: false, description: "GET, POST, ...; without --request" },
    path: { type: "positional", required: false, description: "Path with its query, or a URL; without --request" },
    request: { type: "string", valueHint: "file", description: "A request or curl command; - for standard input" },
    header: { type: "string", alias: "H", description: "NAME: VALUE, as often as needed; all are signed" },
    data: { type: "string", alias: "d", description: "Body: text, @FILE or - for standard input" },
    canonical: { type: "string", valueHint: "file", description: "Your client's canonical request or string to sign" },
    at: { type: "string", description: "As of this moment: a date or milliseconds; default: now" },
  },
  async ({ args, words, output, connection }) => {
    if (args.path !== undefined && !/^(\/|https?:)/.test(args.path)) {
      throw new CliFailure("usage", `PATH begins with a slash, not ${JSON.stringify(args.path)}`);
    }
    const request = requestOf(args, words);
    const key = keyOf(connection, output);
    const theirs = args.canonical === undefined ? undefined : readBytes("--canonical", args.canonical).toString("utf8");
    const explanation = explain(request, { key, now: asOf(args.at), theirs });
    if (args.json) output.print(JSON.stringify(explanation, null, 2));
    else print(explanation, output);
    if (explanation.verdict === "differs") throw new CliFailure("failed", "the signature does not match");
    if (explanation.problems.length > 0) throw new CliFailure("failed", "the service would refuse this request");
  },
);

/** Also in the form of X-Sdk-Date. */
function asOf(at: string | undefined): number {
  return (at === undefined ? Date.now() : parseSdkDate(at)) ?? moment("--at", at) ?? Date.now();
}

interface RequestArgs {
  method?: string | undefined;
  path?: string | undefined;
  request?: string | undefined;
  data?: string | undefined;
}

function requestOf({ method, path, request, data }: RequestArgs, words: readonly string[]): PastedRequest {
  const { header = [] } = parseArgs({
    args: [...words],
    options: { header: { type: "string", short: "H", multiple: true }, data: { type: "string", short: "d" } },
    strict: false, // the other flags were checked already
  }).values as { header?: string[] };
  if (request !== undefined) {
    if (method !== undefined || header.length > 0 || data !== undefined) {
      throw new CliFailure("usage", "--request brings method, path, headers and body: leave out the others");
    }
    return parsePasted(readBytes("--request", request));
  }
  if (method === undefined || path === undefined)
    throw new CliFailure("usage", "give METHOD and PATH, or --request FILE");
  return buildRequest(method.toUpperCase(), path, header, data === undefined ? "" : readValue(data));
}

function readBytes(flag: string, path: string): Buffer {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw new CliFailure("usage", `${flag}: ${messageOf(error)}`);
  }
}

/** The connection's key; who is not signed in gets the explanation without the signature. */
function keyOf(connection: () => ChosenConnection, output: Output): SigningKey | undefined {
  try {
    const { access_key, secret_key } = connection();
    return access_key && secret_key ? { access_key, secret_key } : undefined;
  } catch (error) {
    if (!(error instanceof CliFailure) || error.reason !== "notSignedIn") throw error;
    output.tell(error.message);
    return undefined;
  }
}

const verdicts: Record<Explanation["verdict"], string> = {
  matches: "it matches",
  differs: "it does not match",
  unknown: "it cannot be checked without the secret key: sign in as that access key",
  unsigned: "the request has none yet",
};

function print({ access_key, canonical_request, string_to_sign, ...rest }: Explanation, output: Output): void {
  const { signature, verdict, problems, notes } = rest;
  const blocks: [string, string][] = [
    ["Canonical request", canonical_request],
    ["String to sign", string_to_sign],
  ];
  for (const [title, text] of blocks) output.print(`${title}:\n${indented(text)}\n`);
  output.print(`Access key: ${access_key ?? "-"}`);
  output.print(`Expected signature: ${signature ?? "-"}`);
  output.print(`The request's signature: ${verdicts[verdict]}`);
  for (const problem of problems) output.print(`\n- ${indented(problem).trimStart()}`);
  for (const note of notes) output.print(`\n${indented(note)}`);
}

function indented(text: string): string {
  return text.replace(/^/gm, "  ");
}

export const sign = group("sign", "Signatures", { explain: explainVerb });
