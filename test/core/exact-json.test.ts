import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jsonDigest, memberText } from "../../src/core/exact-json.ts";

describe("memberText", () => {
  test("finds the member whatever stands around it", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        fc.constantFrom("", "  "),
        (others, value, space) => {
          const { wanted: _, ...rest } = others;
          const text = JSON.stringify({ ...rest, wanted: value, also: { wanted: 1 } }, null, space);
          return JSON.stringify(JSON.parse(memberText(text, "wanted") ?? "")) === JSON.stringify(value);
        },
      ),
    );
  });

  test("the last of two, an escaped name, none", () => {
    expect(memberText('{"a":1,"a": 2.0 }', "a")).toBe("2.0");
    expect(memberText('{"\\u0061":[1]}', "a")).toBe("[1]");
    expect(memberText('{"b":{"a":1},"c":"\\"a\\":2"}', "a")).toBeUndefined();
    expect(memberText("{}", "a")).toBeUndefined();
  });

  test("strings of megabytes, all escapes", () => {
    const text = `{"a":"${"\\n".repeat(3_000_000)}","b":{"c":1}}`;
    expect(memberText(text, "b")).toBe('{"c":1}');
    expect(memberText(text, "a")?.length).toBe(6_000_002);
  });
});

test("12 MiB of the smallest values take about as long as JSON.parse does, not many times that", () => {
  for (const item of ["{}", "1", '"x"', '{"a":1}']) {
    const text = `{"a":[${Array(Math.floor(12e6 / (item.length + 1)))
      .fill(item)
      .join(",")}]}`;
    const detail = memberText(text, "a") ?? "";
    expect(detail.length).toBe(text.length - 6);
    expect(jsonDigest(detail)).toHaveLength(32);
  }
}, 10_000);

describe("jsonDigest", () => {
  test("is equal for equal values written differently", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        return jsonDigest(JSON.stringify(value)) === jsonDigest(JSON.stringify(reversed, null, 2));
      }),
    );
  });

  test.each([
    ["1", "1.0"],
    ["1", '"1"'],
    ['"n1"', "1"],
    ["12345678901234567890", "12345678901234567891"],
    ["null", '"null"'],
    ["[1,2]", "[2,1]"],
    ["{}", "[]"],
    ['{"__proto__":1}', "{}"],
    ['{"a":null}', "{}"],
    ['"\\u00e9"', '"e"'],
  ])("tells %s from %s", (a, b) => {
    expect(jsonDigest(a)).not.toBe(jsonDigest(b));
  });

  test("takes an escape for what it means", () => {
    expect(jsonDigest('{"\\u0061":"\\u00fc"}')).toBe(jsonDigest('{"a":"ü"}'));
  });
});
