import { afterAll, describe, expect, test } from "bun:test";
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { makeCertificates } from "../../src/tasks/certificates.ts";
import { missingOpenssl } from "../e2e/authority.ts";
import { cleanEnvironment, run, testUnless } from "../e2e/executable.ts";

const TASK = "0190c0de-0000-7000-8000-00000000cafe";
const DAY_MS = 24 * 3600 * 1000;
const making = (now: number, bytes = (count: number) => Uint8Array.from(randomBytes(count))) =>
  makeCertificates({ now: () => now, randomBytes: bytes }, TASK);

const roles = [
  ["source", "cert", "private_key"],
  ["target-mgmt", "target_mgmt_cert", "target_mgmt_private_key"],
  ["target-data", "target_data_cert", "target_data_private_key"],
] as const;

describe("the certificates of a task", () => {
  test("are signed by the task's own authority, each with a key and a name of its own", async () => {
    const made = await making(Date.now());
    const ca = new X509Certificate(made.ca);
    expect([ca.ca, ca.subject, ca.issuer, ca.checkIssued(ca), ca.verify(ca.publicKey)]).toEqual([
      true,
      `CN=ferry task ${TASK}`,
      `CN=ferry task ${TASK}`,
      true,
      true,
    ]);
    for (const [role, certMember, keyMember] of roles) {
      const cert = new X509Certificate(made[certMember]);
      const name = `${role}.${TASK}.internal`;
      expect([cert.subject, cert.issuer, cert.subjectAltName, cert.checkHost(name)]).toEqual([
        `CN=${name}`,
        ca.subject,
        `DNS:${name}`,
        name,
      ]);
      expect([cert.ca, cert.checkIssued(ca), cert.verify(ca.publicKey), cert.verify(cert.publicKey)]).toEqual([
        false,
        true,
        true,
        false,
      ]);
      for (const [other, , otherKey] of roles) {
        expect([role, other, cert.checkPrivateKey(createPrivateKey(made[otherKey]))]).toEqual([
          role,
          other,
          role === other,
        ]);
      }
      expect(made[keyMember]).toStartWith("-----BEGIN PRIVATE KEY-----\n");
      expect(made[keyMember]).toEndWith("\n-----END PRIVATE KEY-----\n");
    }
    const serials = [made.ca, ...roles.map(([, cert]) => made[cert])].map(
      (pem) => new X509Certificate(pem).serialNumber,
    );
    expect(new Set(serials).size).toBe(4);
  });

  test("hold from the day before for ten years, also past 2049 where times are written otherwise", async () => {
    for (const year of [2026, 2045, 2060]) {
      const now = Date.UTC(year, 5, 6, 7, 8, 9, 987);
      const made = await making(now);
      for (const pem of [made.ca, made.cert, made.target_mgmt_cert, made.target_data_cert]) {
        const { validFrom, validTo } = new X509Certificate(pem);
        expect(Date.parse(validFrom)).toBe(now - 987 - DAY_MS);
        expect(Date.parse(validTo)).toBe(now - 987 + 3653 * DAY_MS);
      }
    }
  });

  test("have positive serial numbers of 16 bytes whatever the random bytes", async () => {
    for (const [byte, serial] of [
      [0x00, `40${"00".repeat(15)}`],
      [0xff, `7F${"FF".repeat(15)}`],
      [0x80, `40${"80".repeat(15)}`],
    ] as const) {
      const { cert } = await making(Date.now(), (count) => new Uint8Array(count).fill(byte));
      expect(new X509Certificate(cert).serialNumber).toBe(serial);
    }
  });

  test("are made anew each time: keys are random whatever the service's randomness", async () => {
    const [one, other] = [await making(0x1000_0000_000), await making(0x1000_0000_000)];
    for (const member of Object.keys(one) as (keyof typeof one)[]) expect(one[member]).not.toBe(other[member]);
  });

  test("signatures verify whatever their numbers look like", async () => {
    // A number that begins with a byte of zeros, and one whose first bit is set, are each written in a way of its own.
    for (let round = 0; round < 60; round += 1) {
      const made = await making(Date.now());
      const { publicKey } = new X509Certificate(made.ca);
      for (const [, cert] of roles) expect(new X509Certificate(made[cert]).verify(publicKey)).toBe(true);
    }
  });
});

test("agent and target machine prove themselves to each other over TLS", async () => {
  const made = await making(Date.now());
  const other = await making(Date.now());
  const server = createServer(
    {
      key: made.target_data_private_key,
      cert: made.target_data_cert,
      ca: made.ca,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => socket.end("hello"),
  );
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const talk = (client: { ca: string; cert: string; private_key: string }, servername: string) =>
    new Promise<string>((resolve) => {
      const { ca, cert, private_key: key } = client;
      let heard = "";
      const socket = connect({ host: "127.0.0.1", port, ca, cert, key, servername });
      socket.on("data", (data) => {
        heard += data;
      });
      socket.on("error", () => resolve("refused"));
      socket.on("close", () => resolve(heard === "" ? "refused" : heard));
    });
  const name = `target-data.${TASK}.internal`;
  expect(await talk(made, name)).toBe("hello");
  expect(await talk(made, `target-mgmt.${TASK}.internal`)).toBe("refused");
  expect(await talk({ ...made, ca: other.ca }, name)).toBe("refused");
  expect(await talk({ ...other, ca: made.ca }, name)).toBe("refused");
  await new Promise((resolve) => server.close(resolve));
});

describe("openssl", () => {
  const folder = mkdtempSync(join(tmpdir(), "ferry-certificates-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const openssl = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(["openssl", ...args], { cwd: folder, env: cleanEnvironment(folder) });
    return { code, text: stdout + stderr };
  };
  const write = (made: Record<string, string>) => {
    for (const [member, pem] of Object.entries(made)) writeFileSync(join(folder, `${member}.pem`), pem);
  };

  testUnless(missingOpenssl)("takes chain, purposes and names, and refuses another task's authority", async () => {
    write(await making(Date.now()));
    for (const [role, cert] of roles) {
      for (const purpose of ["sslserver", "sslclient"]) {
        const name = `${role}.${TASK}.internal`;
        const strict = ["verify", "-x509_strict", "-purpose", purpose, "-verify_hostname", name];
        expect((await openssl(...strict, "-CAfile", "ca.pem", `${cert}.pem`)).text).toBe(`${cert}.pem: OK\n`);
      }
    }
    expect((await openssl("verify", "-verify_hostname", "target", "-CAfile", "ca.pem", "cert.pem")).code).not.toBe(0);
    writeFileSync(join(folder, "other.pem"), (await making(Date.now())).ca);
    expect((await openssl("verify", "-CAfile", "other.pem", "cert.pem")).code).not.toBe(0);
    // A certificate of the task is no authority.
    expect((await openssl("verify", "-CAfile", "cert.pem", "target_mgmt_cert.pem")).code).not.toBe(0);
  });

  testUnless(missingOpenssl)("finds all extensions, those that bound a key's use critical", async () => {
    write(await making(Date.now()));
    const extensions = async (cert: string) =>
      (await openssl("x509", "-in", `${cert}.pem`, "-noout", "-ext", all)).text.replace(/[ \n]+/g, " ").trim();
    const all = "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName,subjectKeyIdentifier,authorityKeyIdentifier";
    const identifier = "((?:[0-9A-F]{2}:){19}[0-9A-F]{2})";
    const ofAuthority = await extensions("ca");
    expect(ofAuthority).toMatch(
      new RegExp(
        `^X509v3 Basic Constraints: critical CA:TRUE, pathlen:0 X509v3 Key Usage: critical Certificate Sign X509v3 Subject Key Identifier: ${identifier} X509v3 Authority Key Identifier: (keyid:)?\\1$`,
      ),
    );
    const [authority = ""] = ofAuthority.match(new RegExp(identifier)) ?? [];
    expect(await extensions("cert")).toMatch(
      new RegExp(
        `^X509v3 Basic Constraints: critical CA:FALSE X509v3 Key Usage: critical Digital Signature X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication X509v3 Subject Alternative Name: DNS:source\\.${TASK}\\.internal X509v3 Subject Key Identifier: ${identifier} X509v3 Authority Key Identifier: (keyid:)?${authority}$`,
      ),
    );
  });

  testUnless(missingOpenssl)(
    "reads the keys, which belong to the certificates, and sees years of validity",
    async () => {
      write(await making(Date.now()));
      for (const [, cert, key] of roles) {
        const ofKey = await openssl("pkey", "-in", `${key}.pem`, "-pubout");
        const ofCertificate = await openssl("x509", "-in", `${cert}.pem`, "-noout", "-pubkey");
        expect([ofKey.code, ofKey.text]).toEqual([0, ofCertificate.text]);
        const years = (count: number) => String(count * 365 * 24 * 3600);
        expect((await openssl("x509", "-in", `${cert}.pem`, "-noout", "-checkend", years(9))).code).toBe(0);
        expect((await openssl("x509", "-in", `${cert}.pem`, "-noout", "-checkend", years(11))).code).toBe(1);
      }
    },
  );
});
