import { CliFailure } from "../failure.ts";
import { buildRequest, type PastedRequest } from "./request.ts";

const METHOD = ["-X", "--request"];
const HEADER = ["-H", "--header"];
const DATA = ["-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json"];
/** Options whose value says nothing about the request. */
const OTHER_VALUED = ["-o", "--output", "-m", "--max-time", "--cacert", "--connect-timeout", "-w", "--write-out"];

/** The request that a curl command line makes. */
export function curlRequest(command: string): PastedRequest {
  const words = shellWords(command).slice(1);
  const headers: string[] = [];
  const data: string[] = [];
  const urls: string[] = [];
  let method: string | undefined;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, short, joined] = /^(-[XHdom])(.+)$/s.exec(word) ?? [];
    const [, long, given] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [];
    const name = short ?? long ?? word;
    const isValued = [...METHOD, ...HEADER, ...DATA, ...OTHER_VALUED, "--url"].includes(name);
    const value = isValued ? (joined ?? given ?? words.shift() ?? "") : "";
    if (METHOD.includes(name)) method = value;
    else if (HEADER.includes(name)) headers.push(value);
    else if (DATA.includes(name)) data.push(literal(name, value));
    else if (name === "--url") urls.push(value);
    else if (!isValued && !word.startsWith("-")) urls.push(word);
  }
  const [url, ...others] = urls;
  if (url === undefined || others.length > 0) {
    throw new CliFailure("usage", `a curl command with one URL is understood, not with ${urls.length}`);
  }
  const withScheme = /^https?:/i.test(url) ? url : `http://${url}`;
  return buildRequest(method ?? (data.length > 0 ? "POST" : "GET"), withScheme, headers, data.join("&"));
}

function literal(option: string, value: string): string {
  if (value.startsWith("@") && option !== "--data-raw") {
    throw new CliFailure("usage", `${option} ${value} is a file: give METHOD PATH -d ${value} instead of --request`);
  }
  return value;
}

/** Words as a POSIX shell splits and unquotes them, without expanding anything. */
export function shellWords(text: string): string[] {
  const word = /(?:\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|[^\s\\'"])+/g;
  const part = /\\\r?\n|\\([\s\S])|'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|([^\\'"]+)/g;
  return (text.replace(/\\\r?\n/g, " ").match(word) ?? []).map((raw) =>
    [...raw.matchAll(part)]
      .map(([, escaped, single, double, bare]) => {
        if (double !== undefined) return double.replace(/\\([$`"\\])/g, "$1");
        return escaped ?? single ?? bare ?? "";
      })
      .join(""),
  );
}
