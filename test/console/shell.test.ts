import { expect, test } from "bun:test";
import { asCli, asCurl, quoted } from "../../src/console/shell.ts";

const hostile = ["", "a b", "it's", "$(touch x)", "`id`", '"', "\\", "\n", "-rf", "*", "~", "web-1"];

test("a shell takes a quoted text for one word, unchanged", () => {
  for (const text of hostile) {
    const { stdout } = Bun.spawnSync(["sh", "-c", `printf '%s|' ${quoted(text)}`]);
    expect(stdout.toString()).toBe(`${text}|`);
  }
});

test("a call is copied with its method, its query and its body", () => {
  const reading = { method: "GET", path: "/operate/v1/sources?q=it's" } as const;
  expect(asCurl("http://h:1", reading)).toBe(
    `curl -g -H "X-Auth-Token: $FERRY_TOKEN" 'http://h:1/operate/v1/sources?q=it'\\''s'`,
  );
  const sending = { method: "POST", path: "/x", body: { command_name: "START" } } as const;
  expect(asCli(sending)).toBe(`ferry api POST /x -d '{"command_name":"START"}'`);
  expect(asCurl("http://h:1", sending)).toContain(`-X POST`);
});
