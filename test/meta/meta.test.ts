import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createApp } from "../../src/app.ts";
import { docsFiles } from "../../src/meta/docs-files.ts";
import { type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

describe("versions", () => {
  test("listApiVersion and showApiVersion", async () => {
    const { json } = await ferry.call("agent", "GET", "/", { headers: { host: "ferry.test" } });
    expect(json.versions).toEqual([
      {
        id: "v3",
        links: [{ href: "http://ferry.test/v3/", rel: "self" }],
        status: "SUPPORTED",
        updated: "2020-09-02T17:50:00Z",
      },
    ]);
    expect((await ferry.call("agent", "GET", "/v3", { headers: { host: "ferry.test" } })).json).toEqual(
      json.versions[0],
    );
  });

  test.each([
    ["/v2", 404, "SMS.8004"],
    ["/v12345678901", 400, "SMS.8001"],
    ["/nothing", 404, "APIGW.0101"],
  ])("%s is refused", async (path, status, code) => {
    const reply = await ferry.call("agent", "GET", path);
    expect([reply.status, reply.json.error_code]).toEqual([status, code]);
  });
});

describe("without credentials", () => {
  test("healthz and readyz answer; readyz writes", async () => {
    expect((await ferry.call(null, "GET", "/healthz")).json).toEqual({ status: "ok" });
    expect((await ferry.call(null, "GET", "/readyz")).json).toEqual({ status: "ok" });
    expect(await ferry.rows("SELECT checked_at FROM readiness")).toEqual([{ checked_at: ferry.clock.now() }]);
  });

  test("a browser at / goes to the documentation; nobody else does", async () => {
    const app = createApp({ platform: ferry.platform, services: () => ferry.services, docs_files: docsFiles });
    const ask = (method: string) =>
      app.fetch(new Request("http://ferry.test/", { method, headers: { accept: "text/html,*/*" } }));
    const browser = await ask("GET");
    expect([browser.status, browser.headers.get("location")]).toEqual([302, "/docs"]);
    expect((await ask("HEAD")).status).toBe(404);
    // Without the page there is nothing to be sent to.
    expect((await ferry.call(null, "GET", "/", { headers: { accept: "text/html" } })).status).toBe(401);
    expect((await ferry.call(null, "GET", "/")).status).toBe(401);
    expect((await ferry.call("viewer", "GET", "/", { headers: { accept: "text/html" } })).status).toBe(200);
  });

  test("the documentation page and its files come from the program, under a strict policy", async () => {
    const app = createApp({ platform: ferry.platform, services: () => ferry.services, docs_files: docsFiles });
    const ask = (path: string) => app.fetch(new Request(`http://ferry.test${path}`));
    const page = await ask("/docs");
    const html = await page.text();
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const files = [...html.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map((match) => match[1] ?? "");
    expect(files.length).toBe(4);
    for (const file of files) expect([file, (await ask(file)).status]).toEqual([file, 200]);
    expect(html).not.toMatch(/https?:\/\//);
    expect((await ask("/docs/constructor")).status).toBe(404);
  });
});

describe("failures nobody foresaw", () => {
  test("answer fixed text with the request id, which the log has with the cause", async () => {
    const broken = {
      ...ferry.services,
      access: { credentials: { findKey: () => Promise.reject(new Error("secret detail")) } },
    };
    const app = createApp({ platform: ferry.platform, services: () => broken as never });
    const response = await app.fetch(
      new Request("http://ferry.test/v3/sources", {
        headers: { authorization: `SDK-HMAC-SHA256 Access=A, SignedHeaders=x-sdk-date, Signature=${"0".repeat(64)}` },
      }),
    );
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toEqual({
      error_code: "SMS.2007",
      error_msg: "an unforeseen error; the log has it under this request id",
    });
    const entry = ferry.logged.at(-1);
    expect(entry?.fields).toMatchObject({
      request_id: response.headers.get("x-request-id"),
      error: "secret detail",
      path: "/v3/sources",
    });
  });

  test("a database that cannot take the write answers 500 with Retry-After, and says so to readyz", async () => {
    const failing = await startFerry();
    failing.database.client.batch = () => Promise.reject(new Error("SQLITE_FULL: database or disk is full"));
    failing.database.client.transaction = () => Promise.reject(new Error("SQLITE_FULL: database or disk is full"));
    for (const [as, method, path] of [
      [null, "GET", "/readyz"],
      ["admin", "POST", "/operate/v1/keys"],
    ] as const) {
      const reply = await failing.call(as, method, path, method === "POST" ? { body: { role: "viewer" } } : {});
      expect([reply.status, reply.json.error_code, reply.headers.get("retry-after")]).toEqual([500, "SMS.2007", "2"]);
    }
    let asked = 0;
    failing.database.client.transaction = () => {
      asked += 1;
      return Promise.reject(new Error("SQLITE_FULL: database or disk is full"));
    };
    for (let round = 0; round < 5; round += 1) expect((await failing.call(null, "GET", "/readyz")).status).toBe(500);
    expect(asked).toBe(0);
    await failing.clock.advance(1_000);
    expect((await failing.call(null, "GET", "/readyz")).status).toBe(500);
    expect(asked).toBe(1);
    await failing.stop();
  });
});
