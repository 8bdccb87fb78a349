import { Buffer } from "node:buffer";
import { CliFailure } from "../failure.ts";

/** A request as somebody has it in front of them: nothing of it is made good. */
export interface PastedRequest {
  method: string;
  /** As they travel: escaped. */
  path: string;
  query: string;
  /** Names in lower case. */
  headers: [name: string, value: string][];
  /** What a client adds by itself where no header says it; undefined if it cannot be told. */
  host: string | undefined;
  body: Uint8Array;
}

/** Method, target and headers as they are typed. */
export function buildRequest(
  method: string,
  target: string,
  headers: readonly string[],
  body: string | Uint8Array,
): PastedRequest {
  const parts = /^(?:https?:\/\/(?:[^/?#@]*@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?/i.exec(target);
  const [, host, path = "", query = ""] = parts ?? [];
  return { method, path: path || "/", query, headers: headers.map(parseHeader), host, body: Buffer.from(body) };
}

function parseHeader(line: string): [name: string, value: string] {
  const [, name, value] = /^([^:\s]+):(.*)$/s.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw new CliFailure("usage", `a header is written NAME: VALUE, not ${JSON.stringify(line)}`);
  }
  return [name.toLowerCase(), value.trim()];
}
