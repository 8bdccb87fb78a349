import type { Extension } from "@peculiar/x509";
import type { Platform } from "../core/platform.ts";
import type { ShowCertKeyResponse } from "./secrets-schema.ts";

const BEFORE_MS = 24 * 3600 * 1000;
const DAYS = 3653;
const SERIAL_BYTES = 16;

/** Every member of the reply. */
export type Certificates = Record<keyof ShowCertKeyResponse, string>;

/**
 * In this order, which a bundler does not keep for static imports: the library reads its decorators through methods
 * that the first adds to the global `Reflect`.
 */
async function loadX509() {
  await import("reflect-metadata/lite");
  return import("@peculiar/x509");
}

/**
 * An authority of the task's own, and the three certificates it signs: the agent's, and the target machine's for
 * management and for data. All PEM, keys PKCS#8, names `source`, `target-mgmt` and `target-data` before
 * `.<task_id>.internal`, each for client and server. Valid from a day before now, as clocks differ, for ten years.
 * The authority's key is dropped: nothing else can ever be signed with it.
 */
export async function makeCertificates(
  { now, randomBytes }: Pick<Platform, "now" | "randomBytes">,
  task_id: string,
): Promise<Certificates> {
  const x509 = await loadX509();
  const notBefore = new Date(now() - BEFORE_MS);
  const notAfter = new Date(now() + DAYS * 24 * 3600 * 1000);
  const issuer = `CN=ferry task ${task_id}`;
  const authority = await newKeys();
  const sign = async (subject: string, publicKey: CryptoKey, extensions: Extension[]) => {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(randomBytes(SERIAL_BYTES)),
      issuer,
      subject,
      notBefore,
      notAfter,
      publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
      extensions: [
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ],
    });
    return `${certificate.toString("pem")}\n`;
  };
  const make = async (role: string) => {
    const { privateKey, publicKey } = await newKeys();
    const name = `${role}.${task_id}.internal`;
    const certificate = await sign(`CN=${name}`, publicKey, [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
    ]);
    const key = await crypto.subtle.exportKey("pkcs8", privateKey);
    return [certificate, `${x509.PemConverter.encode(key, x509.PemConverter.PrivateKeyTag)}\n`] as const;
  };

  const ca = await sign(issuer, authority.publicKey, [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
  ]);
  const [cert, private_key] = await make("source");
  const [target_mgmt_cert, target_mgmt_private_key] = await make("target-mgmt");
  const [target_data_cert, target_data_private_key] = await make("target-data");
  return {
    cert,
    private_key,
    ca,
    target_mgmt_cert,
    target_mgmt_private_key,
    target_data_cert,
    target_data_private_key,
  };
}

/** P-256 with ECDSA: whatever speaks TLS 1.2 takes it, and making one costs a thousandth of what an RSA key costs. */
function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
}

/** In hexadecimal; positive and of full length, whatever the bytes. */
function serialNumber([first = 0, ...rest]: Uint8Array): string {
  return Uint8Array.of((first & 0x3f) | 0x40, ...rest).toHex();
}
