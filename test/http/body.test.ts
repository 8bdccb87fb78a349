import { describe, expect, test } from "bun:test";
import { readBody } from "../../src/http/body.ts";

const MiB = 1024 * 1024;

/** A request whose body stays open until `finish`. */
function openRequest(sent: number, declared?: number) {
  let finish = () => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(new Uint8Array(sent));
      finish = () => controller.close();
    },
  });
  const headers = declared === undefined ? {} : { "content-length": String(declared) };
  return { request: new Request("http://h/", { method: "POST", body, headers }), finish };
}

const kindOf = (reading: Promise<unknown>) =>
  reading.then(
    () => "read",
    (error) => error.kind,
  );

describe("readBody", () => {
  test.each([
    [12 * MiB, "read"],
    [12 * MiB + 1, "tooLarge"],
  ])("%d bytes, with and without a declared length: %s", async (length, outcome) => {
    for (const declared of [length, undefined]) {
      const { request, finish } = openRequest(length, declared);
      finish();
      expect(await kindOf(readBody(request))).toBe(outcome);
    }
  });

  test.each([
    ["declared", 12 * MiB],
    ["in chunks", undefined],
  ])(
    "many bodies held back (%s) do not fill the memory: more are refused until some have come",
    async (_how, declared) => {
      const held = Array.from({ length: 21 }, () => openRequest(12 * MiB, declared));
      const reading = held.map(({ request }) => kindOf(readBody(request)));
      await new Promise((resolve) => setTimeout(resolve, 50)); // all chunks have been taken
      const late = openRequest(5 * MiB, declared === undefined ? undefined : 5 * MiB);
      late.finish();
      expect(await kindOf(readBody(late.request))).toBe("unavailable");
      for (const { finish } of held) finish();
      expect(new Set(await Promise.all(reading))).toEqual(new Set(["read"]));
      const again = openRequest(12 * MiB, declared);
      again.finish();
      expect(await kindOf(readBody(again.request))).toBe("read");
    },
  );

  test("a length that is only announced takes nobody's room", async () => {
    const held = Array.from({ length: 30 }, () => openRequest(1, 12 * MiB));
    const reading = held.map(({ request }) => kindOf(readBody(request)));
    const other = openRequest(5 * MiB, 5 * MiB);
    other.finish();
    expect(await kindOf(readBody(other.request))).toBe("read");
    for (const { finish } of held) finish();
    await Promise.all(reading);
  });

  test("a smaller bound holds too", async () => {
    for (const [length, outcome] of [
      [100, "read"],
      [101, "tooLarge"],
    ] as const) {
      for (const declared of [length, undefined]) {
        const { request, finish } = openRequest(length, declared);
        finish();
        expect(await kindOf(readBody(request, 100))).toBe(outcome);
      }
    }
  });

  test("a body that breaks off is the sender's fault", async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("gone")) });
    expect(await kindOf(readBody(new Request("http://h/", { method: "POST", body })))).toBe("invalid");
  });
});
