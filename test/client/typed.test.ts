import { expect, test } from "bun:test";
import { typedClient } from "../../src/client/typed.ts";

test("a query is written as the service reads it: a space is no plus sign", async () => {
  const asked: string[] = [];
  const fetch = (url: string | URL | Request) => {
    asked.push(String(url));
    return Promise.resolve(Response.json({}));
  };
  const client = typedClient("http://h", { fetch: fetch as typeof globalThis.fetch });
  const query = { q: "a b+c&d=é", limit: "5" };
  await client.operate.v1.sources.$get({ query });
  asked.push(client.operate.v1.sources.$url({ query }).href);
  const written = "http://h/operate/v1/sources?q=a%20b%2Bc%26d%3D%C3%A9&limit=5";
  expect(asked).toEqual([written, written]);
});
