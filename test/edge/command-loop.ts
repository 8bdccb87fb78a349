import { expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { signedRequest } from "../../src/client/client.ts";

/** The key that the tests' first start makes. */
const KEY = { access_key: "AKEDGE", secret_key: "a secret of the tests only".replaceAll(" ", "-") };
export const BOOTSTRAP = {
  FERRY_BOOTSTRAP_ACCESS_KEY: KEY.access_key,
  FERRY_BOOTSTRAP_SECRET_KEY: KEY.secret_key,
  FERRY_BOOTSTRAP_PROJECT_ID: "project-edge",
};

const registration = {
  name: "web-1",
  os_type: "LINUX",
  os_version: "UBUNTU_22_4_64BIT",
  ip: "192.0.2.10",
  agent_version: "24.1.0",
  networks: [],
  firmware: "BIOS",
  boot_loader: "GRUB",
  has_rsync: true,
};

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of every kind
  json: any;
}

/** A caller of a running ferry, agent and operator at once. */
export class Caller {
  constructor(readonly endpoint: string) {}

  request(
    method: string,
    path: string,
    body?: string | object,
    headers: Record<string, string> = {},
  ): Promise<Request> {
    const init = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
    const all = body === undefined ? headers : { "Content-Type": "application/json", ...headers };
    return signedRequest({ endpoint: this.endpoint, ...KEY }, Date.now(), this.endpoint + path, {
      method,
      headers: all,
      ...init,
    });
  }

  async call(...request: Parameters<Caller["request"]>): Promise<Reply> {
    return send(await this.request(...request));
  }

  async register(): Promise<string> {
    return (await this.call("POST", "/v3/sources", registration)).json.id;
  }

  registerMany(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, () => this.register()));
  }

  /** The command, made now or by the same order before. */
  async queue(source_id: string, order: object = { command_name: "START" }): Promise<Reply["json"]> {
    const { status, json } = await this.call("POST", `/operate/v1/sources/${source_id}/commands`, order);
    expect([200, 201]).toContain(status);
    return json;
  }

  async poll(
    source_id: string,
    query = "",
  ): Promise<{ status: number; name: string; id: string | null; attempt: number | null }> {
    const { status, headers, json } = await this.call("GET", `/v3/sources/${source_id}/command${query}`);
    const attempt = headers.get("X-Command-Attempt");
    return {
      status,
      name: json.command_name,
      id: headers.get("X-Command-Id"),
      attempt: attempt === null ? null : Number(attempt),
    };
  }

  report(source_id: string, result_detail: string, headers?: Record<string, string>): Promise<Reply> {
    const body = `{"command_name":"START","result":"success","result_detail":${result_detail}}`;
    return this.call("POST", `/v3/sources/${source_id}/command_result`, body, headers);
  }

  command(id: string): Promise<Reply> {
    return this.call("GET", `/operate/v1/commands/${id}`);
  }
}

export async function send(request: Request): Promise<Reply> {
  const response = await fetch(request);
  const text = await response.text();
  const isJson = response.headers.get("Content-Type") === "application/json";
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** What holds of ferry wherever it runs over a libSQL server. */
export function commandLoop(caller: () => Caller): void {
  test("a command goes out, comes back and is read back exactly", async () => {
    const source_id = await caller().register();
    expect(await caller().poll(source_id)).toEqual({ status: 200, name: "TASK_NOT_STARTED", id: null, attempt: null });

    const { id } = await caller().queue(source_id);
    expect(await caller().poll(source_id)).toEqual({ status: 200, name: "START", id, attempt: 1 });
    expect(await caller().poll(source_id)).toEqual({ status: 200, name: "START", id, attempt: 2 });

    const detail = '{"big":12345678901234567890,"ratio":1.0,"text":"é\\u0000"}';
    expect(await caller().report(source_id, detail, { "X-Command-Id": id })).toMatchObject({ status: 200, json: {} });
    expect(await caller().report(source_id, detail)).toMatchObject({ status: 200, json: {} });
    expect(await caller().poll(source_id)).toMatchObject({ name: "TASK_NOT_STARTED" });

    const command = await caller().command(id);
    expect(command.json).toMatchObject({
      state: "succeeded",
      attempts: 2,
      reports: [{ kind: "matched" }, { kind: "repeat" }],
    });
    expect(command.text.split(`"result_detail":${detail}`)).toHaveLength(3);
    const lines = await caller().call("GET", `/operate/v1/results?source_id=${source_id}`, undefined, {
      Accept: "application/x-ndjson",
    });
    expect(lines.text.trim().split("\n")).toHaveLength(2);
    const events = await caller().call("GET", `/operate/v1/events?source_id=${source_id}&order=oldest`);
    expect(events.json.items.map(({ type }: { type: string }) => type)).toEqual([
      "source.registered",
      "command.queued",
      "command.delivered",
      "command.reported",
      "command.reported",
    ]);
  });

  test("one changed byte of the signature or the body is refused", async () => {
    const source_id = await caller().register();
    const good = await caller().request("GET", `/v3/sources/${source_id}/command`);
    const signature = good.headers.get("Authorization") ?? "";
    const forged = new Request(good, {
      headers: { ...Object.fromEntries(good.headers), Authorization: changeLast(signature) },
    });
    expect(await send(forged)).toMatchObject({ status: 401, json: { error_code: "APIGW.0301" } });

    const report = await caller().request("POST", `/v3/sources/${source_id}/command_result`, '{"a":1}');
    const otherBody = new Request(report.url, { method: "POST", headers: report.headers, body: '{"a":2}' });
    expect(await send(otherBody)).toMatchObject({ status: 401, json: { error_code: "APIGW.0301" } });
  });

  test("a user signs in by password, and the token ends with its user", async () => {
    const user = { name: crypto.randomUUID(), password: "a password of the tests", domain: { name: "default" } };
    const { json: made } = await caller().call("POST", "/operate/v1/users", {
      name: user.name,
      role: "viewer",
      password: user.password,
    });
    const signIn = (password: string) =>
      send(
        new Request(`${caller().endpoint}/v3/auth/tokens`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({
            auth: { identity: { methods: ["password"], password: { user: { ...user, password } } } },
          }),
        }),
      );
    expect(await signIn("another password")).toMatchObject({ status: 401, json: { error: { code: 401 } } });
    const { status, headers } = await signIn(user.password);
    expect(status).toBe(201);
    const token = headers.get("x-subject-token") ?? "";
    const list = () =>
      send(new Request(`${caller().endpoint}/v3/sources?limit=1`, { headers: { "X-Auth-Token": token } }));
    expect((await list()).status).toBe(200);
    await caller().call("PATCH", `/operate/v1/users/${made.id}`, { disabled: true });
    expect((await list()).status).toBe(401);
  });

  test("two registrations at once with an enrolment key make one source", async () => {
    const { json: key } = await caller().call("POST", "/operate/v1/keys", { enrolment: true });
    const register = async () => {
      const init = { method: "POST", headers: { "Content-Type": "application/json" } };
      const body = JSON.stringify(registration);
      const url = `${caller().endpoint}/v3/sources`;
      return (await send(await signedRequest({ endpoint: "", ...key }, Date.now(), url, { ...init, body }))).json.id;
    };
    const [first, second] = await Promise.all([register(), register()]);
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).toBe(first);
  });

  test("polls at once: each answered, none delivered twice unmarked", async () => {
    const sources = await caller().registerMany(50);
    const idle = await Promise.all(sources.map((source_id) => caller().poll(source_id)));
    expect(idle.filter(({ status, name }) => status === 200 && name === "TASK_NOT_STARTED")).toHaveLength(50);

    const some = sources.slice(0, 5);
    await Promise.all(some.map((source_id) => caller().queue(source_id)));
    const twice = await Promise.all(
      some.map((source_id) => Promise.all([caller().poll(source_id), caller().poll(source_id)])),
    );
    for (const polls of twice) expect(polls.map(({ attempt }) => attempt).sort()).toEqual([1, 2]);
  });

  test("reports at once: each ends its own source's command", async () => {
    const sources = await caller().registerMany(30);
    const ids = await Promise.all(sources.map(async (source_id) => (await caller().queue(source_id)).id as string));
    await Promise.all(sources.map((source_id) => caller().poll(source_id)));
    const reports = await Promise.all(
      sources.map((source_id, index) => caller().report(source_id, `{"index":${index}}`)),
    );
    expect(reports.map(({ status }) => status)).toEqual(sources.map(() => 200));

    const ended = await Promise.all(ids.map(async (id) => (await caller().command(id)).json));
    expect(
      ended.map(({ source_id, state, reports }) => [
        source_id,
        state,
        reports.map(({ result_detail }: Reply["json"]) => result_detail.index),
      ]),
    ).toEqual(sources.map((source_id, index) => [source_id, "succeeded", [index]]));
  });

  test("an order's key is good for one order, however many ask at once", async () => {
    const source_id = await caller().register();
    const order = { command_name: "START", idempotency_key: "order-1" };
    const made = await Promise.all([1, 2, 3].map(() => caller().queue(source_id, order)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  });

  test("a task's certificates are made once, its consistency results come back as CSV", async () => {
    const source_id = await caller().register();
    const { status, json: task } = await caller().call("POST", "/v3/tasks", {
      name: "MigrationTask",
      type: "MIGRATE_FILE",
      source_server: { id: source_id },
      target_server: {},
      region_name: "region-1",
      region_id: "region-1",
      project_name: "region-1",
      project_id: "project-1",
    });
    expect(status).toBe(200);
    const certKey = () => caller().call("GET", `/v3/tasks/${task.id}/certkey?enable_ca_cert=true`);
    const [one, other] = await Promise.all([certKey(), certKey()]);
    expect([one.status, other.text]).toEqual([200, one.text]);
    const { ca, cert, private_key } = one.json;
    const agent = new X509Certificate(cert);
    expect([
      agent.verify(new X509Certificate(ca).publicKey),
      agent.checkPrivateKey(createPrivateKey(private_key)),
    ]).toEqual([true, true]);

    const result = { num_total_files: 3, num_different_files: 2, num_target_miss_files: 1, num_target_more_files: 0 };
    const consistency_result = [{ dir_check: "/root/data", ...result }];
    await caller().call("POST", `/v3/tasks/${task.id}/consistency-result`, { consistency_result });
    const { text, headers } = await caller().call("POST", "/v3/tasks/consistency-results/export", {
      task_info: [{ task_id: task.id }],
    });
    expect(headers.get("Content-Type")).toBe("text/csv; charset=utf-8");
    const [, row] = text.split("\r\n");
    expect(row).toMatch(new RegExp(`^${task.id},${source_id},web-1,\\d{13},/root/data,3,2,1,0$`));
  });

  test("/readyz says that a write went through", async () => {
    expect(await send(new Request(`${caller().endpoint}/readyz`))).toMatchObject({
      status: 200,
      json: { status: "ok" },
    });
  });
}

function changeLast(text: string): string {
  return text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
}
