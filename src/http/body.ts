import { Failure } from "../core/failure.ts";

/** Largest request body. Source: docs/decisions.md, "Refusals". */
const MAX_BODY_BYTES = 12 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

/** The bytes of a request's body as received. Throws `tooLarge` as soon as it is known, without reading on. */
export async function readBody(request: Request): Promise<Uint8Array> {
  if (request.body === null) return NOTHING;
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > MAX_BODY_BYTES) throw tooLarge();
  try {
    // With a declared length the runtime reads no more than that: the short way.
    return Number.isNaN(declared) ? await readChunks(request.body) : new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("invalid", "the body broke off", { cause: error });
  }
}

async function readChunks(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function tooLarge(): Failure {
  return new Failure("tooLarge", `the body has more than ${MAX_BODY_BYTES} bytes`);
}
