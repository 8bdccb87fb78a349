import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const ask = (segment: string) => ferry.call("viewer", "GET", `/v3/sha256/${segment}`);

describe("showSha256", () => {
  test("answers the published value", async () => {
    // FIPS 180-2, the one-block example.
    const { status, json } = await ask("abc");
    expect([status, json]).toEqual([
      200,
      { value: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    ]);
  });

  test.each([
    ["a%2Fb", "a/b"],
    ["a%20b", "a b"],
    ["a+b", "a+b"],
    ["%C3%A9", "é"],
    ["%F0%9F%98%80", "😀"],
    ["v3", "v3"],
    ["x".repeat(16384), "x".repeat(16384)],
    ["%F0%9F%98%80".repeat(3000), "😀".repeat(3000)],
  ])("the UTF-8 of the segment with its escapes undone", async (segment, key) => {
    const value = createHash("sha256").update(Buffer.from(key, "utf8")).digest("hex");
    expect((await ask(segment)).json).toEqual({ value });
  });

  test("more than 16384 characters are refused, and no key is no operation", async () => {
    const { status, json } = await ask("x".repeat(16385));
    expect([status, json.error_code, json.error_msg]).toEqual([
      400,
      "SMS.8001",
      "key (in the path) must have at most 16384 characters",
    ]);
    expect((await ask("")).json.error_code).toBe("APIGW.0101");
    expect((await ask("a/b")).json.error_code).toBe("APIGW.0101");
  });

  test("is not for agents' keys", async () => {
    expect((await ferry.call("agent", "GET", "/v3/sha256/abc")).status).toBe(403);
  });
});
