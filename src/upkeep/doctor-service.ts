import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../cli/failure.ts";
import type { Settings } from "../config.ts";
import { bootstrapPath } from "../data-folder.ts";
import { type Check, checked, clockVerdict, fail, ok, warn } from "./check.ts";
import type { Place } from "./place.ts";

const ANSWER_MS = 5_000;
/** The Date header counts whole seconds. */
const DATE_WITHIN_MS = 1_000;

/** Whether a service runs here, answers and can write; and its clock. */
export async function service(settings: Settings, place: Place): Promise<Check[]> {
  let date: string | null = null;
  const running = await checked("service", async () => {
    const { url, ca } = addressOf(settings);
    const holder = place.kind === "file" ? holderOf(`${place.path}-lock`) : undefined;
    const who = holder === undefined ? "ferry" : `ferry (process ${holder})`;
    const health = await ask(`${url}/healthz`, ca);
    if ("reason" in health) {
      if (holder !== undefined)
        return fail(
          `${who} has the database, but ${url} does not answer (${health.reason}): it is just starting or stopping, or hangs; look again`,
        );
      return warn(`no service answers at ${url} (${health.reason}): start it with ferry serve`);
    }
    if (!health.isFerry) return fail(`another program than ferry answers at ${url}: choose another --listen`);
    date = health.date;
    const ready = await ask(`${url}/readyz`, ca);
    if ("reason" in ready || !ready.isFerry) return fail(`${who} runs at ${url}, but cannot write: its log says why`);
    return ok(`${who} runs at ${url} and can write`);
  });
  if (date === null) return [running];
  const aheadMs = Date.parse(date) - Date.now();
  return [running, { check: "clock", ...clockVerdict("the service's", aheadMs, DATE_WITHIN_MS + ANSWER_MS / 10) }];
}

/** Where bootstrap.env says that it serves; without it, where the settings do. */
function addressOf({ data, listen, tls_cert }: Settings): { url: string; ca: string | undefined } {
  const file = bootstrapPath(resolve(data));
  const lines = existsSync(file) ? readFileSync(file, "utf8") : "";
  const noted = (name: string) => new RegExp(`^${name}=(.+)$`, "m").exec(lines)?.[1];
  const host = listen.hostname === "0.0.0.0" ? "127.0.0.1" : listen.hostname === "::" ? "::1" : listen.hostname;
  const url =
    noted("FERRY_ENDPOINT") ??
    `${tls_cert === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${listen.port}`;
  const path = noted("FERRY_CACERT") ?? tls_cert;
  return { url, ca: path !== undefined && existsSync(path) ? readFileSync(path, "utf8") : undefined };
}

async function ask(
  url: string,
  ca: string | undefined,
): Promise<{ isFerry: boolean; date: string | null } | { reason: string }> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(ca !== undefined && { tls: { ca } }),
    });
    const body = await response.text();
    return { isFerry: response.ok && /"status":\s*"ok"/.test(body), date: response.headers.get("date") };
  } catch (error) {
    return { reason: error instanceof Error && "code" in error ? String(error.code) : messageOf(error) };
  }
}

/** The process that holds a lock on a file, where the system tells that (Linux). Taking the lock would disturb a start. */
function holderOf(path: string): number | undefined {
  if (!existsSync(path) || !existsSync("/proc/locks")) return undefined;
  const { ino, dev } = statSync(path, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const file = `${hex(major)}:${hex(minor)}:${ino}`;
  const [held] = readFileSync("/proc/locks", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , kind, , locked]) => kind === "WRITE" && locked === file);
  return held === undefined ? undefined : Number(held[4]);
}

function hex(part: bigint): string {
  return part.toString(16).padStart(2, "0");
}
