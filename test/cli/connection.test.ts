import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseConnection, signedIn } from "../../src/cli/connection.ts";
import type { ConnectionFlags } from "../../src/cli/connection-flags.ts";
import { type Profile, readProfiles, writeProfiles } from "../../src/cli/profiles.ts";
import { START } from "../harness.ts";

const folder = mkdtempSync(join(tmpdir(), "ferry-connection-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = join(folder, "data");
const files = { XDG_CONFIG_HOME: join(folder, "config"), FERRY_DATA: data };
const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const certificate = join(folder, "own.pem");

const envKey = { FERRY_ACCESS_KEY: "ENV", FERRY_SECRET_KEY: "env-secret" };
const vendor = { HUAWEICLOUD_SDK_AK: "VENDOR", HUAWEICLOUD_SDK_SK: "vendor-secret" };
const bootstrapFile = "FERRY_ENDPOINT=http://local:1\nFERRY_ACCESS_KEY=LOCAL\nFERRY_SECRET_KEY=local=secret\n";
const prod: Profile = { endpoint: "https://prod", access_key: "PROD", secret_key: "prod-secret" };

const local = { endpoint: "http://local:1", access_key: "LOCAL", secret_key: "local=secret" };
const DEFAULT = "http://127.0.0.1:8900";

beforeEach(() => {
  rmSync(data, { recursive: true, force: true });
  rmSync(files.XDG_CONFIG_HOME, { recursive: true, force: true });
  mkdirSync(data);
  writeFileSync(certificate, PEM);
});

function withBootstrap(text = bootstrapFile): void {
  writeFileSync(join(data, "bootstrap.env"), text);
}

function withProfiles(profiles: Record<string, Profile>, current?: string): void {
  writeProfiles({ ...readProfiles(files), current, byName: new Map(Object.entries(profiles)) });
}

/** What is called and what is sent along; `source` and what is not set are left out. */
function chosen(environment: Record<string, string> = {}, flags: ConnectionFlags = {}) {
  const { source, ...rest } = chooseConnection({ ...files, ...environment }, flags, START);
  return rest;
}

const refused = (reason: string, message: string | RegExp) =>
  expect.objectContaining({ reason, message: expect.stringMatching(message) });

describe("each place comes before the next", () => {
  const named = { ...prod, profile: "prod" };
  const other = { endpoint: "https://other", access_key: "OTHER", secret_key: "other-secret", profile: "other" };
  beforeEach(() => {
    withBootstrap();
    const { profile, ...values } = other;
    withProfiles({ prod, other: values }, "other");
  });

  test.each([
    ["--profile", { ...envKey, FERRY_ENDPOINT: "http://env" }, { profile: "prod" }, named],
    ["--profile, before another", { FERRY_PROFILE: "other" }, { profile: "prod" }, named],
    [
      "--endpoint",
      envKey,
      { endpoint: "http://flag:2/" },
      { endpoint: "http://flag:2", access_key: "ENV", secret_key: "env-secret" },
    ],
    [
      "--endpoint, before FERRY_PROFILE",
      { FERRY_PROFILE: "prod" },
      { endpoint: "http://flag" },
      { endpoint: "http://flag" },
    ],
    [
      "FERRY_ENDPOINT",
      { ...envKey, FERRY_ENDPOINT: "http://env" },
      {},
      { endpoint: "http://env", access_key: "ENV", secret_key: "env-secret" },
    ],
    ["FERRY_TOKEN", { FERRY_TOKEN: "t", FERRY_ENDPOINT: "http://env" }, {}, { endpoint: "http://env", token: "t" }],
    [
      "FERRY_SECURITY_TOKEN",
      { ...envKey, FERRY_SECURITY_TOKEN: "s", FERRY_ENDPOINT: "http://env" },
      {},
      { endpoint: "http://env", access_key: "ENV", secret_key: "env-secret", security_token: "s" },
    ],
    [
      "a key alone, for the service of this folder",
      envKey,
      {},
      { endpoint: "http://local:1", access_key: "ENV", secret_key: "env-secret" },
    ],
    ["FERRY_PROFILE, before bootstrap.env", { FERRY_PROFILE: "prod" }, {}, named],
    ["bootstrap.env, before the current profile", vendor, {}, local],
    ["the current profile, before the vendor's variables", { ...vendor, FERRY_DATA: "nowhere" }, {}, other],
  ] as const)("%s", (_name, environment, flags, expected) => {
    expect(chosen(environment, flags)).toEqual(expected);
  });
});

test("without any place: the default endpoint, and the vendor's variables where they are set", () => {
  expect(chosen()).toEqual({ endpoint: DEFAULT });
  expect(chosen(vendor)).toEqual({ endpoint: DEFAULT, access_key: "VENDOR", secret_key: "vendor-secret" });
  withProfiles({ prod });
  expect(chosen()).toEqual({ endpoint: DEFAULT });
});

describe("a secret goes nowhere but where it belongs", () => {
  beforeEach(() => {
    withBootstrap();
    withProfiles({ prod }, "prod");
  });
  const secrets = /local=secret|prod-secret|env-secret/;

  test.each([
    ["FERRY_ENDPOINT alone", { FERRY_ENDPOINT: "http://elsewhere" }, {}],
    ["FERRY_ENDPOINT that is the profile's", { FERRY_ENDPOINT: prod.endpoint }, {}],
    ["--endpoint alone", {}, { endpoint: "http://elsewhere" }],
    [
      "--endpoint beside a key of FERRY_ENDPOINT",
      { ...envKey, FERRY_ENDPOINT: "http://env" },
      { endpoint: "http://elsewhere" },
    ],
    [
      "--endpoint beside a token of FERRY_ENDPOINT",
      { FERRY_TOKEN: "env-secret", FERRY_ENDPOINT: "http://env" },
      { endpoint: "http://elsewhere" },
    ],
  ] as const)("%s", (_name, environment, flags) => {
    const connection = chooseConnection({ ...files, ...environment }, flags, START);
    expect(JSON.stringify(connection)).not.toMatch(secrets);
    expect(() => signedIn(connection, files)).toThrow(refused("notSignedIn", /no credentials for/));
  });

  test("a key alone is not for the current profile", () => {
    expect(chosen({ ...envKey, FERRY_DATA: "nowhere" }).endpoint).toBe(DEFAULT);
  });

  test("a key that was given with an endpoint goes to it under whatever name", () => {
    const environment = { ...envKey, FERRY_ENDPOINT: "http://env/" };
    expect(chosen(environment, { endpoint: "http://env" })).toMatchObject({ access_key: "ENV" });
  });

  test.each([
    [{ FERRY_PROFILE: "prod", FERRY_ENDPOINT: "http://env" }, {}, /FERRY_PROFILE and FERRY_ENDPOINT/],
    [{ FERRY_PROFILE: "prod", ...envKey }, {}, /FERRY_PROFILE and FERRY_ACCESS_KEY/],
    [{ FERRY_PROFILE: "prod", FERRY_TOKEN: "t" }, {}, /FERRY_PROFILE and FERRY_TOKEN/],
    [{ ...envKey, FERRY_TOKEN: "t" }, {}, /FERRY_ACCESS_KEY and FERRY_TOKEN/],
    [{}, { profile: "prod", endpoint: "http://elsewhere" }, /leave out --endpoint/],
  ] as const)("two that contradict each other are refused: %p %p", (environment, flags, message) => {
    expect(() => chosen(environment, flags)).toThrow(refused("usage", message));
  });

  test("an unreadable bootstrap.env is not passed over for the current profile", () => {
    rmSync(join(data, "bootstrap.env"));
    mkdirSync(join(data, "bootstrap.env")); // unreadable for root too
    expect(() => chosen()).toThrow(refused("failed", /bootstrap\.env cannot be read/));
    expect(chosen({}, { profile: "prod" })).toMatchObject({ access_key: "PROD" });
  });
});

describe("who is not signed in is told what to do", () => {
  const token: Profile = { endpoint: "https://prod", user: "pat", account: "a", token: "t" };
  const at = (ms: number) => new Date(START + ms).toISOString().replace("Z", "000Z");

  test("a token is good until its time", () => {
    withProfiles({ prod: { ...token, token_expires_at: at(1) } }, "prod");
    expect(chosen()).toEqual({ endpoint: "https://prod", token: "t", profile: "prod" });
    withProfiles({ prod: { ...token, token_expires_at: at(0) } }, "prod");
    expect(() => chosen()).toThrow(refused("notSignedIn", /has expired; sign in again: ferry login prod$/));
  });

  test.each([
    [
      "signed out",
      { prod: { endpoint: "https://prod", access_key: "PROD" } },
      /signed out; sign in again: ferry login prod$/,
    ],
    ["not there", {}, /there is no profile prod/],
  ])("a profile that is %s", (_name, profiles, message) => {
    withProfiles(profiles);
    expect(() => chosen({}, { profile: "prod" })).toThrow(refused("notSignedIn", message));
  });

  test("half a key", () => {
    expect(() => chosen({ FERRY_ACCESS_KEY: "ENV" })).toThrow(
      refused("notSignedIn", /ENV is set without its secret key/),
    );
    withBootstrap("FERRY_ACCESS_KEY=LOCAL\n");
    expect(() => chosen()).toThrow(refused("notSignedIn", /LOCAL is set without its secret key/));
  });
});

describe("certificates to trust", () => {
  const pem = (name: string) => {
    const path = join(folder, `${name}.pem`);
    const text = PEM.replace("MIIB", name);
    writeFileSync(path, text);
    return { path, text };
  };
  const [flag, variable, ofBootstrap, ofProfile] = ["FLAG", "VARIABLE", "BOOT", "PROFILE"].map(pem) as [
    ReturnType<typeof pem>,
    ReturnType<typeof pem>,
    ReturnType<typeof pem>,
    ReturnType<typeof pem>,
  ];
  const withAll = () => {
    withBootstrap(`${bootstrapFile}FERRY_CACERT=${ofBootstrap.path}\n`);
    withProfiles({ prod: { ...prod, ca: ofProfile.text } }, "prod");
  };

  test.each([
    ["--cacert", { FERRY_CACERT: variable.path }, { cacert: flag.path }, flag.text],
    ["--cacert, before a named profile's", {}, { cacert: flag.path, profile: "prod" }, flag.text],
    ["a named profile's, before FERRY_CACERT", { FERRY_CACERT: variable.path }, { profile: "prod" }, ofProfile.text],
    ["FERRY_CACERT, before bootstrap.env's", { FERRY_CACERT: variable.path }, {}, variable.text],
    [
      "FERRY_CACERT, before the current profile's",
      { FERRY_CACERT: variable.path, FERRY_DATA: "nowhere" },
      {},
      variable.text,
    ],
    ["bootstrap.env's", {}, {}, ofBootstrap.text],
    ["the current profile's", { FERRY_DATA: "nowhere" }, {}, ofProfile.text],
    ["none of a place that is not called", { FERRY_ENDPOINT: "http://env" }, {}, undefined],
  ] as const)("%s", (_name, environment, flags, expected) => {
    withAll();
    expect(chosen(environment, flags).ca).toBe(expected as string);
  });

  test("a file that is none is refused", () => {
    writeFileSync(certificate, "-----BEGIN PRIVATE KEY-----\n");
    expect(() => chosen({}, { cacert: certificate })).toThrow(refused("usage", /--cacert: .* holds no certificate/));
    expect(() => chosen({ FERRY_CACERT: "nowhere" })).toThrow(refused("usage", /FERRY_CACERT: ENOENT/));
  });
});

test.each([
  "127.0.0.1:8900",
  "ftp://h",
  "http://",
  "http://user:secret@h",
  "http://user@h",
  "http://h/?a=b",
  "http://h#a",
])("%p is no endpoint", (text) => {
  expect(() => chosen({ FERRY_ENDPOINT: text })).toThrow(refused("usage", /^FERRY_ENDPOINT takes/));
  expect(() => chosen({ FERRY_ENDPOINT: text })).not.toThrow(/secret/);
});
