/*
 * Just enough of HTTP/1.1 to tell where a reply ends: what the generator spends on a reply is what it cannot spend on
 * load.
 */

export interface Reply {
  status: number;
  /** Of head and body together, in bytes. */
  length: number;
}

const LAST_CHUNK = "\r\n0\r\n\r\n";

/**
 * The reply that `received` begins with, one character a byte; undefined while it is not whole. Throws where nothing
 * tells its length. A connection has one request under way, so a chunked body ends with what was received.
 */
export function wholeReply(received: string): Reply | undefined {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = received.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const bodyAt = headEnd + 4;
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (declared !== undefined) {
    const length = bodyAt + Number(declared);
    return received.length >= length ? { status, length } : undefined;
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const isWhole = received.endsWith(LAST_CHUNK) || received.slice(bodyAt) === LAST_CHUNK.slice(2);
    return isWhole ? { status, length: received.length } : undefined;
  }
  if (status === 204 || status === 304) return { status, length: bodyAt };
  throw new Error(`a reply without a length: ${head.slice(0, 200)}`);
}
