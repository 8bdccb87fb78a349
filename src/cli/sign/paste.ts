import { Buffer } from "node:buffer";
import { CliFailure } from "../failure.ts";
import { curlRequest } from "./curl.ts";
import { buildRequest, type PastedRequest } from "./request.ts";

/** Reads raw HTTP (request line, headers, empty line, body) or a curl command line. */
export function parsePasted(bytes: Uint8Array): PastedRequest {
  const text = Buffer.from(bytes);
  const start = text.subarray(0, 200).toString("utf8").trimStart();
  return /^(\$ +)?curl\s/.test(start)
    ? curlRequest(text.toString("utf8").trim().replace(/^\$ +/, ""))
    : rawRequest(text);
}

function rawRequest(text: Buffer): PastedRequest {
  const [head, body] = splitAtEmptyLine(text);
  const [line = "", ...headers] = head.trim().split(/\r?\n/);
  const [, method, target] = /^([A-Za-z]+) +(\S+)( +HTTP\/[\d.]+)?$/.exec(line.trim()) ?? [];
  if (method === undefined || target === undefined) {
    throw new CliFailure(
      "usage",
      `the request begins with ${JSON.stringify(line.slice(0, 60))}: it takes a request line (GET /v3/sources HTTP/1.1) or a curl command`,
    );
  }
  const request = buildRequest(method, target, headers, body);
  return { ...request, body: withoutEditorsNewline(request) };
}

function splitAtEmptyLine(text: Buffer): [head: string, body: Buffer] {
  const [end = text.length, length = 0] =
    ["\r\n\r\n", "\n\n"]
      .map((empty): [number, number] => [text.indexOf(empty), empty.length])
      .filter(([at]) => at >= 0)
      .sort(([a], [b]) => a - b)[0] ?? [];
  return [text.subarray(0, end).toString("utf8"), text.subarray(end + length)];
}

/** Editors end a file with a newline that no client has sent: where it can be told, it is left out. */
function withoutEditorsNewline({ headers, body }: PastedRequest): Uint8Array {
  if (/^\s*$/.test(Buffer.from(body).toString("latin1"))) return new Uint8Array();
  const length = headers.find(([name]) => name === "content-length")?.[1];
  return length !== undefined && body.length === Number(length) + 1 ? body.subarray(0, -1) : body;
}
