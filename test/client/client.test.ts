import { afterAll, beforeAll, expect, test } from "bun:test";
import { signedFetch } from "../../src/client/client.ts";

/** Another service, which must see nothing. */
let other: ReturnType<typeof Bun.serve>;
let service: ReturnType<typeof Bun.serve>;
const seen: string[] = [];
beforeAll(() => {
  other = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      seen.push(`${request.method} ${JSON.stringify([...request.headers])} ${await request.text()}`);
      return Response.json({});
    },
  });
  service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      new Response(null, {
        status: Number(new URL(request.url).pathname.slice(1)),
        headers: { location: `http://localhost:${other.port}/` },
      }),
  });
});
afterAll(() => {
  other.stop(true);
  service.stop(true);
});

test.each([301, 302, 303, 307, 308])(
  "a redirect (%d) is answered to the caller: nothing secret goes elsewhere",
  async (status) => {
    const endpoint = service.url.origin;
    for (const credentials of [
      { token: "secret-token" },
      { access_key: "AK", secret_key: "SK", security_token: "secret-security-token" },
      {},
    ]) {
      for (const init of [{ method: "GET" }, { method: "POST", body: '{"password":"secret"}' }]) {
        const response = await signedFetch({ endpoint, ...credentials }, Date.now(), `${endpoint}/${status}`, init);
        expect(response.status).toBe(status);
      }
    }
    expect(seen).toEqual([]);
  },
);
