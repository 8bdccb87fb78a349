import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { checkedName, type Profile, profileNamed, readProfiles, writeProfiles } from "../../src/cli/profiles.ts";
import { testUnless } from "../e2e/executable.ts";

const testWithModes = testUnless(process.platform === "win32" ? "Windows has no modes" : undefined);
const folder = mkdtempSync(join(tmpdir(), "ferry-profiles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const environment = { XDG_CONFIG_HOME: join(folder, "config"), HOME: join(folder, "home") };
const path = join(environment.XDG_CONFIG_HOME, "ferry", "config.toml");
beforeEach(() => rmSync(environment.XDG_CONFIG_HOME, { recursive: true, force: true }));

function write(profiles: [string, Profile][], current?: string): void {
  writeProfiles({ path, current, byName: new Map(profiles), rest: {} });
}

function writeText(text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
}

test("without a file there is no profile", () => {
  expect(readProfiles(environment)).toEqual({ path, current: undefined, byName: new Map(), rest: {} });
  expect(existsSync(path)).toBe(false);
});

test("whatever names and values hold, they come back as they were", () => {
  const anything = fc.string({ unit: "binary", maxLength: 30 }).filter((text) => text.isWellFormed());
  const hostile = fc.oneof(
    anything,
    fc.constantFrom('"', "'''", '"""', "\\", "a\nb\r\n", "[x]", "\u0000\u001b", "__proto__"),
  );
  const profile = fc.record(
    { endpoint: hostile, access_key: hostile, secret_key: hostile, user: hostile, account: hostile, ca: hostile },
    { requiredKeys: ["endpoint"] },
  );
  const names = fc.oneof(
    fc.constantFrom("constructor", "toString", "current", "a.b", "1"),
    fc.stringMatching(/^[a-z][a-z.-]{0,9}$/),
  );
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(names, profile), { selector: ([name]) => name, maxLength: 4 }), (profiles) => {
      const [first] = profiles;
      write(profiles, first?.[0]);
      const { current, byName } = readProfiles(environment);
      expect(current).toBe(first?.[0]);
      expect([...byName].sort()).toEqual(
        profiles.map(([name, values]): [string, Profile] => [name, { ...values }]).sort(),
      );
    }),
    { numRuns: 200 },
  );
});

test("what a newer ferry keeps there stays", () => {
  writeText('new = 1\n[profile.a]\nendpoint = "http://a"\nregion = "r"\n');
  const profiles = readProfiles(environment);
  profiles.byName.set("b", { endpoint: "http://b" });
  writeProfiles(profiles);
  expect(Bun.TOML.parse(readFileSync(path, "utf8"))).toEqual({
    new: 1,
    profile: { a: { endpoint: "http://a", region: "r" }, b: { endpoint: "http://b" } },
  });
});

test("a current profile that is gone is none", () => {
  write([["a", { endpoint: "http://a" }]], "b");
  expect(readProfiles(environment).current).toBeUndefined();
});

testWithModes("file and folder are for their owner only, and nothing else is left behind", () => {
  write([["a", { endpoint: "http://a", secret_key: "s" }]]);
  write([["a", { endpoint: "http://a", secret_key: "s" }]]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  expect(readdirSync(dirname(path))).toEqual(["config.toml"]);
});

testWithModes.each([0o640, 0o604, 0o660])("a file of mode %o is refused, with what to run", (mode) => {
  writeText('[profile.a]\nendpoint = "http://a"\n');
  chmodSync(path, mode);
  expect(() => readProfiles(environment)).toThrow(`${path} can be read by others: run chmod 600 ${path}`);
});

test.each([
  ['[profile.a]\nendpoint = "http://a"\nsecret_key = hunter2\n', /is not TOML any more/],
  ['[profile.a]\nsecret_key = "hunter2"\n', /profile\.a\.endpoint is not what/],
  ['[profile.a]\nendpoint = "http://a"\nsecret_key = ["hunter2"]\n', /profile\.a\.secret_key is not what/],
  ['profile = "hunter2"\n', /profile is not what/],
])("a damaged file is refused without showing what is in it: %p", (text, message) => {
  writeText(text);
  expect(() => readProfiles(environment)).toThrow(message);
  expect(() => readProfiles(environment)).not.toThrow(/hunter2/);
});

describe("where the file lies", () => {
  const home = join(folder, "home", ".config", "ferry", "config.toml");
  test.each([
    [environment, path],
    [{ HOME: environment.HOME }, home],
    [{ HOME: environment.HOME, XDG_CONFIG_HOME: "" }, home],
    [{ HOME: environment.HOME, XDG_CONFIG_HOME: "relative" }, home],
  ])("%p", (given, expected) => {
    expect(readProfiles(given).path).toBe(expected);
  });
});

test("names", () => {
  for (const name of ["a", "A.b_c-9", "x".repeat(64)]) expect(checkedName(name)).toBe(name);
  for (const name of ["", ".a", "-a", "__proto__", "a b", "ü", "x".repeat(65)])
    expect(() => checkedName(name)).toThrow("a profile's name");
  write([["a", { endpoint: "http://a" }]]);
  expect(() => profileNamed(readProfiles(environment), "toString")).toThrow("there is no profile toString: a");
});
