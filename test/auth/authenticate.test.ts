import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { signedRequest } from "../../src/client/client.ts";
import { sha256Hex } from "../../src/core/digest.ts";
import { checkReply, ENDPOINT, type Ferry, type Key, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

/** A listServers call signed as the admin (or the key given), with headers changed after signing; its status and code. */
async function answer(
  after: Record<string, string | null>,
  key: Partial<Key> = ferry.keys.admin,
  before: Record<string, string> = {},
) {
  const request = await signedRequest({ endpoint: ENDPOINT, ...key }, ferry.clock.now(), `${ENDPOINT}/v3/sources`, {
    headers: before,
  });
  for (const [name, value] of Object.entries(after)) {
    if (value === null) request.headers.delete(name);
    else request.headers.set(name, value);
  }
  const response = await ferry.app.fetch(request, {});
  const text = await response.text();
  const json = JSON.parse(text);
  checkReply(undefined, { status: response.status, headers: response.headers, text, json });
  return { status: response.status, code: json.error_code, message: json.error_msg };
}

describe("authenticate", () => {
  test("a signed call passes", async () => {
    expect((await answer({})).status).toBe(200);
  });

  test("no credentials, malformed ones, a token nobody made: 401 in the gateway's shape", async () => {
    for (const after of [
      { authorization: null },
      { authorization: "nonsense" },
      { "x-auth-token": "t" },
      { authorization: null, "x-auth-token": "t" },
    ]) {
      expect(await answer(after)).toMatchObject({ status: 401, code: "APIGW.0301" });
    }
  });

  test("an unknown key and a wrong secret are told in the same words", async () => {
    const { access_key, secret_key } = ferry.keys.admin;
    const wrong = await answer({}, { access_key, secret_key: `${secret_key}x` });
    const unknown = await answer({}, { access_key: "NOSUCHKEY", secret_key });
    expect(wrong.status).toBe(401);
    expect(unknown).toEqual(wrong);
  });

  test("X-Security-Token beside a permanent key is refused, covered or not", async () => {
    expect((await answer({ "x-security-token": "t" })).status).toBe(401);
  });

  test("X-Project-Id and X-Domain-Id may name the own account, signed or not, and nothing else", async () => {
    const { account_id, project_id } = ferry.keys.admin;
    const { foreign } = ferry.keys;
    const cases: [Record<string, string>, number][] = [
      [{ "x-project-id": project_id }, 200],
      [{ "x-project-id": "" }, 200],
      [{ "x-domain-id": account_id }, 200],
      [{ "x-project-id": project_id, "x-domain-id": account_id }, 200],
      [{ "x-project-id": "nobody" }, 403],
      [{ "x-project-id": foreign.project_id }, 403],
      [{ "x-domain-id": foreign.account_id }, 403],
      [{ "x-project-id": `${project_id}, ${project_id}` }, 403],
    ];
    for (const [headers, status] of cases) expect([headers, (await answer(headers)).status]).toEqual([headers, status]);
    expect((await answer({ "x-project-id": "nobody" })).code).toBe("SMS.9004");
  });

  test("a disabled key signs nothing from the next call on", async () => {
    const key = await ferry.services.access.keys.createKey(await ferry.principalOf(ferry.keys.admin), {
      role: "viewer",
    });
    expect((await answer({}, key)).status).toBe(200);
    await ferry.call("admin", "POST", `/operate/v1/keys/${key.access_key}/disable`);
    expect((await answer({}, key)).status).toBe(401);
  });

  test("a body counts towards the signature where the operation takes none", async () => {
    const request = await signedRequest(
      { endpoint: ENDPOINT, ...ferry.keys.admin },
      ferry.clock.now(),
      `${ENDPOINT}/v3/sources/nobody`,
      {
        method: "DELETE",
        headers: { "content-type": "text/plain" },
        body: "anything",
      },
    );
    expect((await ferry.app.fetch(request.clone(), {})).status).toBe(404);
    const changed = new Request(request.url, { method: "DELETE", headers: request.headers, body: "something" });
    expect((await ferry.app.fetch(changed, {})).status).toBe(401);
  });

  test("X-Sdk-Content-Sha256 must be true, covered or not", async () => {
    expect((await answer({ "x-sdk-content-sha256": sha256Hex("") })).status).toBe(200);
    expect((await answer({ "x-sdk-content-sha256": "UNSIGNED-PAYLOAD" })).status).toBe(401);
  });
});
