import { describe, expect, test } from "bun:test";
import { type Block, BlockReader } from "../../src/client/server-sent-events.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function read(...pieces: (string | Uint8Array)[]): Block[] {
  const reader = new BlockReader();
  return pieces.flatMap((piece) => reader.push(typeof piece === "string" ? bytes(piece) : piece));
}

describe("blocks of a stream", () => {
  test("an id goes on until another one; data is the block's own", () => {
    expect(read("retry: 1000\nid: 7\n\nid: 8\ndata: {}\n\ndata: [1]\n\nid: 9\n\n")).toEqual([
      { id: "7", data: undefined },
      { id: "8", data: "{}" },
      { id: "8", data: "[1]" },
      { id: "9", data: undefined },
    ]);
  });

  test("comments, other fields and empty blocks say nothing", () => {
    expect(read(": hello\n\n\n\nretry: 5\n\nevent: other\n\nunknown\n\n: id: 3\n\n")).toEqual([]);
  });

  test("a field without a value, a value with colons and spaces, data of several lines", () => {
    expect(read("id\ndata\n\n", "id:4\ndata:a: b\ndata:  two\ndata\n\n")).toEqual([
      { id: "", data: "" },
      { id: "4", data: "a: b\n two\n" },
    ]);
  });

  test("an id with NUL is none; a byte order mark at the start is not part of the field", () => {
    expect(read("\uFEFFid: 1\n\n", "id: 2\u0000\ndata: x\n\n")).toEqual([
      { id: "1", data: undefined },
      { id: "1", data: "x" },
    ]);
  });

  test("what has not ended is no block", () => {
    expect(read("id: 1\ndata: x\n")).toEqual([]);
    expect(read("id: 1\ndata: x")).toEqual([]);
  });

  // Every end of line, a character of each length, and an end of line right behind a character.
  const stream = bytes("id: 1\r\ndata: aä€😀\r\n\r\nid: 2\rdata: b\r\rid: 3\ndata: ü\n\nid: 4\r\n\r\n");
  const told: Block[] = [
    { id: "1", data: "aä€😀" },
    { id: "2", data: "b" },
    { id: "3", data: "ü" },
    { id: "4", data: undefined },
  ];

  test("cut at any place they are the same", () => {
    for (let at = 0; at <= stream.length; at += 1) {
      expect([at, read(stream.subarray(0, at), stream.subarray(at))]).toEqual([at, told]);
    }
  });

  test("byte by byte they are the same", () => {
    expect(read(...Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(told);
  });
});
