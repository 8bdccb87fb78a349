import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseAuthorization, refuseSignature, type SignedRequest } from "../../src/auth/signature.ts";
import {
  authorization,
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  formatSdkDate,
  parseSdkDate,
  signature,
  stringToSign,
  WINDOW_MS,
} from "../../src/core/canonical-request.ts";
import { sha256Hex } from "../../src/core/digest.ts";
import contract from "../contract/signature-vectors.json" with { type: "json" };
import { START } from "../harness.ts";

const KEY = { access_key: contract.access_key, secret_key: contract.secret_key };
const bytes = (text: string) => new TextEncoder().encode(text);

/** Why the request would be refused; undefined if it is accepted. */
function refused(request: SignedRequest, now = START): string | undefined {
  const claim = parseAuthorization(request.headers.get("authorization") ?? "");
  return claim ? refuseSignature(claim, request, KEY.secret_key, now) : "malformed";
}

function toRequest({
  method,
  url,
  headers,
  body,
}: {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: string;
}): SignedRequest {
  const { pathname, search } = new URL(url);
  const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { method, path: pathname, query: search.slice(1), headers: new Headers(given), body: bytes(body) };
}

describe("the contract's vectors", () => {
  test.each(contract.vectors)("$method $url", (vector) => {
    const { method, path, query, headers, body } = toRequest(vector);
    const signed = [...headers].filter(([name]) => vector.authorization.includes(name));
    const canonical = canonicalRequest({ method, canonicalPath: canonicalPath(path), query }, signed, sha256Hex(body));
    expect(canonical).toBe(vector.canonical);
    expect(authorization(KEY, { method, path, query }, Object.fromEntries(signed), body)).toBe(vector.authorization);
    expect(
      refused(toRequest({ ...vector, headers: { ...vector.headers, authorization: vector.authorization } })),
    ).toBeUndefined();
  });
});

/** A request as some client signs it: the headers it covers and those it adds afterwards. */
function signedBy(
  covered: Record<string, string>,
  after: Record<string, string> = {},
  more: Partial<{ method: string; url: string; body: string }> = {},
): SignedRequest {
  const { method = "POST", url = "http://127.0.0.1:8900/v3/sources/a/command_result", body = "" } = more;
  const headers = { "x-sdk-date": formatSdkDate(START), ...covered };
  const plain = toRequest({ method, url, headers: {}, body });
  const value = authorization(KEY, plain, headers, plain.body);
  return toRequest({ method, url, body, headers: { ...headers, ...after, authorization: value } });
}

describe("the forms clients sign in are accepted", () => {
  const context = { "x-project-id": "p" };
  test.each([
    [
      "Python",
      signedBy(
        {
          "content-type": "application/json",
          host: "127.0.0.1:8900",
          "user-agent": "huaweicloud-usdk-python/3.0",
          ...context,
        },
        {},
        { body: '{"command_name": "START", "result_detail": {"\\u00fc": 1}}' },
      ),
    ],
    [
      "Go",
      signedBy(
        { "user-agent": "huaweicloud-usdk-go/3.0", ...context },
        { host: "127.0.0.1:8900", "content-type": "application/json" },
        { body: '{"a":"<>&"}\n' },
      ),
    ],
    ["Node", signedBy({ "content-type": "application/json", host: "127.0.0.1:8900", accept: "*/*" })],
    [
      "Terraform",
      signedBy(
        { accept: "application/json", "user-agent": "Terraform/1", "x-language": "en-us" },
        { host: "h", "x-project-id": "p", "x-domain-id": "d", "x-security-token": "t" },
      ),
    ],
    ["curl by hand", signedBy({})],
    ["with a content hash", signedBy({ "x-sdk-content-sha256": sha256Hex("body") }, {}, { body: "body" })],
    ["any order of the query", signedBy({}, {}, { method: "GET", url: "http://h/v3/sources?z=1&a=2&a=1&empty=" })],
    ["escapes in the path", signedBy({}, {}, { method: "GET", url: "http://h/v3/sources/a%20b%2Fc/command" })],
  ])("%s", (_client, request) => {
    expect(refused(request)).toBeUndefined();
  });

  test("Node's path, escaped twice", () => {
    const date = formatSdkDate(START);
    const canonical = canonicalRequest(
      { method: "GET", canonicalPath: "/v3/sources/a%2520b/", query: "" },
      [["x-sdk-date", date]],
      sha256Hex(""),
    );
    const header = `SDK-HMAC-SHA256 Access=${KEY.access_key}, SignedHeaders=x-sdk-date, Signature=${signature(KEY.secret_key, stringToSign(date, canonical))}`;
    const request = toRequest({
      method: "GET",
      url: "http://h/v3/sources/a%20b",
      body: "",
      headers: { "x-sdk-date": date, authorization: header },
    });
    expect(refused(request)).toBeUndefined();
  });
});

describe("the window", () => {
  test.each([
    [-WINDOW_MS - 1_000, false],
    [-WINDOW_MS, true],
    [0, true],
    [WINDOW_MS, true],
    [WINDOW_MS + 1_000, false],
  ])("a date %d ms from now: accepted %p", (offset, accepted) => {
    expect(refused(signedBy({ "x-sdk-date": formatSdkDate(START + offset) })) === undefined).toBe(accepted);
  });

  test.each([
    "",
    "20300102T030405",
    "2030-01-02T03:04:05Z",
    "20301302T030405Z",
    "20300230T030405Z",
    "20300102T250405Z",
  ])("%p is no date", (text) => {
    expect(parseSdkDate(text)).toBeUndefined();
  });
});

describe("what an Authorization header must be", () => {
  const good = "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=";
  const hex = "0".repeat(64);
  test.each([
    `${good}${hex}0`,
    `${good}${hex.slice(1)}`,
    `${good}${"A".repeat(64)}`,
    `SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;host;x-sdk-date, Signature=${hex}`,
    `SDK-HMAC-SHA256 Access=AK, SignedHeaders=Host;x-sdk-date, Signature=${hex}`,
    `SDK-HMAC-SHA256 Access=AK, SignedHeaders=;x-sdk-date, Signature=${hex}`,
    `SDK-HMAC-SHA256 Access=, SignedHeaders=x-sdk-date, Signature=${hex}`,
    `V11-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=${hex}`,
    `${good}${hex}, ${good}${hex}`,
    "Basic QUs6U0s=",
  ])("not %p", (header) => {
    expect(parseAuthorization(header)).toBeUndefined();
  });

  test("x-sdk-date has to be covered, and every covered header has to be there", () => {
    const date = formatSdkDate(START);
    const plain = toRequest({ method: "GET", url: "http://h/v3/sources", headers: {}, body: "" });
    const uncovered = authorization(KEY, plain, { host: "h" }, "");
    expect(
      refused(
        toRequest({
          method: "GET",
          url: "http://h/v3/sources",
          body: "",
          headers: { host: "h", "x-sdk-date": date, authorization: uncovered },
        }),
      ),
    ).toContain("x-sdk-date");
    const request = signedBy({ accept: "a" });
    request.headers.delete("accept");
    expect(refused(request)).toContain("accept");
  });

  test("a claimed content hash must be that of the bytes received", () => {
    expect(refused(signedBy({ "x-sdk-content-sha256": sha256Hex("other") }, {}, { body: "body" }))).toContain("hash");
    expect(refused(signedBy({}, { "x-sdk-content-sha256": "UNSIGNED-PAYLOAD" }, { body: "body" }))).toContain("hash");
  });
});

describe("any one change is refused", () => {
  const segment = fc
    .string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(..."abcXYZ019-_.~") })
    .filter((text) => text !== "." && text !== "..");
  const member = fc.tuple(segment, fc.string({ maxLength: 8 }));
  const requests = fc.record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
    segments: fc.array(segment, { minLength: 1, maxLength: 5 }),
    query: fc.uniqueArray(member, { maxLength: 4, selector: ([name]) => name }),
    accept: fc.stringMatching(/^[a-z/*]{1,12}$/),
    body: fc.string({ maxLength: 60 }),
  });
  const mutations = fc.constantFrom(
    "method",
    "path",
    "query value",
    "query name",
    "more query",
    "header",
    "date",
    "body",
    "signature",
    "key",
  ) as fc.Arbitrary<string>;

  const urlOf = ({ segments, query }: { segments: string[]; query: [string, string][] }) =>
    `http://h/${segments.join("/")}${query.length > 0 ? `?${query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}` : ""}`;

  test("to method, path, query, covered header, body, date, signature or key", () => {
    fc.assert(
      fc.property(requests, mutations, fc.nat(), (given, mutation, place) => {
        const signed = signedBy(
          { accept: given.accept },
          {},
          { method: given.method, url: urlOf(given), body: given.body },
        );
        expect(refused(signed)).toBeUndefined();
        const changed: SignedRequest = { ...signed, headers: new Headers(signed.headers) };
        const [first] = given.query;
        if (mutation === "method") changed.method = given.method === "GET" ? "PUT" : "GET";
        else if (mutation === "path") changed.path = `${changed.path}x`;
        else if (mutation === "query value" && first) changed.query = changed.query.replace(/=/, "=x");
        else if (mutation === "query name" && first) changed.query = `x${changed.query}`;
        else if (mutation === "header") changed.headers.set("accept", `${given.accept}x`);
        else if (mutation === "date") changed.headers.set("x-sdk-date", formatSdkDate(START + 1_000));
        else if (mutation === "body") changed.body = bytes(`${given.body} `);
        else if (mutation === "signature")
          changed.headers.set("authorization", flipDigit(signed.headers.get("authorization") ?? "", place));
        else if (mutation === "key")
          return (
            refuseSignature(
              parseAuthorization(signed.headers.get("authorization") ?? "") as never,
              changed,
              `${KEY.secret_key}x`,
              START,
            ) !== undefined
          );
        else changed.query = changed.query === "" ? "more=1" : `${changed.query}&more=1`;
        return refused(changed) !== undefined;
      }),
      { numRuns: 2_000 },
    );
  });

  /** Changes one of the 64 digits at the end. */
  function flipDigit(header: string, place: number): string {
    const at = header.length - 64 + (place % 64);
    return `${header.slice(0, at)}${header[at] === "0" ? "1" : "0"}${header.slice(at + 1)}`;
  }

  test("a canonical query does not depend on the order it was written in", () => {
    fc.assert(
      fc.property(fc.array(member), (members) => {
        const written = (list: [string, string][]) =>
          list.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
        return canonicalQuery(written(members)) === canonicalQuery(written([...members].reverse()));
      }),
    );
  });
});
