import { describe, expect, test } from "bun:test";
import { parseAuthorization, refuseSignature } from "../../src/auth/signature.ts";
import { explain } from "../../src/cli/sign/explain.ts";
import { parsePasted } from "../../src/cli/sign/paste.ts";
import { buildRequest, type PastedRequest } from "../../src/cli/sign/request.ts";
import { parseSdkDate, signature, stringToSign } from "../../src/core/canonical-request.ts";
import { sha256Hex } from "../../src/core/digest.ts";
import contract from "../contract/signature-vectors.json" with { type: "json" };

const key = { access_key: contract.access_key, secret_key: contract.secret_key };
const DATE = "20300102T030405Z";
const now = parseSdkDate(DATE) ?? 0;

type Vector = (typeof contract.vectors)[number];

/** A vector as raw HTTP, with a signature of its own. */
function pasted(vector: Vector, authorization = vector.authorization): PastedRequest {
  const { pathname, search } = new URL(vector.url);
  const headers = Object.entries(vector.headers).map(([name, value]) => `${name}: ${value}`);
  const lines = [`${vector.method} ${pathname}${search} HTTP/1.1`, ...headers, `Authorization: ${authorization}`];
  return parsePasted(Buffer.from(`${lines.join("\r\n")}\r\n\r\n${vector.body}`));
}

/** The vector's Authorization header of a client that made another canonical request. */
function signedFrom(vector: Vector, canonical: string, list?: string): string {
  const hex = signature(key.secret_key, stringToSign(DATE, canonical));
  const header = vector.authorization.replace(/[0-9a-f]{64}$/, hex);
  return list === undefined ? header : header.replace(/SignedHeaders=[^,]+/, `SignedHeaders=${list}`);
}

const mutations: { name: string; change: (canonical: string, vector: Vector) => string; says: RegExp }[] = [
  { name: "no final slash", change: (text) => text.replace(/\/\n/, "\n"), says: /final slash/ },
  {
    name: "lower-case method",
    change: (text) => text.replace(/^\w+/, (word) => word.toLowerCase()),
    says: /lower case/,
  },
  {
    name: "host without its port",
    change: (text) => text.replace(/^(host:[^:\n]+):\d+/m, "$1"),
    says: /without its port/,
  },
  { name: "no empty line", change: (text) => text.replace(/\n\n(?=\S+\n[0-9a-f]{64}$)/, "\n"), says: /empty line/ },
  { name: "a newline at the end", change: (text) => `${text}\n`, says: /newline at its end/ },
  {
    name: "the hash of another body",
    change: (text, { body }) => text.replace(/[0-9a-f]{64}$/, sha256Hex(body === "" ? "\n" : "")),
    says: /hash of an empty body|newline at its end that is not sent/,
  },
  {
    name: "the hash in capitals",
    change: (text) => text.replace(/[0-9a-f]{64}$/, (hash) => hash.toUpperCase()),
    says: /capitals/,
  },
  {
    name: "no x-sdk-date line",
    change: (text) => text.replace(/^x-sdk-date:.*\n/m, ""),
    says: /x-sdk-date is in the signed list, but its line was left out/,
  },
];

describe.each(contract.vectors)("the contract's vector $method $url", (vector) => {
  test("matches", () => {
    const explained = explain(pasted(vector), { key, now });
    expect(explained).toMatchObject({ verdict: "matches", problems: [], notes: [], access_key: key.access_key });
    expect(explained.canonical_request).toBe(vector.canonical);
    expect(vector.authorization).toEndWith(`Signature=${explained.signature}`);
  });

  test.each(mutations)("signed with a mistake: $name", ({ change, says }) => {
    const wrong = change(vector.canonical, vector);
    expect(wrong).not.toBe(vector.canonical);
    const explained = explain(pasted(vector, signedFrom(vector, wrong)), { key, now });
    expect(explained.verdict).toBe("differs");
    expect(explained.problems).toEqual([expect.stringMatching(says)]);
  });

  test.each(mutations)(
    "a canonical request that shows the mistake, without the secret key: $name",
    ({ change, says }) => {
      const wrong = change(vector.canonical, vector);
      const explained = explain(pasted(vector), { now, theirs: wrong });
      expect(explained.verdict).toBe("unknown");
      if (wrong === `${vector.canonical}\n`) expect(explained.notes).toEqual([expect.stringContaining("is right")]);
      else expect(explained.problems.slice(1)).toEqual([expect.stringMatching(says)]);
    },
  );

  test("a string to sign that shows it too", () => {
    const wrong = vector.canonical.replace(/\/\n/, "\n");
    const { problems } = explain(pasted(vector), { now, theirs: `${stringToSign(DATE, wrong)}\n` });
    expect(problems).toEqual([
      expect.stringMatching(
        /your string to sign differs from byte \d+ on \(line 3, the hash of the canonical request\)/,
      ),
      expect.stringContaining("final slash"),
    ]);
    const right = explain(pasted(vector), { now, theirs: stringToSign(DATE, vector.canonical) });
    expect(right).toMatchObject({ problems: [], notes: [expect.stringContaining("is right")] });
  });

  test("the service judges alike", () => {
    const headers = mutations.map(({ change }) => signedFrom(vector, change(vector.canonical, vector)));
    for (const authorization of [vector.authorization, ...headers]) {
      for (const at of [now, now + 900_000, now + 901_000]) {
        const { host: _, ...request } = pasted(vector, authorization);
        const claim = parseAuthorization(authorization);
        const signed = { ...request, headers: new Headers(request.headers) };
        const isAccepted = claim !== undefined && refuseSignature(claim, signed, key.secret_key, at) === undefined;
        const { verdict, problems } = explain(pasted(vector, authorization), { key, now: at });
        expect(verdict === "matches" && problems.length === 0).toBe(isAccepted);
      }
    }
  });

  test("two mistakes at once", () => {
    const wrong = vector.canonical.replace(/\/\n/, "\n").replace(/^(host:[^:\n]+):\d+/m, "$1");
    const { problems } = explain(pasted(vector, signedFrom(vector, wrong)), { key, now });
    expect(problems.sort()).toEqual([expect.stringContaining("port"), expect.stringContaining("final slash")]);
  });

  test("a listed header that was not signed, and a signed one that is not listed", () => {
    const without = vector.canonical.replace(/^host:.*\n/m, "").replace(/host;/, "");
    expect(explain(pasted(vector, signedFrom(vector, without)), { key, now }).problems).toEqual([
      "host is listed in SignedHeaders but was not signed",
    ]);
    const list = without.split("\n").at(-2);
    expect(explain(pasted(vector, signedFrom(vector, vector.canonical, list)), { key, now }).problems).toEqual([
      "host was signed but is not listed in SignedHeaders",
    ]);
  });

  test("another secret key, a changed request: neither is blamed on a common mistake", () => {
    const other = { ...key, secret_key: "another" };
    for (const explained of [
      explain(pasted(vector), { key: other, now }),
      explain(pasted({ ...vector, url: `${vector.url}x` }), { key, now }),
    ]) {
      expect(explained).toMatchObject({ verdict: "differs", problems: [] });
      expect(explained.notes).toEqual([expect.stringContaining("none of the common mistakes")]);
    }
  });

  test("three mistakes in a canonical request, each in a part of its own", () => {
    const wrong = mutations
      .filter(({ name }) => ["no final slash", "lower-case method", "the hash in capitals"].includes(name))
      .reduce((text, { change }) => change(text, vector), vector.canonical);
    const says = [/lower case/, /final slash/, /capitals/].map((pattern) => expect.stringMatching(pattern));
    expect(explain(pasted(vector), { now, theirs: wrong }).problems.slice(1)).toEqual(says);
  });

  test("another key's signature cannot be told from this key's secret", () => {
    const explained = explain(pasted(vector), { key: { ...key, access_key: "OTHER" }, now });
    expect(explained).toMatchObject({ verdict: "unknown", signature: undefined, access_key: key.access_key });
  });

  test("the secret key is in nothing that is printed", () => {
    expect(JSON.stringify(explain(pasted(vector), { key, now, theirs: "x" }))).not.toContain(key.secret_key);
  });
});

describe("the query", () => {
  const vector = contract.vectors.find(({ url }) => url.includes("?")) as Vector;
  const { search } = new URL(vector.url);
  const request = (query: string, canonical: string) => {
    const url = vector.url.replace(search, query);
    return pasted({ ...vector, url }, signedFrom(vector, canonical));
  };
  const canonicalWith = (query: string) => vector.canonical.replace(/(?<=\/\n).*/, query);

  test.each([
    ["?z=1&a=2", "z=1&a=2", /unsorted/],
    ["?a=b%20c", "a=b+c", /a space in the query was signed as \+/],
    ["?a=b+c", "a=b%20c", /a \+ in the query was signed as a space/],
    ["?a=b+c", "a=b+c", /a \+ in the query was signed as it is/],
    ["?a=%C3%BC", "a=ü", /without escapes/],
    ["?a", "a", /without its =/],
    ["?a=1", "", /left out/],
  ])("%s signed as %p", (query, signed, says) => {
    const explained = explain(request(query, canonicalWith(signed)), { key, now });
    expect(explained.problems).toEqual([expect.stringMatching(says)]);
  });
});

describe("headers and date, whatever the signature is", () => {
  const authorization = (list: string, hex = "0".repeat(64)) =>
    `Authorization: SDK-HMAC-SHA256 Access=AK, SignedHeaders=${list}, Signature=${hex}`;
  const problems = (headers: string[], at = now, body = "") =>
    explain(buildRequest("GET", "/v3/sources", headers, body), { now: at }).problems;
  const date = `X-Sdk-Date: ${DATE}`;

  test.each([
    ["nothing wrong", [date, authorization("x-sdk-date")], []],
    ["an absent header", [date, authorization("accept;x-sdk-date")], [/accept is listed .* does not have it/]],
    ["the date not listed", [date, "Host: h", authorization("host")], [/x-sdk-date is not listed/]],
    ["a name in capitals", [date, authorization("X-Sdk-Date")], [/not listed/, /lower case/]],
    ["a name twice", [date, authorization("x-sdk-date;x-sdk-date")], [/twice/]],
    ["a header twice", [date, "A: 1", "A: 2", authorization("a;x-sdk-date")], [/sent 2 times/]],
    ["no date", [authorization("x-sdk-date")], [/does not have it/, /no X-Sdk-Date/]],
    ["a date of another form", ["X-Sdk-Date: 2030-01-02", authorization("x-sdk-date")], [/YYYYMMDDTHHMMSSZ/]],
    ["a token too", [date, "X-Auth-Token: t", authorization("x-sdk-date")], [/X-Auth-Token/]],
    ["a signature in capitals", [date, authorization("x-sdk-date", "A".repeat(64))], [/capitals/]],
    ["a short signature", [date, authorization("x-sdk-date", "ab")], [/64 digits/]],
    ["a comma", [date, authorization("x-sdk-date").replace("SHA256 ", "SHA256, ")], [/comma/]],
    ["another algorithm", [date, authorization("x-sdk-date").replace("SDK", "V11")], [/algorithm/]],
    ["another hash", [date, "X-Sdk-Content-Sha256: 00", authorization("x-sdk-date")], [/not the hash of the body/]],
    ["no hash", [date, "X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD", authorization("x-sdk-date")], [/UNSIGNED-PAYLOAD/]],
  ] as [string, string[], RegExp[]][])("%s", (_name, headers, says) => {
    expect(problems(headers)).toEqual(says.map((pattern) => expect.stringMatching(pattern)));
  });

  test("a host that the address names is there, as clients send it", () => {
    const headers = [date, authorization("host;x-sdk-date")];
    const explained = explain(buildRequest("GET", "http://h:1/v3", headers, ""), { now });
    expect(explained.problems).toEqual([]);
    expect(explained.canonical_request).toContain("\nhost:h:1\nx-sdk-date:");
  });

  test("15 minutes either way, and not a second more", () => {
    const headers = [date, authorization("x-sdk-date")];
    for (const away of [-900_000, 900_000]) expect(problems(headers, now + away)).toEqual([]);
    for (const away of [-901_000, 901_000])
      expect(problems(headers, now + away)).toEqual([expect.stringContaining("15 min")]);
  });
});

describe("a signature made wrongly from the right text", () => {
  const [vector] = contract.vectors as [Vector];
  const toSign = stringToSign(DATE, vector.canonical);
  test.each([
    [signature(`${key.secret_key}\n`, toSign), /secret key was used with a newline/],
    [signature(key.secret_key, vector.canonical), /canonical request itself was signed/],
    [signature(key.secret_key, `${toSign}\n`), /with a newline at its end/],
    [sha256Hex(toSign), /without the secret key/],
  ])("%s", (hex, says) => {
    const request = pasted(vector, vector.authorization.replace(/[0-9a-f]{64}$/, hex));
    expect(explain(request, { key, now })).toMatchObject({
      verdict: "differs",
      problems: [expect.stringMatching(says)],
    });
  });

  test("the path escaped twice is accepted, as the service does", () => {
    const request = (header: string) =>
      buildRequest("GET", "/v3/sources/a%20b", [`X-Sdk-Date: ${DATE}`, `Authorization: ${header}`], "");
    const canonical = `GET\n/v3/sources/a%2520b/\n\nx-sdk-date:${DATE}\n\nx-sdk-date\n${sha256Hex("")}`;
    const explained = explain(request(signedFrom(vector, canonical, "x-sdk-date")), { key, now });
    expect(explained).toMatchObject({ verdict: "matches", problems: [] });
  });
});

test("a difference is shown with a caret below it", () => {
  const [vector] = contract.vectors as [Vector];
  const theirs = vector.canonical.replace("host:sms", "host: sms");
  const [shown = ""] = explain(pasted(vector), { now, theirs }).problems;
  const [heading, yours = "", expected = "", caret = ""] = shown.split("\n");
  expect(heading).toBe(
    `your canonical request differs from byte ${theirs.indexOf(": sms") + 2} on (line 4, a header line):`,
  );
  expect(yours[caret.length - 1]).toBe(" ");
  expect(expected[caret.length - 1]).toBe("s");
  expect(yours).toContain("\\nhost: sms");
  const [crlf = ""] = explain(pasted(vector), { now, theirs: vector.canonical.replaceAll("\n", "\r\n") }).problems;
  expect(crlf).toContain("yours     GET\\r\\n");
});
