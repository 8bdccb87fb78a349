import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Hono } from "hono";
import { targetOf } from "../../src/http/target.ts";

describe("targetOf", () => {
  test.each([
    ["http://h/v3/sources?a=1", "/v3/sources", "a=1"],
    ["https://h:8443/a%2Fb", "/a%2Fb", ""],
    ["http://h", "/", ""],
    ["http://h?a=//b", "", "a=//b"],
    ["http://h/a?x=//y/b?c", "/a", "x=//y/b?c"],
    ["http://h/a#b?c", "/a", ""],
    ["http://[::1]:80//a", "//a", ""],
  ])("%s", (url, path, query) => {
    expect(targetOf(url)).toEqual({ path, query });
  });

  test.each(["/a/b", "/aa/operate/v1/keys?x=//y/v3/sources", "//a/b", "http:///a", "ftp://h/a", "", "http://?a"])(
    "%p has no path: it is no route",
    (url) => {
      expect(targetOf(url)).toEqual({ path: "", query: "" });
    },
  );

  test("the path a route is found by is the one a signature is checked over", async () => {
    const app = new Hono({ getPath: (request) => targetOf(request.url).path }).all("*", (c) =>
      c.json({ routed: c.req.path, signed: targetOf(c.req.raw.url).path }),
    );
    const piece = fc.constantFrom(
      "/",
      "//",
      "?",
      "#",
      "a",
      "%2F",
      "%25",
      "..",
      ":",
      "@",
      "x=//y/",
      "http://",
      "\\",
      " ",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const url = `http://h/${pieces.join("")}`;
        if (!URL.canParse(url)) return;
        const { routed, signed } = (await (await app.fetch(new Request(url))).json()) as Record<string, string>;
        expect(routed).toBe(signed as string);
      }),
    );
  });
});
