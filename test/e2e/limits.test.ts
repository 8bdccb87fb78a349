import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { endAll, Ferry } from "./executable.ts";
import { exchange, head, RawConnection, type RawReply, signedHead } from "./raw-http.ts";

/* What ferry refuses, and in which words, before any rule of its own is asked. */

const MAX_BODY_BYTES = 12 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const JSON_TYPE = { "Content-Type": "application/json" };

let ferry: Ferry;
let source_id: string;
let resultPath: string;
beforeAll(async () => {
  ferry = await Ferry.start();
  source_id = await ferry.registerSource();
  resultPath = `/v3/sources/${source_id}/command_result`;
});
/** Whatever was refused: the next one is served. */
afterEach(async () => {
  expect((await ferry.call("GET", `/v3/sources/${source_id}`)).status).toBe(200);
});
afterAll(endAll);

/** A valid report of exactly that many bytes. */
function reportOf(bytes: number): Uint8Array {
  const [start, end] = ['{"command_name":"START","result":"success","result_detail":{"filler":"', '"}}'];
  return Buffer.from(`${start}${"x".repeat(bytes - start.length - end.length)}${end}`);
}

function* chunked(body: Uint8Array): Iterable<string | Uint8Array> {
  for (let from = 0; from < body.length; from += CHUNK_BYTES) {
    const chunk = body.subarray(from, from + CHUNK_BYTES);
    yield `${chunk.length.toString(16)}\r\n`;
    yield chunk;
    yield "\r\n";
  }
  yield "0\r\n\r\n";
}

async function countStored(): Promise<number> {
  return (await ferry.results(`?source_id=${source_id}`)).length;
}

function expectGatewayRefusal(reply: RawReply, status: number, error_code: string): void {
  expect(reply.status).toBe(status);
  expect(reply.headers["content-type"]).toStartWith("application/json");
  const body = JSON.parse(reply.body);
  expect(body).toEqual({ error_code, error_msg: expect.any(String), request_id: expect.any(String) });
  expect(body.request_id).toHaveLength(36);
  expect(body.request_id).toBe(reply.headers["x-request-id"]);
}

function withLength(body: Uint8Array, path = resultPath) {
  return [signedHead(ferry, "POST", path, body, { ...JSON_TYPE, "Content-Length": String(body.length) }), body];
}

function inChunks(body: Uint8Array, path = resultPath) {
  return [signedHead(ferry, "POST", path, body, { ...JSON_TYPE, "Transfer-Encoding": "chunked" }), ...chunked(body)];
}

test("a body of exactly 12 MiB passes, with its length told and in chunks, and is stored whole", async () => {
  const body = reportOf(MAX_BODY_BYTES);
  const { filler } = JSON.parse(Buffer.from(body).toString()).result_detail;
  const large = await ferry.registerSource("large");
  const path = `/v3/sources/${large}/command_result`;
  for (const parts of [withLength(body, path), inChunks(body, path)]) {
    expect(await exchange(ferry, parts)).toMatchObject({ status: 200, body: "{}" });
  }
  const stored = await ferry.results(`?source_id=${large}`);
  expect(stored.map(({ result_detail }) => (result_detail as { filler: string }).filler === filler)).toEqual([
    true,
    true,
  ]);
});

test("a byte more is 413, with its length told and in chunks", async () => {
  const body = reportOf(MAX_BODY_BYTES + 1);
  const before = await countStored();
  for (const parts of [withLength(body), inChunks(body)]) {
    expectGatewayRefusal(await exchange(ferry, parts), 413, "APIGW.0201");
  }
  expect(await countStored()).toBe(before);
});

for (const bytes of [MAX_BODY_BYTES + 1, 2 ** 30]) {
  test(`a body of ${bytes} bytes is refused before it is sent`, async () => {
    const announced = head(ferry, "POST", resultPath, { ...JSON_TYPE, "Content-Length": String(bytes) });
    expectGatewayRefusal(await exchange(ferry, [announced]), 413, "APIGW.0201");
  });
}

test("a body without end is refused as soon as it is too large", async () => {
  const connection = await RawConnection.open(ferry);
  connection.send(head(ferry, "POST", resultPath, { ...JSON_TYPE, "Transfer-Encoding": "chunked" }));
  const part = [...chunked(reportOf(CHUNK_BYTES))].slice(0, 3);
  let reply: RawReply | undefined;
  const replied = connection.reply().then((received) => {
    reply = received;
  });
  for (let sent = 0; reply === undefined && sent < 4 * MAX_BODY_BYTES; sent += CHUNK_BYTES) {
    for (const bytes of part) connection.send(bytes);
    await Bun.sleep(1);
  }
  await replied;
  connection.close();
  expectGatewayRefusal(reply as unknown as RawReply, 413, "APIGW.0201");
});

test("the connection goes on after a refusal, with the next request and not with the rest of the body", async () => {
  const connection = await RawConnection.open(ferry);
  const body = reportOf(MAX_BODY_BYTES + 1);
  connection.send(head(ferry, "POST", resultPath, { ...JSON_TYPE, "Content-Length": String(body.length) }));
  expectGatewayRefusal(await connection.reply(), 413, "APIGW.0201");
  connection.send(body);
  connection.send(signedHead(ferry, "GET", "/v3"));
  expect(await connection.reply()).toMatchObject({ status: 200, body: expect.stringContaining('"id":"v3"') });
  connection.close();
});

test("size comes before credentials, and credentials before the body", async () => {
  const large = head(ferry, "POST", resultPath, { ...JSON_TYPE, "Content-Length": String(MAX_BODY_BYTES + 1) });
  expectGatewayRefusal(await exchange(ferry, [large, reportOf(MAX_BODY_BYTES + 1)]), 413, "APIGW.0201");
  const broken = head(ferry, "POST", resultPath, { ...JSON_TYPE, "Content-Length": "1" });
  expectGatewayRefusal(await exchange(ferry, [broken, "{"]), 401, "APIGW.0301");
});

test("HTTP/1.1 without Host is 400", async () => {
  expect((await exchange(ferry, ["GET /healthz HTTP/1.1\r\n\r\n"])).status).toBe(400);
});

test("what is not HTTP is turned away", async () => {
  expect((await exchange(ferry, ["\x16\x03\x01 hello\r\n\r\n"])).status).toBe(400);
});

test("a token of 16,384 characters is refused in our words", async () => {
  const token = { "X-Auth-Token": "t".repeat(16_384) };
  expectGatewayRefusal(await exchange(ferry, [head(ferry, "GET", "/v3/sources", token)]), 401, "APIGW.0301");
});

test("headers without bounds are refused", async () => {
  const reply = await exchange(ferry, [head(ferry, "GET", "/v3/sources", { "X-Auth-Token": "t".repeat(1_000_000) })]);
  expect([400, 401, 431]).toContain(reply.status);
});

const bodies: { title: string; body: string | Uint8Array; headers?: Record<string, string>; status: number }[] = [
  { title: "broken JSON", body: '{"command_name":"START"', status: 400 },
  { title: "nothing", body: "", status: 400 },
  { title: "an array", body: "[]", status: 400 },
  { title: "null", body: "null", status: 400 },
  {
    title: "not UTF-8",
    body: Buffer.from('{"command_name":"START","result":"success","result_detail":{"a":"\u00ff"}}', "latin1"),
    status: 400,
  },
  {
    title: "JSON as text/plain",
    body: '{"command_name":"START","result":"success","result_detail":{}}',
    headers: { "Content-Type": "text/plain" },
    status: 400,
  },
  {
    title: "a form",
    body: "command_name=START",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    status: 400,
  },
  {
    title: "a wrong command",
    body: '{"command_name":"TASK_NOT_STARTED","result":"success","result_detail":{}}',
    status: 400,
  },
  {
    title: "a detail that is text",
    body: '{"command_name":"START","result":"success","result_detail":"{}"}',
    status: 400,
  },
  {
    title: "too deep",
    body: `{"command_name":"START","result":"success","result_detail":${'{"a":'.repeat(400_000)}1${"}".repeat(400_000)}}`,
    status: 400,
  },
  {
    title: "JSON of no type",
    body: '{"command_name":"START","result":"success","result_detail":{}}',
    headers: {},
    status: 200,
  },
  {
    title: "JSON with a charset",
    body: '{"command_name":"START","result":"success","result_detail":{}}',
    headers: { "Content-Type": "application/json; charset=GBK" },
    status: 200,
  },
  {
    title: "JSON with a newline",
    body: '{"command_name":"START","result":"success","result_detail":{}}\n',
    status: 200,
  },
];
for (const { title, body, headers = JSON_TYPE, status } of bodies) {
  test(`a body that is ${title} is ${status}`, async () => {
    const bytes = Buffer.from(body);
    const before = await countStored();
    const reply = await exchange(ferry, [
      signedHead(ferry, "POST", resultPath, bytes, { ...headers, "Content-Length": String(bytes.length) }),
      bytes,
    ]);
    expect(reply.status).toBe(status);
    expect(reply.headers["content-type"]).toStartWith("application/json");
    expect(reply.headers["x-request-id"]).toHaveLength(36);
    if (status === 200) expect(reply.body).toBe("{}");
    else expect(JSON.parse(reply.body)).toEqual({ error_code: "SMS.8001", error_msg: expect.stringMatching(/./) });
    expect(await countStored()).toBe(status === 200 ? before + 1 : before);
  });
}

test("HEAD, and every path or method there is not, is 404, with credentials and without", async () => {
  const routes = [
    ["HEAD", "/v3/sources"],
    ["HEAD", `/v3/sources/${source_id}/command`],
    ["PATCH", "/v3/sources"],
    ["OPTIONS", "/v3/sources"],
    ["GET", "/v3/nothing"],
    ["GET", "/v3/sources/"],
    ["DELETE", resultPath],
  ] as const;
  for (const [method, path] of routes) {
    const hasBody = method !== "HEAD";
    for (const request of [signedHead(ferry, method, path), head(ferry, method, path)]) {
      const reply = await exchange(ferry, [request], { hasBody });
      expect({ method, path, status: reply.status }).toEqual({ method, path, status: 404 });
      expect(reply.headers["x-request-id"]).toHaveLength(36);
      if (hasBody) expectGatewayRefusal(reply, 404, "APIGW.0101");
    }
  }
});

test("a signature is good for its own request line, whatever the Host header is made to say", async () => {
  const other = await ferry.registerSource("other");
  const path = `/operate/v1/sources/${source_id}/commands`;
  const body = '{"command_name":"START"}';
  const signed = signedHead(ferry, "POST", path, body, { ...JSON_TYPE, "Content-Length": String(body.length) });
  const targets = [
    `/aa/operate/v1/sources/${other}/commands?x=//y${path}`,
    `/operate/v1/sources/${other}/commands?x=//y${path}`,
    `//y${path}`,
  ];
  for (const host of ["Host: x y\r\n", "Host: \r\n", "Host: a/b\r\n", "Host: \u00fc\r\n", "Host: h\r\n", ""]) {
    for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
      for (const target of targets) {
        const head = signed
          .replace(/^POST \S+ HTTP\/1\.1/, `POST ${target} ${version}`)
          .replace(/Host: [^\r]*\r\n/, host)
          .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        const { status } = await exchange(ferry, [head, body]);
        expect([host, version, target, status >= 400]).toEqual([host, version, target, true]);
      }
    }
  }
  for (const id of [other, source_id]) {
    const { items } = (await (await ferry.call("GET", `/operate/v1/commands?source_id=${id}`)).json()) as {
      items: unknown[];
    };
    expect(items).toEqual([]);
  }
});

test("HTTP/1.0 without Host is served: load balancers ask so", async () => {
  expect(await exchange(ferry, ["GET /healthz HTTP/1.0\r\n\r\n"])).toMatchObject({
    status: 200,
    body: '{"status":"ok"}',
  });
});
