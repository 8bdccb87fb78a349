import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { App } from "./app.ts";
import { SettingError, type Settings } from "./config.ts";
import { errorFields, type Log } from "./core/log.ts";
import { clientAddress, parseProxies } from "./http/client-address.ts";
import type { Told } from "./http/operation.ts";
import { plainAddress } from "./http/plain-address.ts";

/** Far above our own limit, so that the refusal is ours and has its documented body. */
const RUNTIME_BODY_BYTES = 2 ** 50;
/** A connection on which nothing happens is cut after this; a waiting poll asks for more. */
const IDLE_TIMEOUT_S = 30;

type ListenSettings = Pick<Settings, "listen" | "tls_cert" | "tls_key" | "insecure_http" | "trusted_proxies">;

/** An address that can be served on, as far as that can be told before. */
export interface Door {
  open(app: App): Listener;
}

export interface Listener {
  url: string;
  /** Path of the certificate, where a client on this machine has to be told to trust it. */
  cacert: string | undefined;
  /** Takes no new connections; resolves when those there are have ended, at once with `cutOff`. */
  stop(cutOff?: boolean): Promise<void>;
  /** Whether no request is under way. */
  isIdle(): boolean;
  /** Reads certificate and key again; if they cannot be used, the old ones stay and the log says why. */
  reloadTls(): void;
}

interface Tls {
  cert: string;
  key: string;
}

/** Checks how to serve, before anything else is touched. Throws a SettingError for what cannot be served. */
export function prepareDoor(settings: ListenSettings, log: Log): Door {
  const files = tlsFiles(settings);
  refusePlainBeyondThisMachine(settings);
  const addressOf = addressReader(settings.trusted_proxies);
  const tls = files && readTls(files);
  return {
    open: (app) => {
      const serveWith = (using: Tls | undefined, port: number) => bind(app, settings, using, port, addressOf, log);
      // The port is shared, to hand it on when the certificate changes; first alone, to find it taken.
      if (tls && settings.listen.port !== 0)
        void bind(app, settings, undefined, settings.listen.port, addressOf, log).stop(true);
      let server = serveWith(tls, settings.listen.port);
      const port = server.port ?? settings.listen.port;
      /** What serves on over earlier certificates. */
      const retired = new Set<Server>();
      let isStopping = false;
      if (tls && namesIn(tls.cert).length === 0) {
        log("warn", "the certificate names no host (subjectAltName): clients will refuse it", { file: files?.cert });
      }
      return {
        url: urlOf(tls, server.hostname ?? settings.listen.hostname, port),
        cacert: tls !== undefined && isSelfSigned(tls.cert) ? files?.cert : undefined,
        stop: async (cutOff = false) => {
          isStopping = true;
          await Promise.all([server, ...retired].map((one) => one.stop(cutOff)));
        },
        isIdle: () => [server, ...retired].every((one) => one.pendingRequests === 0),
        reloadTls: () => {
          if (isStopping) return;
          if (!files) return log("info", "there is no certificate to read again");
          const old = server;
          try {
            const fresh = readTls(files);
            // The runtime cannot change the certificate of a listening socket: another one takes its place.
            server = serveWith(fresh, port);
            log("info", "the certificate was read again", describe(fresh));
          } catch (error) {
            return log("error", "the certificate was not read again, the old one stays", { error: reasonOf(error) });
          }
          // What it has begun it finishes.
          retired.add(old);
          void old.stop().finally(() => retired.delete(old));
        },
      };
    },
  };
}

/**
 * The runtime takes new connections for as long as there are any, and a request that came along at once: were it answered
 * there and then, clients with a connection for each call would keep it at that, and no other would be heard.
 */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

type Server = Bun.Server<undefined>;

function urlOf(tls: Tls | undefined, hostname: string, port: number): string {
  const host = (tls && namesIn(tls.cert)[0]) ?? hostname;
  return `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What the runtime tells of a request. */
class BunTold implements Told {
  readonly #request: Request;
  readonly #server: Server;
  readonly #addressOf: AddressReader;
  #address: string | null | undefined;

  constructor(request: Request, server: Server, addressOf: AddressReader) {
    this.#request = request;
    this.#server = server;
    this.#addressOf = addressOf;
    // What brings something has come from somewhere, even if its connection is gone by the time that is asked.
    if (request.method !== "GET") this.#address = this.address;
  }

  get address(): string | null {
    this.#address ??= this.#addressOf(this.#request, this.#server.requestIP(this.#request)?.address);
    return this.#address;
  }

  keepOpen(seconds: number): void {
    this.#server.timeout(this.#request, seconds + IDLE_TIMEOUT_S);
  }
}

/** Who sent a request, as far as it can be told. */
type AddressReader = (request: Request, peer: string | undefined) => string | null;

function addressReader(trusted_proxies: string | undefined): AddressReader {
  if (trusted_proxies === undefined) return (_, peer) => (peer === undefined ? null : plainAddress(peer));
  try {
    const proxies = parseProxies(trusted_proxies);
    return (request, peer) =>
      peer === undefined ? null : clientAddress(peer, request.headers.get("x-forwarded-for"), proxies);
  } catch (error) {
    throw new SettingError(`--trusted-proxies: ${reasonOf(error)}`);
  }
}

function bind(
  app: App,
  { listen: { hostname } }: ListenSettings,
  tls: Tls | undefined,
  port: number,
  addressOf: AddressReader,
  log: Log,
) {
  try {
    return Bun.serve({
      hostname,
      port,
      ...(tls && { tls, reusePort: process.platform !== "win32" }),
      maxRequestBodySize: RUNTIME_BODY_BYTES,
      idleTimeout: IDLE_TIMEOUT_S,
      fetch: async (request, server) => {
        const told = new BunTold(request, server, addressOf);
        await nextTurn();
        return app.fetch(withAuthority(request), told);
      },
      error: (error) => {
        log("error", "a request failed outside the app", errorFields(error));
        return Response.json(
          { error_code: "SMS.2007", error_msg: "an unforeseen error; the log has it" },
          { status: 500 },
        );
      },
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EADDRINUSE")
      throw new Error(`${hostname}:${port} is in use by another process: choose another --listen`);
    throw new SettingError(`--listen ${hostname}:${port} cannot be used: ${reasonOf(error)}`);
  }
}

/**
 * HTTP/1.0 knows no Host, and the runtime then gives the bare target as URL. With a Host that is none it does so too:
 * such a request stays as it is, and has no route.
 */
function withAuthority(request: Request): Request {
  const isBare = request.url.startsWith("/") && !request.headers.has("host");
  return isBare ? new Request(`http://localhost${request.url}`, request) : request;
}

function tlsFiles({ tls_cert: cert, tls_key: key }: ListenSettings): Tls | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw new SettingError("--tls-key is given without --tls-cert: HTTPS takes both");
  if (key === undefined) throw new SettingError("--tls-cert is given without --tls-key: HTTPS takes both");
  return { cert, key };
}

function refusePlainBeyondThisMachine({ listen: { hostname, port }, tls_cert, insecure_http }: ListenSettings): void {
  const isLoopback = hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  if (isLoopback || tls_cert !== undefined || insecure_http) return;
  throw new SettingError(
    `--listen ${hostname}:${port} would serve plain HTTP beyond this machine, to be read by anyone on the way: give --tls-cert and --tls-key, or --insecure-http where a proxy in front speaks TLS`,
  );
}

function readTls({ cert, key }: Tls): Tls {
  const read = (flag: string, path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new SettingError(`${flag}: ${path} cannot be read: ${reasonOf(error)}`);
    }
  };
  const tls = { cert: read("--tls-cert", cert), key: read("--tls-key", key) };
  try {
    if (!new X509Certificate(tls.cert).checkPrivateKey(createPrivateKey(tls.key))) {
      throw new Error("the key is not the certificate's");
    }
    // The rest of the chain too: a server that was stopped to change its certificate must come up again.
    createSecureContext(tls);
  } catch (error) {
    throw new SettingError(`--tls-cert ${cert} and --tls-key ${key} cannot be used together: ${reasonOf(error)}`);
  }
  return tls;
}

function describe({ cert }: Tls): Record<string, unknown> {
  return { names: namesIn(cert), valid_to: new X509Certificate(cert).validTo };
}

/** Names a certificate is good for, this machine's own first. */
function namesIn(cert: string): string[] {
  const names = (new X509Certificate(cert).subjectAltName ?? "")
    .split(", ")
    .map((name) => name.replace(/^(DNS|IP Address):/, ""))
    .filter((name) => /^[\w.:-]+$/.test(name));
  const isOwn = (name: string) => name === "localhost" || name === "127.0.0.1" || name === "::1";
  return [...names.filter(isOwn), ...names.filter((name) => !isOwn(name))];
}

function isSelfSigned(cert: string): boolean {
  const certificate = new X509Certificate(cert);
  return certificate.issuer === certificate.subject;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
