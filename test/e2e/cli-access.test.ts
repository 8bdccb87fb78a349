import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exitCodes } from "../../src/cli/failure.ts";
import { endAll, Ferry } from "./executable.ts";

/* Users and keys by the command line, as an admin of the running service. */

const PASSWORD = "pa ss word";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});
afterAll(endAll);

async function cli(args: string[], code: number = exitCodes.done, stdin = "", env: Record<string, string> = {}) {
  const result = await ferry.cli(args, env, stdin);
  expect({ args, ...result }).toEqual({ args, stdout: expect.any(String), stderr: expect.any(String), code });
  return result;
}
const rows = async (...args: string[]) =>
  (await cli(args)).stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t"));
/** The lines a new key is printed as. */
const variablesOf = ({ stdout }: { stdout: string }): Record<string, string> =>
  Object.fromEntries(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split("=", 2)),
  );

describe("user", () => {
  test("create, list, sign in, role, password, disable, enable, delete", async () => {
    const made = await cli(["user", "create", "pat", "--role", "operator", "--password-stdin"], 0, `${PASSWORD}\n`);
    expect(made.stderr).toContain("pat");
    const row = async () => (await rows("user", "list")).find(([name]) => name === "pat")?.slice(0, 4);
    expect(await row()).toEqual(["pat", "operator", "active", "yes"]);

    const signIn = (password: string, code: number) =>
      cli(["login", "p", "--endpoint", ferry.url, "--user", "pat", "--password-stdin"], code, password);
    await signIn("another one", exitCodes.notSignedIn);
    await signIn(PASSWORD, exitCodes.done);
    const asPat = (code: number, ...args: string[]) => cli(["--profile", "p", ...args], code);
    await asPat(exitCodes.done, "source", "list");
    await asPat(exitCodes.refused, "user", "list");

    await cli(["user", "role", "pat", "viewer"]);
    await asPat(exitCodes.notSignedIn, "source", "list");
    expect(await row()).toEqual(["pat", "viewer", "active", "yes"]);
    await cli(["user", "password", "pat", "--password-stdin"], 0, "quite another one");
    await signIn(PASSWORD, exitCodes.notSignedIn);
    await signIn("quite another one", exitCodes.done);
    await asPat(exitCodes.done, "source", "list");

    await cli(["user", "disable", "pat"]);
    expect(await row()).toEqual(["pat", "viewer", "disabled", "yes"]);
    await asPat(exitCodes.notSignedIn, "source", "list");
    await cli(["user", "enable", "pat"]);
    expect(await row()).toEqual(["pat", "viewer", "active", "yes"]);
    await cli(["user", "delete", "pat"]);
    expect(await row()).toBeUndefined();
    await cli(["user", "delete", "pat"], exitCodes.notFound);
  });

  test("of another account", async () => {
    await cli(["account", "create", "b"]);
    await cli(["user", "create", "pat", "--role", "viewer", "--account", "b"]);
    expect((await rows("user", "list", "--account", "b")).map(([name]) => name)).toEqual(["pat", "admin"]);
    await cli(["user", "disable", "pat"], exitCodes.notFound);
    await cli(["user", "disable", "pat", "--account", "b"]);
    const key = variablesOf(await cli(["key", "create", "--account", "b"]));
    const { stdout } = await cli(["user", "list", "--json"], 0, "", key);
    expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(["pat", "admin"]);
  });

  test("what cannot be is refused", async () => {
    await cli(["user", "create", "x", "--role", "king"], exitCodes.usage);
    await cli(["user", "create", "x"], exitCodes.usage);
    await cli(["user", "create", "x", "--role", "viewer", "--password-stdin"], exitCodes.usage, "");
    await cli(["user", "create", "x", "--role", "viewer", "--password-stdin"], exitCodes.usage, "short");
    await cli(["user", "disable", "admin"], exitCodes.refused);
  });
});

describe("key", () => {
  test("create: narrower, temporary, and its lines sign in", async () => {
    const viewer = variablesOf(await cli(["key", "create", "--role", "viewer", "--description", "for the wall"]));
    expect(Object.keys(viewer)).toEqual(["FERRY_ENDPOINT", "FERRY_ACCESS_KEY", "FERRY_SECRET_KEY", "FERRY_PROJECT_ID"]);
    await cli(["source", "list"], exitCodes.done, "", viewer);
    await cli(["key", "list"], exitCodes.refused, "", viewer);

    const temporary = await cli(["key", "create", "--role", "viewer", "--expires-in", "60"]);
    expect(temporary.stderr).toContain("good until");
    const { FERRY_SECURITY_TOKEN = "", ...bare } = variablesOf(temporary);
    await cli(["source", "list"], exitCodes.done, "", { ...bare, FERRY_SECURITY_TOKEN });
    await cli(["source", "list"], exitCodes.notSignedIn, "", bare);
    const json = JSON.parse((await cli(["key", "create", "--expires-in", "60", "--json"])).stdout);
    expect(Object.keys(json)).toContain("security_token");

    await cli(["key", "create", "--role", "king"], exitCodes.usage);
    await cli(["key", "create", "--expires-in", "soon"], exitCodes.usage);
    await cli(["key", "create", "--enrolment", "--role", "operator"], exitCodes.usage);
  });

  test("an enrolment key registers one source; list tells user, binding, expiry and state; rotate and disable", async () => {
    await cli(["user", "create", "agents", "--role", "agent"]);
    const enrolment = variablesOf(await cli(["key", "create", "--user", "agents", "--enrolment"]));
    const listed = async (key: string | undefined) =>
      (await rows("key", "list")).find(([access_key]) => access_key === key)?.slice(1, 6);
    expect(await listed(enrolment.FERRY_ACCESS_KEY)).toEqual(["agent", "unused", "agents", "-", "-"]);
    const id = (await cli(["source", "register", "web-1", "--again", "--ip", "192.0.2.1"], 0, "", enrolment)).stdout;
    expect((await listed(enrolment.FERRY_ACCESS_KEY))?.slice(1, 4)).toEqual(["bound", "agents", id.trim()]);
    await cli(["poll", id.trim()], exitCodes.done, "", enrolment);

    const fresh = variablesOf(await cli(["key", "rotate", enrolment.FERRY_ACCESS_KEY ?? "", "--overlap", "0"]));
    await cli(["poll", id.trim()], exitCodes.notSignedIn, "", enrolment);
    await cli(["poll", id.trim()], exitCodes.done, "", fresh);
    expect((await listed(enrolment.FERRY_ACCESS_KEY))?.[1]).toBe("expired");
    await cli(["key", "disable", fresh.FERRY_ACCESS_KEY ?? ""]);
    expect((await listed(fresh.FERRY_ACCESS_KEY))?.[1]).toBe("disabled");
    await cli(["poll", id.trim()], exitCodes.notSignedIn, "", fresh);
  });
});
