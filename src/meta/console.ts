import { Hono } from "hono";
import { sha256Hex } from "../core/digest.ts";
import { type Env, noRoute } from "../http/operation.ts";

/** Files of the console, handed in: `index.html` is its page, the others are under /console/assets. */
export type ConsoleFiles = Readonly<Record<string, ConsoleFile>>;
interface ConsoleFile {
  type: string;
  body: string;
}

const PAGE = "index.html";

export const hasConsole = (files: ConsoleFiles) => Object.hasOwn(files, PAGE);

/** The console's page under every path that is neither an asset nor of the API: the page itself finds its way. */
export const metaConsole = new Hono<Env<{ console_files: ConsoleFiles }>>()
  .get("/console", (c) => (hasConsole(c.env.services.console_files) ? c.redirect("/console/") : missing()))
  .get("/console/assets/:file", (c) => consoleFile(c.env.services.console_files, c.req.param("file"), c.req.raw))
  // An operation by other methods, and never a page: see access/console.ts.
  .get("/console/session", () => {
    throw noRoute();
  })
  .get("/console/*", (c) => consoleFile(c.env.services.console_files, PAGE, c.req.raw));

async function consoleFile(files: ConsoleFiles, name: string, { headers }: Request): Promise<Response> {
  const file = Object.hasOwn(files, name) ? files[name] : undefined;
  if (!file) return missing();
  const isZipped = /\bgzip\b/.test(headers.get("accept-encoding") ?? "");
  const { tag, body } = await (isZipped ? zipped(file) : plain(file));
  const isKnown = headers
    .get("if-none-match")
    ?.split(",")
    .some((known) => known.trim().replace(/^W\//, "") === tag);
  const head = { ...HEADERS, ETag: tag };
  if (isKnown) return new Response(null, { status: 304, headers: head });
  const encoding = isZipped && { "Content-Encoding": "gzip" };
  return new Response(body, { headers: { ...head, ...encoding, "Content-Type": file.type } });
}

const HEADERS = {
  // Asked again each time, so that page and assets are of one program after an upgrade.
  "Cache-Control": "no-cache",
  Vary: "Accept-Encoding",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // No other host, nothing inline, no form that a browser would send by itself.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

interface Prepared {
  tag: string;
  body: string | ArrayBuffer;
}

const plain = once((file): Prepared => ({ tag: `"${tagOf(file)}"`, body: file.body }));

/** A third of it is on its way. */
const zipped = once(async (file): Promise<Prepared> => {
  const stream = new Blob([file.body]).stream().pipeThrough(new CompressionStream("gzip"));
  return { tag: `"${tagOf(file)}-gzip"`, body: await new Response(stream).arrayBuffer() };
});

function tagOf({ body }: ConsoleFile): string {
  return sha256Hex(body).slice(0, 32);
}

/** Made when a file is first asked for: it stays the same for as long as the program runs. */
function once<Made>(make: (file: ConsoleFile) => Made): (file: ConsoleFile) => Made {
  const made = new WeakMap<ConsoleFile, Made>();
  return (file) => {
    const known = made.get(file) ?? make(file);
    made.set(file, known);
    return known;
  };
}

function missing(): Response {
  return new Response("the console has no such file, or is not part of this deployment: see /openapi.json\n", {
    status: 404,
  });
}
