import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import {
  cleanEnvironment,
  endAll,
  executable,
  Ferry,
  run,
  temporaryFolder,
  testUnless,
  waitUntil,
} from "./executable.ts";

afterAll(endAll);

const withOpenssl = testUnless(Bun.which("openssl") ? undefined : "openssl is not installed");

/** A key and a certificate it signs itself, or that of an authority's. */
async function certificate(folder: string, name: string, subject = name) {
  const cert = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  const made = await run(
    [
      ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30".split(" "),
      ...["-keyout", key, "-out", cert, "-subj", `/CN=${subject}`],
      ...["-addext", "subjectAltName=DNS:ferry.example.org,IP:127.0.0.1"],
    ],
    { cwd: folder, env: cleanEnvironment(folder) },
  );
  if (made.code !== 0) throw new Error(made.stderr);
  return { cert, key };
}

/** Whose certificate is shown to a new connection. */
function subjectAt(url: string): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.on("error", reject);
  });
}

withOpenssl("serves HTTPS, and the command line on the same machine trusts it by itself", async () => {
  const folder = temporaryFolder();
  const { cert, key } = await certificate(folder.path, "first");
  const ferry = await Ferry.start({ folder, args: ["--tls-cert", cert, "--tls-key", key] });
  expect(ferry.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const bootstrap = readFileSync(join(ferry.data, "bootstrap.env"), "utf8");
  expect(bootstrap).toContain(`FERRY_ENDPOINT=${ferry.url}\nFERRY_CACERT=${cert}\n`);
  const here = { cwd: folder.home, env: cleanEnvironment(folder.path) };
  expect((await run([executable, "source", "register", "web-1", "--ip", "192.0.2.1"], here)).code).toBe(0);
  const versions = await run([executable, "api", "GET", "/"], here);
  expect(JSON.parse(versions.stdout).versions[0].links[0].href).toBe(`${ferry.url}/v3/`);
  // Whoever is not told to trust it does not.
  const untold = await ferry.cli(["source", "list"]);
  expect([untold.code, untold.stderr]).toEqual([7, expect.stringContaining("certificate")]);
  expect((await ferry.cli(["source", "list"], { FERRY_CACERT: cert })).code).toBe(0);
  expect((await ferry.cli(["source", "list", "--cacert", cert])).code).toBe(0);
  expect(await ferry.stop()).toBe(0);
});

withOpenssl(
  "SIGHUP reads the certificate again; what is under way goes on, and a bad one changes nothing",
  async () => {
    const folder = temporaryFolder();
    const { cert, key } = await certificate(folder.path, "first");
    const ferry = await Ferry.start({ folder, args: ["--tls-cert", cert, "--tls-key", key] });
    const { url } = ferry;
    const env = { FERRY_CACERT: cert };
    const source = (await ferry.cli(["source", "register", "web-1", "--ip", "192.0.2.1"], env)).stdout.trim();
    const waiting = ferry.cli(["poll", source, "--wait", "5"], env);
    await waitUntil(async () => {
      const shown = await ferry.cli(["source", "show", source], env);
      return JSON.parse(shown.stdout).connected;
    }, "the poll to wait");

    expect(await subjectAt(url)).toBe("first");
    const second = await certificate(folder.path, "second");
    const old = { cert: readFileSync(cert), key: readFileSync(key) };
    writeFileSync(cert, readFileSync(second.cert));
    ferry.signal("SIGHUP");
    await waitUntil(() => ferry.printed.stderr.includes("the certificate was not read again"), "the refusal");
    expect(await subjectAt(url)).toBe("first");

    writeFileSync(key, readFileSync(second.key));
    ferry.signal("SIGHUP");
    await waitUntil(() => ferry.printed.stderr.includes("the certificate was read again"), "the new certificate");
    expect(await subjectAt(url)).toBe("second");
    const trustingOld = join(folder.path, "old.crt");
    writeFileSync(trustingOld, old.cert);
    expect((await ferry.cli(["source", "list", "--cacert", trustingOld])).code).toBe(7);
    expect((await ferry.cli(["source", "list"], env)).code).toBe(0);
    // It began over the old certificate, and is answered.
    const polled = await waiting;
    expect([polled.code, polled.stdout]).toEqual([0, '{"command_name":"TASK_NOT_STARTED"}\n']);
    expect(await ferry.stop()).toBe(0);
  },
);

test("plain HTTP beyond this machine takes --insecure-http, TLS takes both files, and each refusal says so", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder.path, "empty.pem"), "");
  const serve = async (...args: string[]) => {
    const { code, stderr } = await run([executable, "serve", ...args], {
      cwd: folder.home,
      env: cleanEnvironment(folder.path),
    });
    return `${code} ${stderr}`;
  };
  expect(await serve("--listen", "0.0.0.0:0")).toMatch(/^2 ferry: --listen 0\.0\.0\.0:0 would serve plain HTTP beyond/);
  expect(await serve("--listen", "[::]:0")).toStartWith("2 ");
  const pem = join(folder.path, "empty.pem");
  expect(await serve("--tls-cert", pem)).toMatch(/^2 ferry: --tls-cert is given without --tls-key/);
  expect(await serve("--tls-key", pem)).toMatch(/^2 ferry: --tls-key is given without --tls-cert/);
  expect(await serve("--tls-cert", pem, "--tls-key", pem)).toMatch(/^2 .*cannot be used together/);
  expect(await serve("--tls-cert", "nowhere.pem", "--tls-key", pem)).toMatch(
    /^2 .*--tls-cert: nowhere\.pem cannot be read/,
  );
  expect(await serve("--trusted-proxies", "10.0.0.0/99")).toMatch(
    /^2 ferry: --trusted-proxies: "10\.0\.0\.0\/99" is neither/,
  );
  const open = await Ferry.start({ args: ["--listen", "0.0.0.0:0", "--insecure-http"] });
  expect(open.url).toStartWith("http://0.0.0.0:");
  await open.stop();
});

test("behind a trusted proxy the record has the client's address, else what the peer is", async () => {
  const addressSeen = async (args: string[]) => {
    const ferry = await Ferry.start({ args });
    const headers = { "x-forwarded-for": "6.6.6.6, 198.51.100.7" };
    const body = { name: "x", role: "viewer" };
    await ferry.ask("POST", "/operate/v1/users", body, { headers });
    const { items } = await ferry.ask<{ items: { address: string }[] }>("GET", "/operate/v1/events?limit=1");
    await ferry.stop();
    return items[0]?.address;
  };
  expect(await addressSeen([])).toBe("127.0.0.1");
  expect(await addressSeen(["--trusted-proxies", "127.0.0.0/8"])).toBe("198.51.100.7");
});

test("a token of 16384 characters reaches the service: 401 in the documented shape", async () => {
  const ferry = await Ferry.start();
  const answered = await fetch(`${ferry.url}/v3/sources`, { headers: { "x-auth-token": "x".repeat(16_384) } });
  expect([answered.status, await answered.json()]).toEqual([
    401,
    { error_code: "APIGW.0301", error_msg: expect.stringContaining("token"), request_id: expect.any(String) },
  ]);
  await ferry.stop();
});
