import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Settings } from "../config.ts";
import { refuseLostDatabase } from "../data-folder.ts";
import { prepareDoor } from "../listen.ts";
import { fail, ok, sizeOf, warn } from "./check.ts";
import { fingerprint, keyAtHand } from "./master-key.ts";
import type { Place } from "./place.ts";

const DAY_MS = 86_400_000;
const EXPIRY_WARN_DAYS = 14;
/** Below the first nothing much can be stored any more. */
const ROOM_FAIL_BYTES = 64e6;
const ROOM_WARN_BYTES = 1e9;

/** What is listened on, as ferry serve would find it at its next start. */
export function tls(settings: Settings) {
  prepareDoor(settings, () => {});
  const { listen, tls_cert, insecure_http, trusted_proxies } = settings;
  const address = `${listen.hostname.includes(":") ? `[${listen.hostname}]` : listen.hostname}:${listen.port}`;
  if (tls_cert !== undefined) {
    const { subject, days } = firstToExpire(readFileSync(tls_cert, "utf8"));
    const named = `${tls_cert} (${subject})`;
    if (days < 0) return fail(`${named} has expired: renew it, then kill -HUP the service`);
    if (days < EXPIRY_WARN_DAYS) return warn(`${named} expires in ${Math.floor(days)} days: renew it, then kill -HUP`);
    return ok(`HTTPS on ${address}; the certificate is good for ${Math.floor(days)} days`);
  }
  if (insecure_http && trusted_proxies === undefined) {
    return warn(
      `plain HTTP on ${address}: a proxy in front has to speak TLS; name it with --trusted-proxies, or all clients count as one address`,
    );
  }
  return ok(
    insecure_http
      ? `plain HTTP on ${address}, behind ${trusted_proxies}`
      : `plain HTTP on ${address}, this machine only`,
  );
}

/** Of a certificate with its chain, the one that ends first. */
function firstToExpire(pem: string): { subject: string; days: number } {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const [first] = certificates
    .map((text) => new X509Certificate(text))
    .map(({ subject, validTo }) => ({
      subject: subject.replaceAll("\n", ", "),
      days: (Date.parse(validTo) - Date.now()) / DAY_MS,
    }))
    .sort((one, other) => one.days - other.days);
  if (!first) throw new Error("the certificate's file holds none");
  return first;
}

/** Who else can look into it, and whether what lies in it belongs together. */
export function dataFolder({ data }: Settings, place: Place) {
  const folder = resolve(data);
  if (!existsSync(folder)) return warn(`there is no ${folder} yet: ferry serve makes it`);
  const { mode, uid } = statSync(folder);
  if (process.platform === "win32") return ok(folder);
  const owner = process.getuid?.() ?? uid;
  if (owner !== uid && owner !== 0) return fail(`${folder} belongs to another user (${uid}): run ferry as that one`);
  const names = ["ferry.db", "ferry.db-wal", "ferry.db-shm", "bootstrap.env"].map((name) => join(folder, name));
  const paths = [...new Set([...names, ...(place.kind === "file" ? [place.path] : [])])].filter(existsSync);
  const open = paths.filter((path) => (statSync(path).mode & 0o077) !== 0);
  if (open.length > 0) return warn(`others can read ${open.join(", ")}: chmod 600`);
  const foreign = paths.filter((path) => statSync(path).uid !== uid);
  if (foreign.length > 0) return warn(`${foreign.join(", ")} belong to another user than ${folder}: chown them`);
  if ((mode & 0o077) !== 0) return warn(`others can look into ${folder}: chmod 700 ${folder}`);
  return ok(`${folder} is open to its owner only`);
}

/** Whether there is one; whether it opens anything is told with the database. */
export function masterKey(settings: Settings) {
  const { key, where, reason } = keyAtHand(settings);
  if (key) return ok(`${where} (fingerprint ${fingerprint(key)}); keep a copy apart from the backups`);
  return existsSync(where) ? fail(reason ?? where) : warn(`${reason}: the first start on an empty database makes one`);
}

/** Where the database grows, or else the data folder. */
export function freeRoom({ data }: Settings, place: Place) {
  let folder = place.kind === "file" ? dirname(place.path) : resolve(data);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const size = place.kind === "file" && existsSync(place.path) ? statSync(place.path).size : 0;
  const text = `${sizeOf(free)} free in ${folder}`;
  if (free < ROOM_FAIL_BYTES) return fail(`${text}: make room, or ferry stores nothing any more`);
  if (free < ROOM_WARN_BYTES || free < size)
    return warn(`${text}: little${size > free ? `, and less than the database has (${sizeOf(size)})` : ""}`);
  return ok(text);
}

/** What is said where there is no database file. */
export function noDatabase({ data }: Settings, place: Place) {
  refuseLostDatabase(resolve(data));
  return warn(`there is no ${place.shown} yet: ferry serve makes it, ferry restore puts a copy there`);
}
