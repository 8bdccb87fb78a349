import { expect, test } from "bun:test";
import { wholeReply } from "../../bench/reply.ts";
import { median, type Round, undisturbed } from "../../bench/round.ts";

/* How the measurement reads replies and sums up rounds; what it measures is no matter of tests. */

test("a reply is whole when its body is, and not a byte earlier", () => {
  const counted = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
  const chunked = "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const emptyChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  const bodiless = "HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n";
  const replies: [string, number][] = [
    [counted, 200],
    [chunked, 503],
    [emptyChunked, 200],
    [bodiless, 204],
  ];
  for (const [reply, status] of replies) {
    for (let length = 0; length < reply.length; length += 1) expect(wholeReply(reply.slice(0, length))).toBeUndefined();
    expect(wholeReply(reply)).toEqual({ status, length: reply.length });
  }
  expect(() => wholeReply("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")).toThrow("without a length");
});

const rounds = (...foreign: number[]) => foreign.map((foreign_load, index) => ({ foreign_load, rps: index }) as Round);
const counted = (...foreign: number[]) => undisturbed(rounds(...foreign)).map(({ rps }) => rps);

test("disturbed rounds do not count, unless too few are left", () => {
  expect(counted(0.1, 0.9, 0.2, 0.3, 1.5)).toEqual([0, 2, 3]);
  expect(counted(0.1, 0.9, 0.2, 0.8, 1.5)).toEqual([0, 2, 3]);
  expect(counted(0.4, 0.5)).toEqual([0, 1]);
});

test("a median is the middle one, or between the two", () => {
  expect(median([9, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 10])).toBe(3.5);
  expect(median([])).toBeNaN();
});
