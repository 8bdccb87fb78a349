import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { parseMasterKey, Sealer } from "../../src/core/sealed.ts";

const sealer = new Sealer(new Uint8Array(32).fill(1), randomBytes);

describe("Sealer", () => {
  test("opens what it sealed, and no two sealed texts are alike", () => {
    const sealed = sealer.seal("päss", "p");
    expect(sealer.open(sealed, "p")).toBe("päss");
    expect(sealer.open(sealer.seal("", "p"), "p")).toBe("");
    expect(sealer.seal("päss", "p")).not.toBe(sealed);
  });

  test("refuses another key, another purpose and any changed digit", () => {
    const sealed = sealer.seal("secret", "p");
    expect(() => new Sealer(new Uint8Array(32).fill(2), randomBytes).open(sealed, "p")).toThrow();
    expect(() => sealer.open(sealed, "q")).toThrow();
    for (let at = 3; at < sealed.length - 1; at += 1) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
      expect(() => sealer.open(changed, "p")).toThrow();
    }
    expect(() => sealer.open("v2.abc", "p")).toThrow();
    expect(() => new Sealer(new Uint8Array(16), randomBytes)).toThrow("32 bytes");
  });

  test("a master key is 64 hex digits", () => {
    expect(parseMasterKey(`${"0a".repeat(32)}\n`)?.length).toBe(32);
    for (const text of ["", "0a", "0a".repeat(33), "zz".repeat(32)]) expect(parseMasterKey(text)).toBeUndefined();
  });
});
