import { Failure } from "../core/failure.ts";

/** Largest request body. Source: docs/decisions.md, "Refusals". */
const MAX_BODY_BYTES = 12 * 1024 * 1024;

/** Up to this a body is read in one go and not counted: as many as there are connections fit into the memory. */
const SMALL_BODY_BYTES = 64 * 1024;

/** What may be on its way in at once: whoever holds back the last bytes of many bodies must not fill the memory. */
const MAX_ARRIVING_BYTES = 256 * 1024 * 1024;

/** The body of a request without one. */
export const NOTHING = new Uint8Array(0);
let arrivingBytes = 0;

/** The bytes of a request's body as received. Throws `tooLarge` as soon as it is known, without reading on. */
export async function readBody(request: Request, maxBytes = MAX_BODY_BYTES): Promise<Uint8Array> {
  if (request.body === null) return NOTHING;
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const reserved = new Reservation();
  try {
    // With a declared length the runtime reads no more than that: the short way.
    if (declared <= SMALL_BODY_BYTES) return new Uint8Array(await request.arrayBuffer());
    // What has arrived counts, not what was announced: that costs nothing.
    return await readChunks(request.body, maxBytes, reserved);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("invalid", "the body broke off", { cause: error });
  } finally {
    reserved.release();
  }
}

/** A body's share of what may be on its way in. */
class Reservation {
  #bytes = 0;

  add(bytes: number): void {
    if (arrivingBytes + bytes > MAX_ARRIVING_BYTES) {
      throw new Failure("unavailable", "too many large bodies are on their way: try again");
    }
    arrivingBytes += bytes;
    this.#bytes += bytes;
  }

  release(): void {
    arrivingBytes -= this.#bytes;
  }
}

async function readChunks(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  reserved: Reservation,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > maxBytes) throw tooLarge(maxBytes);
    reserved.add(chunk.byteLength);
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

function tooLarge(maxBytes: number): Failure {
  return new Failure("tooLarge", `the body has more than ${maxBytes} bytes`);
}
