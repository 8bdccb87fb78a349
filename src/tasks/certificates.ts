import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import * as asn1 from "asn1js";
import type { Platform } from "../core/platform.ts";
import type { ShowCertKeyResponse } from "./secrets-schema.ts";

/*
 * X.509 certificates as RFC 5280 has them. Keys are of P-256 and signatures ECDSA with SHA-256: whatever speaks TLS 1.2
 * takes them, and making one costs a thousandth of what an RSA key costs.
 */

const BEFORE_MS = 24 * 3600 * 1000;
const DAYS = 3653;
const SERIAL_BYTES = 16;

const oid = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

/** Bits of a key's usage, counted from the left; the last one set is the last one written. */
const DIGITAL_SIGNATURE = { byte: 0x80, unusedBits: 7 };
const KEY_CERT_SIGN = { byte: 0x04, unusedBits: 2 };

/** Every member of the reply. */
export type Certificates = Record<keyof ShowCertKeyResponse, string>;

/** A key pair, with its public half as certificates name it. */
interface Pair {
  privateKey: CryptoKey;
  spki: ArrayBuffer;
  /** RFC 7093, method 1: the first 160 bits of the SHA-256 of the key's bits. */
  identifier: Uint8Array;
}

interface Issuer {
  name: string;
  pair: Pair;
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
  const notBefore = new Date(now() - BEFORE_MS);
  const notAfter = new Date(now() + DAYS * 24 * 3600 * 1000);
  const certify = (issuer: Issuer, name: string, pair: Pair, extensions: asn1.Sequence[]) =>
    certificate({ serial: randomBytes(SERIAL_BYTES), issuer, name, pair, notBefore, notAfter, extensions });

  const authority = { name: `ferry task ${task_id}`, pair: await newPair() };
  const ca = await certify(authority, authority.name, authority.pair, [
    extension(oid.basicConstraints, sequence(new asn1.Boolean({ value: true }), new asn1.Integer({ value: 0 })), true),
    extension(oid.keyUsage, bits(KEY_CERT_SIGN), true),
  ]);
  const make = async (role: string) => {
    const pair = await newPair();
    const name = `${role}.${task_id}.internal`;
    const cert = await certify(authority, name, pair, [
      extension(oid.basicConstraints, sequence(), true),
      extension(oid.keyUsage, bits(DIGITAL_SIGNATURE), true),
      extension(oid.extKeyUsage, sequence(object(oid.serverAuth), object(oid.clientAuth))),
      extension(oid.subjectAltName, sequence(tagged(2, Buffer.from(name)))),
    ]);
    return [cert, pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", pair.privateKey))] as const;
  };
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

async function newPair(): Promise<Pair> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  return {
    privateKey,
    spki: await crypto.subtle.exportKey("spki", publicKey),
    identifier: createHash("sha256").update(point).digest().subarray(0, 20),
  };
}

async function certificate(of: {
  serial: Uint8Array;
  issuer: Issuer;
  name: string;
  pair: Pair;
  notBefore: Date;
  notAfter: Date;
  extensions: asn1.Sequence[];
}): Promise<string> {
  const algorithm = sequence(object(oid.ecdsaWithSha256));
  const signed = sequence(
    new asn1.Constructed({ idBlock: context(0), value: [new asn1.Integer({ value: 2 })] }),
    serialNumber(of.serial),
    algorithm,
    distinguishedName(of.issuer.name),
    sequence(time(of.notBefore), time(of.notAfter)),
    distinguishedName(of.name),
    asn1.fromBER(of.pair.spki).result,
    new asn1.Constructed({
      idBlock: context(3),
      value: [
        sequence(
          ...of.extensions,
          extension(oid.subjectKeyIdentifier, new asn1.OctetString({ valueHex: of.pair.identifier })),
          extension(oid.authorityKeyIdentifier, sequence(tagged(0, of.issuer.pair.identifier))),
        ),
      ],
    }),
  );
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    of.issuer.pair.privateKey,
    signed.toBER(),
  );
  return pem(
    "CERTIFICATE",
    sequence(signed, algorithm, new asn1.BitString({ valueHex: ecdsaValue(signature) })).toBER(),
  );
}

/** Positive and of full length, whatever the bytes. */
function serialNumber(bytes: Uint8Array): asn1.Integer {
  const [first = 0, ...rest] = bytes;
  return new asn1.Integer({ valueHex: Uint8Array.of((first & 0x3f) | 0x40, ...rest) });
}

/** WebCrypto gives r and s side by side, X.509 wants them as two numbers. */
function ecdsaValue(signature: ArrayBuffer): ArrayBuffer {
  const hex = Buffer.from(signature).toString("hex");
  const half = hex.length / 2;
  const number = (digits: string) => asn1.Integer.fromBigInt(BigInt(`0x${digits}`));
  return sequence(number(hex.slice(0, half)), number(hex.slice(half))).toBER();
}

function distinguishedName(commonName: string): asn1.Sequence {
  const attribute = sequence(object(oid.commonName), new asn1.Utf8String({ value: commonName }));
  return sequence(new asn1.Set({ value: [attribute] }));
}

/** Whole seconds; the form with two digits of the year ends with 2049. */
function time(date: Date): asn1.UTCTime {
  const valueDate = new Date(Math.floor(date.getTime() / 1000) * 1000);
  return valueDate.getUTCFullYear() < 2050 ? new asn1.UTCTime({ valueDate }) : new asn1.GeneralizedTime({ valueDate });
}

function extension(id: string, value: asn1.BaseBlock, isCritical = false): asn1.Sequence {
  const octets = new asn1.OctetString({ valueHex: value.toBER() });
  return sequence(object(id), ...(isCritical ? [new asn1.Boolean({ value: true })] : []), octets);
}

function bits({ byte, unusedBits }: { byte: number; unusedBits: number }): asn1.BitString {
  return new asn1.BitString({ valueHex: Uint8Array.of(byte), unusedBits });
}

function sequence(...value: asn1.BaseBlock[]): asn1.Sequence {
  return new asn1.Sequence({ value });
}

function object(value: string): asn1.ObjectIdentifier {
  return new asn1.ObjectIdentifier({ value });
}

/** A value under a tag that stands in place of its type's own. */
function tagged(tagNumber: number, valueHex: Uint8Array): asn1.Primitive {
  return new asn1.Primitive({ idBlock: context(tagNumber), valueHex });
}

function context(tagNumber: number) {
  return { tagClass: 3, tagNumber };
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
