import { expect } from "bun:test";
import { authorization, formatSdkDate } from "../../src/core/canonical-request.ts";
import { declaredRoutes } from "../../src/http/openapi.ts";
import { checkReply, ENDPOINT, type Ferry } from "../harness.ts";

// biome-ignore lint/suspicious/noExplicitAny: replies of every kind
export type Json = any;

export interface Answer {
  status: number;
  json: Json;
  text: string;
}

/**
 * Calls as the Terraform provider for this API does: Content-Type on every request, bodies that end in a newline, some
 * headers signed, and Host, Accept-Encoding, X-Project-Id and X-Domain-Id added once it is signed. With the project of a
 * region, which it looks up by the region's name.
 */
export async function provider(ferry: Ferry, region = "region-1") {
  const key = ferry.keys.operator;

  async function call(method: string, path: string, body?: object, project_id = ""): Promise<Answer> {
    const text = body === undefined ? "" : `${JSON.stringify(body)}\n`;
    const signed: Record<string, string> = {
      accept: "application/json",
      "content-type": "application/json",
      "user-agent": "terraform-provider",
      "x-language": "en-us",
      "x-sdk-date": formatSdkDate(ferry.clock.now()),
    };
    const [plain = "", query = ""] = path.split("?");
    const headers = {
      ...signed,
      authorization: authorization(key, { method, path: plain, query }, signed, text),
      host: "sms.example.test",
      "accept-encoding": "gzip",
      "x-project-id": project_id,
      "x-domain-id": key.account_id,
    };
    const url = `${ENDPOINT}${path}`;
    const request = new Request(url, { method, headers, ...(text !== "" && { body: text }) });
    const response = await ferry.app.fetch(request, { address: "192.0.2.7" });
    const answer = { status: response.status, headers: response.headers, text: await response.text() };
    const json = JSON.parse(answer.text);
    const route = declaredRoutes(ferry.app).find(
      (one) => one.method === method && new RegExp(`^${one.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(plain),
    );
    checkReply(route, { ...answer, json });
    return { status: answer.status, text: answer.text, json };
  }

  const { json } = await call("GET", `/v3/projects?name=${region}`);
  const project_id: string = json.projects[0].id;
  const request = (method: string, path: string, body?: object) => call(method, path, body, project_id);

  return {
    project_id,
    request,
    /** A call that has to succeed, as the provider counts it. */
    async ok(method: string, path: string, body?: object): Promise<Json> {
      const { status, json: reply, text } = await request(method, path, body);
      const good = method === "GET" ? [200] : method === "DELETE" ? [200, 202, 204] : [200, 201, 202];
      expect([method, path, text, good.includes(status)]).toEqual([method, path, text, true]);
      return reply;
    },
    /** All rows of a list that is first asked for without a page, then from as many rows on as there are by now. */
    async rowsByOffset(path: string, name: string): Promise<Json[]> {
      const rows: Json[] = [];
      for (let query = ""; ; query = `?offset=${rows.length}`) {
        const page = (await this.ok("GET", `${path}${query}`))[name];
        if (page.length === 0) return rows;
        rows.push(...page);
      }
    },
    /** All rows of a list that is asked for in hundreds, to the first page that is empty. */
    async rowsInHundreds(path: string, name: string): Promise<Json[]> {
      const rows: Json[] = [];
      for (let offset = 0; ; offset += 100) {
        const page = (await this.ok("GET", `${path}?limit=100&offset=${offset}`))[name];
        if (page.length === 0) return rows;
        rows.push(...page);
      }
    },
  };
}
export type Provider = Awaited<ReturnType<typeof provider>>;
