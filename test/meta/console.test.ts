import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createApp } from "../../src/app.ts";
import type { ConsoleFiles } from "../../src/meta/console.ts";
import { docsFiles } from "../../src/meta/docs-files.ts";
import { type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const page = "<!doctype html><title>ferry</title>";
const console_files: ConsoleFiles = {
  "index.html": { type: "text/html; charset=utf-8", body: page },
  "console.js": { type: "text/javascript; charset=utf-8", body: "export {};" },
};

type Ask = (path: string, headers?: Record<string, string>, method?: string) => Promise<Response>;
function serving(files: { console_files?: ConsoleFiles; docs_files?: typeof docsFiles }): Ask {
  const app = createApp({ platform: ferry.platform, services: () => ferry.services, ...files });
  return (path, headers = {}, method = "GET") =>
    app.fetch(new Request(`http://ferry.test${path}`, { method, headers }));
}

describe("the console's files", () => {
  test.each(["/console/", "/console/sources", "/console/sources/some-id", "/console/a.b/%2e%2e%2f"])(
    "%s is the page, which finds its way by itself",
    async (path) => {
      const reply = await serving({ console_files })(path);
      expect([reply.status, reply.headers.get("content-type"), await reply.text()]).toEqual([
        200,
        "text/html; charset=utf-8",
        page,
      ]);
    },
  );

  test("assets are under /console/assets by their names, and nothing else is", async () => {
    const ask = serving({ console_files });
    const script = await ask("/console/assets/console.js");
    expect([script.status, script.headers.get("content-type"), await script.text()]).toEqual([
      200,
      "text/javascript; charset=utf-8",
      "export {};",
    ]);
    for (const name of ["nothing.js", "constructor", "__proto__", "%2e%2e%2findex"]) {
      expect([name, (await ask(`/console/assets/${name}`)).status]).toEqual([name, 404]);
    }
  });

  test("the address without its slash leads to the page", async () => {
    const reply = await serving({ console_files })("/console");
    expect([reply.status, reply.headers.get("location")]).toEqual([302, "/console/"]);
  });

  test("page and assets have the strictest policy, and are asked for again each time", async () => {
    const ask = serving({ console_files });
    for (const path of ["/console/", "/console/assets/console.js"]) {
      const { headers } = await ask(path);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect([
        headers.get("cache-control"),
        headers.get("x-content-type-options"),
        headers.get("referrer-policy"),
      ]).toEqual(["no-cache", "nosniff", "no-referrer"]);
    }
  });

  test("what a browser has already is not sent again, as long as it is the same", async () => {
    const ask = serving({ console_files });
    const tag = (await ask("/console/")).headers.get("etag") ?? "";
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
      const reply = await ask("/console/sources", { "if-none-match": known });
      expect([known, reply.status, reply.headers.get("etag"), await reply.text()]).toEqual([known, 304, tag, ""]);
      expect(reply.headers.get("cache-control")).toBe("no-cache");
    }
    const changed = serving({ console_files: { "index.html": { type: "text/html", body: `${page}!` } } });
    for (const reply of [
      await ask("/console/", { "if-none-match": '"other"' }),
      await ask("/console/assets/console.js", { "if-none-match": tag }),
      await changed("/console/", { "if-none-match": tag }),
    ]) {
      expect(reply.status).toBe(200);
    }
  });

  test("a browser that takes gzip gets that, with a tag of its own", async () => {
    const ask = serving({ console_files });
    const plain = await ask("/console/assets/console.js");
    const zipped = await ask("/console/assets/console.js", { "accept-encoding": "br, gzip" });
    expect([plain.headers.get("content-encoding"), zipped.headers.get("content-encoding")]).toEqual([null, "gzip"]);
    expect(zipped.headers.get("vary")).toBe("Accept-Encoding");
    expect(zipped.headers.get("etag")).not.toBe(plain.headers.get("etag"));
    const unzipped = Bun.gunzipSync(new Uint8Array(await zipped.arrayBuffer()));
    expect(new TextDecoder().decode(unzipped)).toBe(await plain.text());
  });

  test("neither the API under /console nor another method is answered with the page", async () => {
    const ask = serving({ console_files });
    for (const path of ["/console/api", "/console/api/", "/console/api/v3/sources", "/console/api/nothing"]) {
      const reply = await ask(path);
      expect([path, reply.status, reply.headers.get("content-type")]).toEqual([path, 401, "application/json"]);
    }
    const session = await ask("/console/session");
    expect([session.status, session.headers.get("content-type")]).toEqual([404, "application/json"]);
    for (const method of ["POST", "PUT", "OPTIONS"]) {
      expect([method, (await ask("/console/", { "x-ferry-console": "1" }, method)).status]).toEqual([method, 404]);
    }
  });

  test("without them there is a text that says so, and the API serves all the same", async () => {
    const ask = serving({});
    for (const path of ["/console", "/console/", "/console/sources", "/console/assets/console.js"]) {
      const reply = await ask(path);
      expect([path, reply.status]).toEqual([path, 404]);
      expect(await reply.text()).toContain("not part of this deployment");
    }
    expect((await ask("/console/api/v3/sources")).status).toBe(401);
  });
});

test("a browser at / goes to the console where there is one, else to the documentation; nobody else does", async () => {
  const browser = { accept: "text/html,*/*" };
  const leadsTo = async (ask: Ask, headers: Record<string, string> = browser) => {
    const reply = await ask("/", headers);
    return [reply.status, reply.headers.get("location")];
  };
  const both = serving({ console_files, docs_files: docsFiles });
  expect(await leadsTo(both)).toEqual([302, "/console/"]);
  expect(await leadsTo(serving({ console_files }))).toEqual([302, "/console/"]);
  expect(await leadsTo(serving({ docs_files: docsFiles }))).toEqual([302, "/docs"]);
  expect(await leadsTo(serving({}))).toEqual([401, null]);
  expect(await leadsTo(both, {})).toEqual([401, null]);
  expect(await leadsTo(both, { ...browser, "x-auth-token": "x" })).toEqual([401, null]);
});
