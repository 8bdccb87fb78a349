import { expect, test } from "bun:test";
import { shellWords } from "../../src/cli/sign/curl.ts";
import { parsePasted } from "../../src/cli/sign/paste.ts";

const parse = (text: string) => {
  const { body, ...rest } = parsePasted(Buffer.from(text));
  return { ...rest, body: Buffer.from(body).toString() };
};

test.each([
  ["GET /v3/sources?limit=10 HTTP/1.1\r\nHost: h:1\r\n\r\n", "GET", "/v3/sources", "limit=10", [["host", "h:1"]], ""],
  ["GET http://h:1/v3?a=b\n", "GET", "/v3", "a=b", [], ""],
  ['post /v3 HTTP/1.1\nA:  b c \n\n{"a":1}', "post", "/v3", "", [["a", "b c"]], '{"a":1}'],
  ["POST /v3 HTTP/1.1\nContent-Length: 2\n\n{}\n", "POST", "/v3", "", [["content-length", "2"]], "{}"],
  ["POST /v3 HTTP/1.1\nContent-Length: 3\n\n{}\n", "POST", "/v3", "", [["content-length", "3"]], "{}\n"],
  ["POST /v3 HTTP/1.1\r\n\r\na\n\nb", "POST", "/v3", "", [], "a\n\nb"],
  ["POST /v3 HTTP/1.1\n\na\r\n\r\nb", "POST", "/v3", "", [], "a\r\n\r\nb"],
  ["curl --data-raw @a h/v3", "POST", "/v3", "", [], "@a"],
  ["curl 'http://h/v3?a=b c'", "GET", "/v3", "a=b c", [], ""],
  [
    "$ curl -sS -g -X PUT -H 'A: it'\\''s' --data-raw '{\"a\":\"\\n\"}' 'http://h:9/v3'",
    "PUT",
    "/v3",
    "",
    [["a", "it's"]],
    '{"a":"\\n"}',
  ],
  ["curl h/v3 \\\n  -d a=1 --data=b=2", "POST", "/v3", "", [], "a=1&b=2"],
  ["curl -XDELETE -o out --url http://h/x", "DELETE", "/x", "", [], ""],
] as const)("%p", (text, method, path, query, headers, body) => {
  expect(parse(text)).toMatchObject({ method, path, query, headers: headers.map((header) => [...header]), body });
});

test.each(["", "hello", "GET", "GET /x HTTP/1.1\nno header", "curl", "curl a b", "curl -d @file http://h"])(
  "%p is refused as wrong usage",
  (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ reason: "usage" }));
  },
);

test("what an address names as the host is what a client sends", () => {
  expect(parse("curl http://user:pw@h:9/x").host).toBe("h:9");
  expect(parse("GET /x").host).toBeUndefined();
});

test("words as a shell splits them", () => {
  expect(shellWords(`a 'b c' "d \\"e\\" \\x" f\\ g 'h'"i"j '' \\\n k`)).toEqual([
    "a",
    "b c",
    'd "e" \\x',
    "f g",
    "hij",
    "",
    "k",
  ]);
});
